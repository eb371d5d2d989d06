//! A registry token.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use dockpass_protocol::api::{IssueTokenRequest, IssuedToken, ProblemDocument};
use dockpass_protocol::code::ErrorCode;
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method};

use super::extract::{client_of, no_query, read_json};
use crate::audit;
use crate::broker::{Broker, BrokerRequest, Identity};
use crate::carrier::{self, Presented};
use crate::error::ApiError;
use crate::rate_limit::Refused;
use crate::recorder::Recorder;
use crate::session::SessionInfo;
use crate::state::AppState;

/// `POST /v1/token`: with a session or anonymous. A token that denies a scope is a successful response: the page
/// decides what to do about it.
#[utoipa::path(
    post,
    path = "/v1/token",
    summary = "A registry token",
    request_body = IssueTokenRequest,
    security((), ("session" = []), ("session_cookie" = [])),
    responses(
        (status = 200, description = "A token with its grants", body = IssuedToken),
        (status = "default", description = "An error", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn post(State(state): State<AppState>, request: Request) -> Result<Response, ApiError> {
    // Not by extractors, one of which would copy all headers.
    let (head, body) = request.into_parts();
    no_query(&head.uri)?;
    let request: IssueTokenRequest = read_json(&head.headers, body, &state).await?;
    let (headers, address) = (&head.headers, client_of(&head.extensions, &head.headers, &state));
    let registry = state.registries.find(&request.registry)?;
    let scopes = Broker::scopes(&request.scopes)?;
    let mut presented_session = None;
    let identity = match state.carriers.session(&Method::POST, headers, Some(registry.name()))? {
        None => Identity::Anonymous,
        Some(presented) => {
            let info = state.sessions.info(&presented.sealed).await?;
            if info.registry != registry.name() {
                return Err(ErrorCode::RegistryMismatch.into());
            }
            presented_session = Some((presented.clone(), Arc::clone(&info)));
            Identity::Session(presented.sealed, info)
        }
    };
    let broker_request = BrokerRequest {
        registry: Arc::clone(&registry),
        identity,
        scopes,
        seen: request.challenge,
        fresh: request.fresh,
        doubtful_will_not_do: false,
    };
    let session = presented_session.as_ref().map(|(presented, _)| *presented.sealed.hash());
    let count = broker_request.scopes.len();
    let admit = || {
        let admitted = state.request_limits.token(address, session.as_ref(), count);
        admitted.map(Some).map_err(|Refused { limit, seconds }| {
            state.limits_hit.hit(limit);
            audit::limited(limit, registry.name(), address);
            seconds
        })
    };
    let recorder = Recorder::new();
    recorder.registry(registry.name());
    match state.broker.token_if(broker_request, &recorder, admit).await {
        Ok(token) => {
            let now_ms = state.clock.now_ms();
            let steps = if request.trace { recorder.take_steps() } else { Vec::new() };
            let replaced = presented_session
                .map(|(presented, info)| hand_out(&state, headers, &presented, &info))
                .unwrap_or_default();
            let body = if steps.is_empty() && replaced.session.is_none() {
                token.response(now_ms)
            } else {
                json(&IssuedToken { steps, session: replaced.session, ..token.issued(now_ms) })
            };
            let mut response = Response::new(Body::from(body.ok_or(ErrorCode::Internal)?));
            *response.headers_mut() = replaced.cookies;
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            Ok(response)
        }
        Err(error) => {
            audit::realm_refused(registry.name(), &error, address);
            Err(ApiError::from(error).with_report(recorder.take_report(), request.trace))
        }
    }
}

/// The response with what only some have. Its buffer has room for all of it: growing would copy the token.
fn json(issued: &IssuedToken) -> Option<Vec<u8>> {
    let mut body = Vec::with_capacity(issued.token.len() + 1_024);
    serde_json::to_writer(&mut body, issued).ok()?;
    Some(body)
}

/// The session that has taken the place of the one presented.
#[derive(Debug, Default)]
struct Replaced {
    /// As its cookie.
    cookies: HeaderMap,
    /// For the response.
    session: Option<String>,
}

/// Hands out the session that has taken the place of the one presented, if one has: in the response, or as its cookie
/// (decision 0028).
fn hand_out(state: &AppState, headers: &HeaderMap, presented: &Presented, info: &SessionInfo) -> Replaced {
    let mut replaced = Replaced::default();
    let latest = state.sessions.latest(&presented.sealed);
    if latest.hash() == presented.sealed.hash() {
        return replaced;
    }
    if presented.by_cookie {
        let left_ms = info.expires_at_ms().saturating_sub(state.clock.now_ms());
        let left = Duration::from_millis(u64::try_from(left_ms).unwrap_or_default());
        // The old cookie still stands for the new session in this process. A session of several parts is not worth
        // several requests here.
        let whole = carrier::Cookies::of(latest.text()).filter(|parts| parts.rest().is_empty());
        let Some((cookie, gone)) =
            whole.and_then(|parts| parts.set_first(state.carriers.scope(), headers, &info.registry, left))
        else {
            return replaced;
        };
        let all = std::iter::once(cookie).chain(gone).map(|cookie| (SET_COOKIE, cookie));
        replaced.cookies.extend(all);
    } else {
        replaced.session = Some(latest.text().to_owned());
    }
    replaced
}
