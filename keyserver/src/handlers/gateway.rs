//! The gateway's route: `/r/{registry}/v2/…`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use dockpass_protocol::api::{CSRF_HEADER, Carrier, GATEWAY, ProblemDocument};
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::uri::percent_decode;
use http::header::{CONTENT_DISPOSITION, HeaderMap, HeaderName, HeaderValue, UPGRADE};
use http_body::Body as _;
use http_body_util::BodyExt;
use secrecy::SecretString;

use super::extract::client_of;
use crate::audit;
use crate::carrier::{self, Bearer};
use crate::error::ApiError;
use crate::gateway::{Caller, Relay, Target, has_account, is_loop};
use crate::held_body::HeldBody;
use crate::http_client::RequestBodyError;
use crate::rate_limit::Refused;
use crate::recorder::Recorder;
use crate::registry::Registry;
use crate::session::SealedText;
use crate::state::AppState;

/// Marks a relayed registry response, which keeps its own error body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relayed;

/// `Sec-Fetch-Dest` values with which a page may load registry content: to read or to save it.
const DESTINATIONS: [&str; 2] = ["empty", "document"];

/// Any method on any path below `/r/`.
#[utoipa::path(
    get,
    path = "/r/{registry}/v2/{path}",
    summary = "The registry's own API (distribution-spec), relayed",
    description = "Every request of the distribution specification, by the methods that the gateway lets pass. With a \
                   registry token in `Authorization`, it is relayed as it is; with a session, the gateway gets the \
                   token or attaches the credentials itself.",
    params(
        ("registry" = String, Path, description = "Canonical name, as in /v1/registries"),
        ("path" = String, Path, description = "The rest of the path"),
    ),
    security((), ("session" = []), ("session_cookie" = [])),
    responses(
        (status = 200, description = "The response of the registry, whatever its status"),
        (status = "default", description = "The registry's own error, or a problem document of the gateway", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn any(State(state): State<AppState>, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    is_wanted_as_data(&head.headers)?;
    if is_loop(&head.headers) || head.headers.contains_key(UPGRADE) {
        return Err(ErrorCode::InvalidRequest.into());
    }
    if !state.gateway.admits(&head.method) {
        return Err(ApiError::method_not_allowed(state.gateway.methods()));
    }
    let (registry, path) = head
        .uri
        .path()
        .strip_prefix(GATEWAY)
        .and_then(|rest| rest.split_at_checked(rest.find('/')?))
        .ok_or(ErrorCode::NotFound)?;
    // Some clients escape the colon of host:port, which is not required in a path segment.
    let registry = percent_decode(registry).and_then(|name| String::from_utf8(name).ok());
    let registry = state.registries.find(&registry.ok_or(ErrorCode::InvalidRegistry)?)?;
    let target = match Target::parse(head.method.as_str(), path, head.uri.query()) {
        Err(ErrorCode::MethodNotAllowed) => {
            return Err(ApiError::method_not_allowed(state.gateway.methods()));
        }
        target => target?,
    };
    let is_catalog = has_account(&registry, &head.method, &target);
    let caller = caller(&state, &registry, &head.method, &head.headers, is_catalog).await?;
    let session = match &caller {
        Caller::Session(sealed, _) => Some(sealed.hash()),
        Caller::Anonymous | Caller::Token(_) => None,
    };
    let client = client_of(&head.extensions, &head.headers, &state);
    let admission = state.request_limits.relay(client, session).map_err(|Refused { limit, seconds }| {
        state.limits_hit.hit(limit);
        audit::limited(limit, registry.name(), client);
        ApiError::from(ErrorCode::RateLimited).retry_after(seconds)
    })?;
    let is_empty = body.is_end_stream();
    let body = (!head.method.is_safe())
        .then(|| body.map_err(|error| RequestBodyError(error.into()).into()).boxed_unsync());
    let headers = &head.headers;
    let relay = Relay {
        registry: Arc::clone(&registry),
        method: head.method,
        target,
        headers,
        body,
        is_empty,
        caller,
    };
    let recorder = Recorder::new();
    match state.gateway.relay(relay, &recorder).await {
        Ok(response) => {
            let mut response = response.map(|body| Body::new(HeldBody::new(body, admission)));
            if is_navigation(&head.headers) {
                // Opened in a tab, it is saved and not shown, whatever it is.
                response.headers_mut().insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
            }
            response.extensions_mut().insert(Relayed);
            Ok(response)
        }
        Err(error) => {
            audit::realm_refused(registry.name(), &error, client_of(&head.extensions, &head.headers, &state));
            // A page shows its user what happened; others have the log.
            let wanted = head.headers.contains_key(CSRF_HEADER);
            Err(ApiError::from(error).with_report(recorder.take_report(), wanted))
        }
    }
}

/// The caller of a relayed request. A registry token is relayed unchanged, whatever cookies come with it; a session
/// is never relayed. Only for the catalog that an account of the key server lists (`is_catalog`), the session of the cookie
/// counts: a page has a token for the catalog, which grants its user nothing.
async fn caller(
    state: &AppState,
    registry: &Registry,
    method: &http::Method,
    headers: &HeaderMap,
    is_catalog: bool,
) -> Result<Caller, ApiError> {
    let sealed = match carrier::bearer(headers) {
        Bearer::Other(token) if !is_catalog => return Ok(Caller::Token(SecretString::from(token))),
        Bearer::Other(token) => {
            let cookie = state.carriers.cookie(headers, Some(registry.name()))?;
            match state.carriers.by_cookie(method, headers, cookie.as_deref())? {
                None => return Ok(Caller::Token(SecretString::from(token))),
                Some(sealed) => sealed,
            }
        }
        Bearer::Unreadable => return Err(ErrorCode::InvalidRequest.into()),
        Bearer::Session(token) => {
            state.carriers.admit(Carrier::Bearer)?;
            if state.carriers.cookie(headers, Some(registry.name()))?.is_some() {
                return Err(ErrorCode::InvalidRequest.into());
            }
            SealedText::new(token)
        }
        Bearer::None => {
            let cookie = state.carriers.cookie(headers, Some(registry.name()))?;
            match state.carriers.by_cookie(method, headers, cookie.as_deref())? {
                None => return Ok(Caller::Anonymous),
                Some(sealed) => sealed,
            }
        }
    };
    let info = state.sessions.info(&sealed).await?;
    if info.registry != registry.name() {
        return Err(ErrorCode::RegistryMismatch.into());
    }
    Ok(Caller::Session(sealed, info))
}

/// Whether a browser opens the response as a document.
fn is_navigation(headers: &HeaderMap) -> bool {
    headers.get_all("sec-fetch-dest").iter().any(|value| value == "document")
        || headers.get_all("sec-fetch-mode").iter().any(|value| value == "navigate")
}

/// Browsers send what a resource is loaded for (Fetch Metadata). Registry content as a script, style, worker or frame
/// is refused; without the header the client is not a browser.
fn is_wanted_as_data(headers: &HeaderMap) -> Result<(), ErrorCode> {
    let destination = HeaderName::from_static("sec-fetch-dest");
    let fine = headers.get_all(destination).iter().all(|value| DESTINATIONS.iter().any(|name| value == name));
    if fine && !headers.contains_key("service-worker") {
        Ok(())
    } else {
        Err(ErrorCode::DestinationNotAllowed)
    }
}
