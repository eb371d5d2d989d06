//! The outermost middleware: request id, problem documents, headers of every response, one log line.

use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use dockpass_protocol::api::{PROBLEM_MEDIA_TYPE, SESSIONS};
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::origin::Scheme;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName,
    HeaderValue, REFERRER_POLICY, RETRY_AFTER, SERVER, STRICT_TRANSPORT_SECURITY, VARY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use tracing::Instrument;

use crate::clock::hex;
use crate::error::{ApiError, Draft};
use crate::figures::Route;
use crate::state::AppState;

/// Default headers of every response.
const DEFAULTS: [(HeaderName, &str); 7] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
];
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Assigns the request id, writes the problem document of an error, and logs one line; never the query, headers or
/// body.
pub(super) async fn finish(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id(&state);
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let carries_password = path == SESSIONS;
    // The caller's own id is not used: it would allow writing into the log.
    request.headers_mut().remove(&REQUEST_ID);
    // At the highest level, so that every event of the request belongs to it whatever the filter.
    let span = tracing::error_span!("request", request_id = %id);
    let mut response = with_problem(next.run(request).instrument(span).await, &id);
    let failed = response.extensions().get::<Draft>().map(|draft| &draft.0);
    let status = response.status().as_u16();
    let time = began.elapsed();
    state.requests.add(Route::of(&path), status, failed.map(ApiError::code), time);
    let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let path = shortened(&path);
    match failed {
        Some(error) if error.is_ours() => {
            tracing::error!(request_id = %id, %method, path, status, ms, code = %error.code(), "request failed");
        }
        Some(error) => {
            let upstream = error.upstream_status();
            tracing::info!(request_id = %id, %method, path, status, ms, code = %error.code(), upstream, "request");
        }
        None => tracing::info!(request_id = %id, %method, path, status, ms, "request"),
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    for (name, value) in DEFAULTS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if carries_password {
        // The password stays in the connection's read buffer until the connection closes.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if state.own_origin.scheme() == Scheme::Https {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    headers.append(VARY, HeaderValue::from_static("Origin"));
    headers.remove(SERVER);
    response
}

/// API responses are for their caller only and must not be stored.
pub(super) async fn no_store(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Replaces the body of an error response by a problem document.
fn with_problem(response: Response, id: &str) -> Response {
    let status = response.status();
    let error = match response.extensions().get::<Draft>() {
        Some(draft) => draft.0.clone(),
        // An error of the framework has no document yet. A relayed registry response has a marker.
        None if status.is_client_error() || status.is_server_error() => {
            if response.extensions().get::<Relayed>().is_some() {
                return response;
            }
            ApiError::from(match status.as_u16() {
                400 => ErrorCode::InvalidRequest,
                404 => ErrorCode::NotFound,
                405 => ErrorCode::MethodNotAllowed,
                408 => ErrorCode::RequestTimeout,
                413 => ErrorCode::PayloadTooLarge,
                414 => ErrorCode::UriTooLong,
                415 => ErrorCode::UnsupportedMediaType,
                431 => ErrorCode::HeadersTooLarge,
                503 => ErrorCode::Overloaded,
                _ => {
                    tracing::error!(status = status.as_u16(), "an error response without a problem document");
                    ErrorCode::Internal
                }
            })
        }
        None => return response,
    };
    let problem = error.problem(id);
    let (mut head, _body) = response.into_parts();
    head.status = error.status();
    head.headers.remove(CONTENT_LENGTH);
    head.headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_MEDIA_TYPE));
    head.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = problem.retry_after {
        head.headers.insert(RETRY_AFTER, seconds.into());
    }
    if let Some(methods) = error.allowed() {
        head.headers.insert(ALLOW, HeaderValue::from_static(methods));
    }
    head.extensions.insert(Draft(error));
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    Response::from_parts(head, Body::from(body))
}

/// Marks a relayed registry response, which keeps its own error body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relayed;

fn request_id(state: &AppState) -> String {
    let mut bytes = [0_u8; 8];
    // Without randomness the request is still served; its id is then all zeros.
    state.random.fill(&mut bytes).ok();
    hex(&bytes)
}

/// The path is input: only a bounded part of it is logged, without control characters, which could steer a terminal.
fn shortened(path: &str) -> String {
    path.chars().take(96).map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect()
}
