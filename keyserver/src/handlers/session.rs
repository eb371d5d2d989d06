//! The current session, and logout.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use dockpass_protocol::api::{ProblemDocument, SessionPart, SessionResponse};
use dockpass_protocol::code::ErrorCode;
use http::header::SET_COOKIE;
use http::{HeaderMap, Method, StatusCode};

use super::extract::{ApiJson, ClientAddress, NoQuery, Query, RegistryQuery};
use crate::audit;
use crate::carrier::{self, Presented};
use crate::error::ApiError;
use crate::session::{SealedText, SessionError};
use crate::state::AppState;

/// `GET /v1/session`. Without a session the response is 204 and not an error: browsers log every error on the console, and
/// a page sends this request at each visit.
#[utoipa::path(
    get,
    path = "/v1/session",
    summary = "Who am I",
    params(("registry" = Option<String>, Query, description = "The registry whose session is meant, if there are several cookies")),
    security((), ("session" = []), ("session_cookie" = [])),
    responses(
        (status = 200, description = "The session is valid", body = SessionResponse),
        (status = 204, description = "The request has no session"),
        (status = "default", description = "An error", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    Query(query): Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (presented, wanted) = presented(&state, &Method::GET, &headers, &query)?;
    let Some(presented) = presented else { return Ok(StatusCode::NO_CONTENT.into_response()) };
    let info = state.sessions.info(&presented.sealed).await?;
    if wanted.is_some_and(|wanted| wanted != info.registry) {
        return Err(ErrorCode::RegistryMismatch.into());
    }
    Ok(Json(super::sessions::session_response(&info, &presented.sealed)).into_response())
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
    ClientAddress(address): ClientAddress,
    Query(query): Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (presented, wanted) = presented(&state, &Method::DELETE, &headers, &query)?;
    let presented = presented.ok_or(ErrorCode::LoginRequired)?;
    let (mut response, registry) = match state.sessions.opened(&presented.sealed).await {
        Ok(info) => {
            if wanted.as_ref().is_some_and(|wanted| *wanted != info.registry) {
                return Err(ErrorCode::RegistryMismatch.into());
            }
            state.sessions.revoke(&info).await?;
            audit::logout(&state.settings.log, &info, address);
            (StatusCode::NO_CONTENT.into_response(), Some(info.registry.clone()))
        }
        // An expired session has the wanted state already, unless only this clock says so.
        Err(SessionError::Expired) => {
            state.sessions.revoke_expired(&presented.sealed).await;
            (StatusCode::NO_CONTENT.into_response(), wanted)
        }
        Err(error @ SessionError::Invalid) => (ApiError::from(error).into_response(), wanted),
        // It may still be valid. Without its cookie nobody could revoke it any more.
        Err(error) => return Err(error.into()),
    };
    if presented.by_cookie
        && let Some(registry) = registry
    {
        for cookie in carrier::Cookies::clear(state.carriers.scope(), &headers, &registry) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
    Ok(response)
}

/// `PUT /v1/session`: puts one more part of a session into its cookie.
///
/// A session with a long password is longer than the headers that proxies let one response have. A login sets the cookie
/// of its first part and returns the others in its body; the page sends each back, and this sets its cookie. Without the
/// first part, which scripts never see, the others open nothing.
#[utoipa::path(
    put,
    path = "/v1/session",
    summary = "Set the cookie of another part of a session",
    request_body = SessionPart,
    security(("session_cookie" = [])),
    responses(
        (status = 204, description = "The cookie is set; after the last part, the session is complete and good"),
        (status = "default", description = "An error", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn put(
    State(state): State<AppState>,
    _: NoQuery,
    headers: HeaderMap,
    ApiJson(part): ApiJson<SessionPart>,
) -> Result<Response, ApiError> {
    state.carriers.guard(&Method::PUT, &headers)?;
    let registry = state.registries.find(&part.registry)?;
    let is_text =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !(2..=carrier::MAX_PARTS).contains(&part.number)
        || !(1..=carrier::PART).contains(&part.text.len())
        || !is_text(&part.text)
    {
        return Err(ErrorCode::InvalidRequest.into());
    }
    let began = state.carriers.cookie(&headers, Some(registry.name()))?.ok_or(ErrorCode::LoginRequired)?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    if part.is_last {
        // All or nothing: what does not make a good session is removed.
        let whole = SealedText::new(&format!("{began}{}", part.text));
        let good = state.sessions.info(&whole).await;
        if good.is_ok_and(|info| info.registry == registry.name()) {
            tracing::debug!(registry = registry.name(), "session cookies are complete");
        } else {
            let mut response = ApiError::from(ErrorCode::InvalidSession).into_response();
            for cookie in carrier::Cookies::clear(state.carriers.scope(), &headers, registry.name()) {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            return Ok(response);
        }
    }
    let lifetime = state.settings.session.lifetime;
    let cookie = carrier::Cookies::set_part(
        state.carriers.scope(),
        registry.name(),
        part.number,
        &part.text,
        lifetime,
    );
    response.headers_mut().insert(SET_COOKIE, cookie.ok_or(ErrorCode::InvalidRequest)?);
    Ok(response)
}

/// The session that was sent, if any, and the canonical name of the registry in the query.
fn presented(
    state: &AppState,
    method: &Method,
    headers: &HeaderMap,
    query: &RegistryQuery,
) -> Result<(Option<Presented>, Option<String>), ApiError> {
    let wanted = match &query.registry {
        Some(text) => Some(state.registries.find(text)?.name().to_owned()),
        None => None,
    };
    let presented = state.carriers.session(method, headers, wanted.as_deref())?;
    Ok((presented, wanted))
}
