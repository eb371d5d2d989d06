//! A registry token.

use axum::Json;
use axum::extract::State;
use dockpass_protocol::api::{IssueTokenRequest, IssuedToken, ProblemDocument};
use dockpass_protocol::code::ErrorCode;
use http::{HeaderMap, Method};

use super::extract::{ApiJson, ClientAddress, NoQuery};
use crate::broker::{Broker, BrokerRequest, Identity};
use crate::carrier;
use crate::error::ApiError;
use crate::recorder::Recorder;
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
) -> Result<Json<IssuedToken>, ApiError> {
    let registry = state.registries.find(&request.registry)?;
    let scopes = Broker::scopes(&request.scopes)?;
    let identity =
        match carrier::session(&Method::POST, &headers, Some(registry.name()), state.page_origins.own())? {
            None => Identity::Anonymous,
            Some(presented) => {
                let info = state.sessions.info(&presented.sealed).await?;
                if info.registry != registry.name() {
                    return Err(ErrorCode::RegistryMismatch.into());
                }
                Identity::Session(presented.sealed, info)
            }
        };
    let broker_request =
        BrokerRequest { registry, identity, scopes, seen: request.challenge, fresh: request.fresh };
    let is_anonymous = matches!(broker_request.identity, Identity::Anonymous);
    let admit = || if is_anonymous { state.anonymous_limits.take(address) } else { Ok(()) };
    let recorder = Recorder::new();
    recorder.registry(broker_request.registry.name());
    match state.broker.token_if(broker_request, &recorder, admit).await {
        Ok(token) => {
            let mut issued = token.issued(state.clock.now_ms());
            if request.trace {
                issued.steps = recorder.take_steps();
            }
            Ok(Json(issued))
        }
        Err(error) => Err(ApiError::from(error).with_report(recorder.take_report(), request.trace)),
    }
}

#[cfg(test)]
mod tests;
