//! The outermost middleware: request id, problem documents, headers of every response, one log line.

use std::future::Future;
use std::time::Instant;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use dockpass_protocol::api::{PROBLEM_MEDIA_TYPE, SESSIONS};
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::origin::Scheme;
use http::Method;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName,
    HeaderValue, REFERRER_POLICY, RETRY_AFTER, SERVER, STRICT_TRANSPORT_SECURITY, VARY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

use crate::error::{ApiError, Draft};
use crate::figures::Route;
use crate::handlers::gateway::Relayed;
use crate::request_id::{self, RequestId};
use crate::state::AppState;

/// Default headers of every response.
static DEFAULTS: [(HeaderName, HeaderValue); 7] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=()"),
    ),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
];
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is noted of a request when it arrives.
#[derive(Debug)]
pub(super) struct Begun {
    at: Instant,
    id: RequestId,
    method: Method,
    route: Route,
    path: String,
    carries_password: bool,
}

impl Begun {
    /// Assigns the request id.
    pub(super) fn new(state: &AppState, request: &mut Request) -> Self {
        let path = request.uri().path();
        let begun = Self {
            at: Instant::now(),
            id: state.request_ids.next(),
            method: request.method().clone(),
            route: Route::of(path),
            path: shortened(path),
            carries_password: path == SESSIONS,
        };
        // The caller's own id is not used: it would allow writing into the log.
        request.headers_mut().remove(&REQUEST_ID);
        begun
    }

    /// With the request's id in all events of this future.
    pub(super) fn trace<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        request_id::scope(self.id, future)
    }

    /// Writes the problem document of an error, logs one line without query, headers and body, and adds the headers of
    /// every response.
    pub(super) fn finish(self, state: &AppState, response: Response) -> Response {
        let Self { at, id, method, route, path, carries_password } = self;
        let mut response = with_problem(response, id);
        let failed = response.extensions().get::<Draft>().map(|draft| &draft.0);
        let status = response.status().as_u16();
        let time = at.elapsed();
        state.requests.add(route, status, failed.map(ApiError::code), time);
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        match failed {
            Some(error) if error.is_ours() => {
                tracing::error!(request_id = %id, %method, %path, status, ms, code = %error.code(), "request failed");
            }
            Some(error) => {
                let upstream = error.upstream_status();
                tracing::info!(request_id = %id, %method, %path, status, ms, code = %error.code(), upstream, "request");
            }
            None => tracing::info!(request_id = %id, %method, %path, status, ms, "request"),
        }
        let headers = response.headers_mut();
        // Once, and not in steps.
        headers.reserve(DEFAULTS.len() + 4);
        if let Ok(value) = HeaderValue::from_str(id.as_str()) {
            headers.insert(REQUEST_ID, value);
        }
        for (name, value) in &DEFAULTS {
            headers.entry(name).or_insert_with(|| value.clone());
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
}

/// API responses are for their caller only and must not be stored.
pub(super) fn no_store(mut response: Response) -> Response {
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Replaces the body of an error response by a problem document.
fn with_problem(response: Response, id: RequestId) -> Response {
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
    let problem = error.problem(id.as_str());
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

/// The path is input: only a bounded part of it is logged, without control characters, which could steer a terminal, and
/// without spaces, which end a field.
fn shortened(path: &str) -> String {
    if path.len() <= 96 && path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return path.to_owned();
    }
    path.chars().take(96).map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect()
}
