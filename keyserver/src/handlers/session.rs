//! The current session, and logout.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use dockpass_protocol::api::{ProblemDocument, SessionResponse};
use dockpass_protocol::code::ErrorCode;
use http::header::SET_COOKIE;
use http::{HeaderMap, Method, StatusCode};

use super::extract::{Query, RegistryQuery};
use crate::carrier::{self, Presented};
use crate::error::ApiError;
use crate::session::SessionError;
use crate::state::AppState;

/// `GET /v1/session`.
#[utoipa::path(
    get,
    path = "/v1/session",
    summary = "Who am I",
    params(("registry" = Option<String>, Query, description = "The registry whose session is meant, if there are several cookies")),
    security(("session" = []), ("session_cookie" = [])),
    responses(
        (status = 200, description = "The session is valid", body = SessionResponse),
        (status = "default", description = "An error", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    Query(query): Query,
    headers: HeaderMap,
) -> Result<Json<SessionResponse>, ApiError> {
    let (presented, wanted) = presented(&state, &Method::GET, &headers, &query)?;
    let info = state.sessions.info(&presented.sealed).await?;
    if wanted.is_some_and(|wanted| wanted != info.registry) {
        return Err(ErrorCode::RegistryMismatch.into());
    }
    Ok(Json(super::sessions::session_response(&info)))
}

/// `DELETE /v1/session`: revokes the session and removes its cookie.
#[utoipa::path(
    delete,
    path = "/v1/session",
    summary = "Log out",
    params(("registry" = Option<String>, Query, description = "The registry whose session is meant, if there are several cookies")),
    security(("session" = []), ("session_cookie" = [])),
    responses(
        (status = 204, description = "The session is revoked"),
        (status = "default", description = "An error", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn delete(
    State(state): State<AppState>,
    Query(query): Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (presented, wanted) = presented(&state, &Method::DELETE, &headers, &query)?;
    let (mut response, registry) = match state.sessions.opened(&presented.sealed).await {
        Ok(info) => {
            if wanted.as_ref().is_some_and(|wanted| *wanted != info.registry) {
                return Err(ErrorCode::RegistryMismatch.into());
            }
            state.sessions.revoke(&info).await?;
            tracing::info!(registry = %info.registry, jti = %info.jti, "logout");
            (StatusCode::NO_CONTENT.into_response(), Some(info.registry.clone()))
        }
        // An expired session has the wanted state already.
        Err(SessionError::Expired) => (StatusCode::NO_CONTENT.into_response(), wanted),
        Err(error @ SessionError::Invalid) => (ApiError::from(error).into_response(), wanted),
        // It may still be valid. Without its cookie nobody could revoke it any more.
        Err(error) => return Err(error.into()),
    };
    if presented.by_cookie
        && let Some(cookie) = registry.as_deref().and_then(carrier::clear_cookie)
    {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// The session that was sent, and the canonical name of the registry in the query.
fn presented(
    state: &AppState,
    method: &Method,
    headers: &HeaderMap,
    query: &RegistryQuery,
) -> Result<(Presented, Option<String>), ApiError> {
    let wanted = match &query.registry {
        Some(text) => Some(state.registries.find(text)?.name().to_owned()),
        None => None,
    };
    let presented = carrier::session(method, headers, wanted.as_deref(), state.page_origins.own())?;
    Ok((presented.ok_or(ErrorCode::LoginRequired)?, wanted))
}

#[cfg(test)]
mod tests;
