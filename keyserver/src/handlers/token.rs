//! A registry token.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use dockpass_protocol::api::{IssueTokenRequest, IssuedToken, ProblemDocument};
use dockpass_protocol::code::ErrorCode;
use http::header::SET_COOKIE;
use http::{HeaderMap, Method};

use super::extract::{ApiJson, ClientAddress, NoQuery};
use crate::audit;
use crate::broker::{Broker, BrokerRequest, Identity};
use crate::carrier::{self, Presented};
use crate::error::ApiError;
use crate::figures::Limit;
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
pub(crate) async fn post(
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    _: NoQuery,
    headers: HeaderMap,
    ApiJson(request): ApiJson<IssueTokenRequest>,
) -> Result<Response, ApiError> {
    let registry = state.registries.find(&request.registry)?;
    let scopes = Broker::scopes(&request.scopes)?;
    let mut presented_session = None;
    let identity = match state.carriers.session(&Method::POST, &headers, Some(registry.name()))? {
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
    let is_anonymous = matches!(broker_request.identity, Identity::Anonymous);
    let admit = || {
        if !is_anonymous {
            return Ok(());
        }
        state.anonymous_limits.take(address).inspect_err(|_| {
            state.limits_hit.hit(Limit::Anonymous);
            audit::limited(Limit::Anonymous, registry.name(), address);
        })
    };
    let recorder = Recorder::new();
    recorder.registry(registry.name());
    match state.broker.token_if(broker_request, &recorder, admit).await {
        Ok(token) => {
            let mut issued = token.issued(state.clock.now_ms());
            if request.trace {
                issued.steps = recorder.take_steps();
            }
            let mut cookies = HeaderMap::new();
            if let Some((presented, info)) = presented_session {
                cookies = hand_out(&state, &headers, &presented, &info, &mut issued);
            }
            Ok((cookies, Json(issued)).into_response())
        }
        Err(error) => {
            audit::realm_refused(registry.name(), &error, address);
            Err(ApiError::from(error).with_report(recorder.take_report(), request.trace))
        }
    }
}

/// Hands out the session that has taken the place of the one presented, if one has: in the response, or as its cookie
/// (decision 0028).
fn hand_out(
    state: &AppState,
    headers: &HeaderMap,
    presented: &Presented,
    info: &SessionInfo,
    issued: &mut IssuedToken,
) -> HeaderMap {
    let mut cookies = HeaderMap::new();
    let latest = state.sessions.latest(&presented.sealed);
    if latest.hash() == presented.sealed.hash() {
        return cookies;
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
            return cookies;
        };
        cookies.extend(std::iter::once(cookie).chain(gone).map(|cookie| (SET_COOKIE, cookie)));
    } else {
        issued.session = Some(latest.text().to_owned());
    }
    cookies
}
