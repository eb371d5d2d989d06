//! Login.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use dockpass_protocol::api::{Carrier, LoginRequest, ProblemDocument, SessionResponse};
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::credential::Credential;
use http::header::SET_COOKIE;
use http::{HeaderMap, Method};
use secrecy::{ExposeSecret, SecretString};

use super::extract::{ApiJson, ClientAddress, NoQuery};
use crate::error::ApiError;
use crate::rate_limit::{AccountName, Refused};
use crate::recorder::Recorder;
use crate::session::{SealedText, SessionError, SessionInfo};
use crate::state::AppState;
use crate::{audit, carrier, login};

/// Longest user name.
const MAX_USERNAME: usize = 255;
/// The user name that Docker sends with an identity token.
const TOKEN_USER: &str = "<token>";

/// `POST /v1/sessions`.
///
/// The response closes its connection in every case: the password stays in the connection's read buffer until then.
/// The outermost middleware does this, so that it applies to refusals as well.
#[utoipa::path(
    post,
    path = "/v1/sessions",
    summary = "Log in",
    request_body = LoginRequest,
    responses(
        (status = 200, description = "The credentials were verified; the session is in the body or in a cookie", body = SessionResponse),
        (status = "default", description = "An error", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn post(
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    _: NoQuery,
    headers: HeaderMap,
    ApiJson(request): ApiJson<LoginRequest>,
) -> Result<Response, ApiError> {
    state.carriers.admit(request.carrier)?;
    if request.carrier == Carrier::Cookie {
        // A cross-site login would log the user in as somebody else (threat SES-13).
        state.carriers.guard(&Method::POST, &headers)?;
    }
    let registry = state.registries.find(&request.registry)?;
    let credential = credential(&request, state.settings.limits.credential_bytes)?;
    let limited = |Refused { limit, seconds }| {
        state.limits_hit.hit(limit);
        audit::limited(limit, registry.name(), address);
        ApiError::from(ErrorCode::RateLimited).retry_after(seconds)
    };
    state.request_limits.login(address).map_err(limited)?;
    let account = AccountName::of(registry.name(), &credential);
    let attempt = state.login_limits.admit(address, account).await.map_err(limited)?;
    let recorder = Recorder::new();
    recorder.registry(registry.name());
    let proof = match login::prove(&registry, credential, &*state.clock, &*state.random, &recorder).await {
        Ok(proof) => {
            attempt.succeeded();
            proof
        }
        Err(error) => {
            attempt.failed(error.code).await;
            audit::login_refused(registry.name(), &error, address);
            audit::realm_refused(registry.name(), &error, address);
            return Err(ApiError::from(error).with_report(recorder.take_report(), request.trace));
        }
    };
    let lifetime = state.settings.session.lifetime_of(request.carrier);
    let capacity = match request.carrier {
        Carrier::Cookie => carrier::CAPACITY,
        Carrier::Bearer => usize::MAX,
    };
    let sealed_session = state.sessions.seal(registry.name(), &proof, capacity, lifetime).await?;
    audit::login(&state.settings.log, &sealed_session.info, request.carrier, address);
    let mut body = session_response(&sealed_session.info, &SealedText::new(&sealed_session.text));
    if request.trace {
        body.steps = recorder.take_steps();
    }
    match request.carrier {
        Carrier::Bearer => {
            body.session = Some(sealed_session.text);
            Ok(Json(body).into_response())
        }
        Carrier::Cookie => {
            let cookies = carrier::Cookies::of(&sealed_session.text).ok_or(SessionError::TooLarge)?;
            let (first, gone) = cookies
                .set_first(state.carriers.scope(), &headers, registry.name(), lifetime)
                .ok_or_else(|| {
                    tracing::error!("the sealed session is not a valid cookie value");
                    SessionError::Sealing
                })?;
            if !gone.is_empty() {
                tracing::info!(
                    cookies = gone.len(),
                    "login: earlier session cookies of the browser are removed to make room"
                );
            }
            body.parts = cookies.rest().to_vec();
            let mut response = Json(body).into_response();
            let fields = response.headers_mut();
            fields.insert(SET_COOKIE, first);
            for field in gone {
                fields.append(SET_COOKIE, field);
            }
            Ok(response)
        }
    }
}

/// The session as the API shows it.
pub(super) fn session_response(info: &SessionInfo, sealed: &SealedText) -> SessionResponse {
    SessionResponse {
        registry: info.registry.clone(),
        username: info.username.clone(),
        id: sealed.id(),
        expires_at: info.expires_at_ms(),
        auth: info.auth.clone(),
        session: None,
        parts: Vec::new(),
        steps: Vec::new(),
    }
}

fn credential(request: &LoginRequest, max_bytes: usize) -> Result<Credential, ErrorCode> {
    let username = request.username.clone();
    if username.as_ref().is_some_and(|name| !is_user_id(name)) {
        return Err(ErrorCode::InvalidUsername);
    }
    let within = |secret: &SecretString| match secret.expose_secret() {
        "" => Err(ErrorCode::InvalidRequest),
        text if text.contains('\0') => Err(ErrorCode::InvalidRequest),
        text if text.len() > max_bytes => Err(ErrorCode::CredentialsTooLarge),
        _ => Ok(secret.clone()),
    };
    match (username, &request.password, &request.identity_token) {
        (Some(username), Some(password), None) => {
            Ok(Credential::Password { username, password: within(password)? })
        }
        (username, None, Some(token)) => {
            let username = username.unwrap_or_else(|| TOKEN_USER.to_owned());
            Ok(Credential::RefreshToken { username, token: within(token)? })
        }
        _ => Err(ErrorCode::InvalidRequest),
    }
}

/// RFC 7617 §2: no colon and no control character; not empty, because that names nobody.
fn is_user_id(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_USERNAME
        && !name.contains(':')
        && !name.chars().any(char::is_control)
}
