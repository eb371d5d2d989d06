//! A registry token.

use axum::Json;
use axum::extract::State;
use dockpass_protocol::api::{Problem, TokenAnswer, TokenAsk};
use dockpass_protocol::code::ErrorCode;
use http::{HeaderMap, Method};

use super::extract::{ApiJson, ClientAddress, NoQuery};
use crate::broker::{Ask, Broker, Identity};
use crate::carrier;
use crate::error::ApiError;
use crate::state::AppState;

/// `POST /v1/token`: with a session or anonymous. A token that denies something is an answer as well: what to do about
/// it is for the page to decide.
#[utoipa::path(
    post,
    path = "/v1/token",
    summary = "A registry token",
    request_body = TokenAsk,
    security((), ("session" = []), ("session_cookie" = [])),
    responses(
        (status = 200, description = "A token, and what it grants by its own words", body = TokenAnswer),
        (status = "default", description = "An error", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn post(
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    _: NoQuery,
    headers: HeaderMap,
    ApiJson(ask): ApiJson<TokenAsk>,
) -> Result<Json<TokenAnswer>, ApiError> {
    let registry = state.registries.find(&ask.registry)?;
    let scopes = Broker::scopes(&ask.scopes)?;
    let identity = match carrier::session(&Method::POST, &headers, Some(registry.name()), &state.own_origin)?
    {
        None => Identity::Anonymous,
        Some(presented) => {
            let facts = state.sessions.facts(&presented.sealed).await?;
            if facts.registry != registry.name() {
                return Err(ErrorCode::RegistryMismatch.into());
            }
            Identity::Session(presented.sealed, facts)
        }
    };
    let question = Ask { registry, identity, scopes, seen: ask.challenge, fresh: ask.fresh };
    let is_anonymous = matches!(question.identity, Identity::Anonymous);
    let admit = || if is_anonymous { state.anonymous_limits.take(address) } else { Ok(()) };
    match state.broker.token_if(question, admit).await {
        Ok(token) => {
            let mut answer = token.answer(state.clock.now_ms());
            if ask.trace {
                answer.steps = token.steps;
            }
            Ok(Json(answer))
        }
        Err(error) => {
            let steps = error.steps.clone();
            Err(ApiError::from(error).with_steps(steps, ask.trace))
        }
    }
}

#[cfg(test)]
mod tests;
