//! Sends the requests of a flow with the HTTP client, and passes the responses back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use dockpass_protocol::doctor::{Context, Diagnosis, diagnose};
use dockpass_protocol::flow::{Authorization, HttpRequest, ResponseHead, StepRecord, TransportError, Wait};
use dockpass_protocol::origin::Origin;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::http_client::{UpstreamBody, empty};
use crate::registry::Registry;

/// The header that identifies a registry (distribution `docs/content/spec/api.md`).
const API_VERSION: &str = "docker-distribution-api-version";

/// The value of `Authorization`; marked sensitive, so that no library logs it. `None` where none is sent, including
/// [`Authorization::FromSession`], which the holder of the session replaces beforehand.
pub(crate) fn authorization(authorization: &Authorization) -> Option<HeaderValue> {
    let text = match authorization {
        Authorization::None | Authorization::FromSession => return None,
        Authorization::Bearer(token) => Zeroizing::new(format!("Bearer {}", token.expose_secret())),
        Authorization::Basic { username, password } => {
            let pair = Zeroizing::new(format!("{username}:{}", password.expose_secret()));
            // Allocated once, because growing would leave copies.
            let mut text = Zeroizing::new(String::with_capacity(pair.len() / 3 * 4 + 16));
            text.push_str("Basic ");
            STANDARD.encode_string(pair.as_bytes(), &mut text);
            text
        }
    };
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Sends the request of a flow to the registry or its token service, and passes the response or the error to the
/// flow. The error is `Invalid` also when the target is not a URL, or the token contains what a header cannot.
pub(crate) async fn send(
    registry: &Registry,
    request: &HttpRequest,
    report: impl FnOnce(Result<(&ResponseHead<'_>, &[u8]), TransportError>),
) {
    let response = match http_request(registry.origin(), request) {
        Ok(request) => registry.client().exchange(request).await,
        Err(error) => Err(error),
    };
    match response {
        Ok(response) => {
            let (head, body) = response.into_parts();
            with_head(head.status, &head.headers, |head| report(Ok((head, &body))));
        }
        Err(error) => report(Err(error)),
    }
}

/// The HTTP request for a flow's request. A target that is a path is one at the registry.
fn http_request(registry: &Origin, request: &HttpRequest) -> Result<Request<UpstreamBody>, TransportError> {
    let uri = if request.target.starts_with('/') {
        format!("{registry}{}", request.target)
    } else {
        request.target.clone()
    };
    let wants_authorization =
        !matches!(request.authorization, Authorization::None | Authorization::FromSession);
    let mut builder = Request::builder().method(request.method).uri(uri).header(ACCEPT, "application/json");
    match authorization(&request.authorization) {
        Some(value) => builder = builder.header(AUTHORIZATION, value),
        None if wants_authorization => return Err(TransportError::Invalid),
        None => {}
    }
    let body = match &request.form {
        Some(form) => {
            builder = builder.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            form_body(form)
        }
        None => empty(),
    };
    builder.body(body).map_err(|_| TransportError::Invalid)
}

fn form_body(form: &SecretString) -> UpstreamBody {
    Full::new(Bytes::copy_from_slice(form.expose_secret().as_bytes()))
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// Calls `see` with the parts of this head that a flow uses.
pub(crate) fn with_head<T>(
    status: StatusCode,
    headers: &HeaderMap,
    see: impl FnOnce(&ResponseHead<'_>) -> T,
) -> T {
    // Lossy on purpose: a challenge with bytes beyond ASCII is still parsed, and fails there if necessary.
    let lines: Vec<String> = headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned())
        .collect();
    let challenges: Vec<&str> = lines.iter().map(String::as_str).collect();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    see(&ResponseHead {
        status: status.as_u16(),
        challenges: &challenges,
        api_version: text(API_VERSION),
        content_type: text(CONTENT_TYPE.as_str()),
        retry_after: text(RETRY_AFTER.as_str()).and_then(|wait| Wait::parse(wait, text(DATE.as_str()))),
        date: text(DATE.as_str()),
        location: text(LOCATION.as_str()),
    })
}

/// Logs the steps of a flow. Records contain neither secrets nor queries.
pub(crate) fn log_steps(steps: &[StepRecord]) {
    for step in steps {
        let StepRecord { hop, method, target, status, sent, decision, .. } = step;
        tracing::debug!(%hop, %method, %target, status, sent = sent.as_deref(), decision = decision.as_str(), "step");
    }
}

/// Logs the diagnosis of a failed request once: what is wrong and what to do. Failures on the way to success are not
/// logged.
pub(crate) fn log_diagnosis(steps: &[StepRecord], context: &Context) {
    if steps.last().is_some_and(|last| last.code.is_some()) {
        let Diagnosis { code, hop, evidence, fix } = diagnose(steps, context);
        let hop = hop.map(tracing::field::display);
        let evidence: Vec<_> = evidence.iter().map(|seen| format!("{}={}", seen.what, seen.value)).collect();
        tracing::info!(diagnosis = %code, hop, evidence = evidence.join(" "), fix, "diagnosis");
    }
}
