//! Pages on other origins (Fetch standard, "CORS protocol").
//!
//! Only the configured origins are allowed, and never with credentials: a page on another origin sends its session in
//! `Authorization`, so that no cookie has to cross origins.

use std::time::Duration;

use axum::response::Response;
use http::Method;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, HeaderName, HeaderValue};
use tower_http::cors::{CorsLayer, Vary};

use super::finish::REQUEST_ID;
use crate::gateway::{exposed_headers, request_headers};
use crate::state::AppState;

/// How long a browser may remember a preflight.
const MAX_AGE: Duration = Duration::from_mins(10);

/// Responds to preflights, and lets pages of the configured origins read responses. Without such an origin there is
/// none, and browsers refuse by themselves.
pub(super) fn layer(state: &AppState) -> Option<CorsLayer> {
    let allowed = state.page_origins.allowed();
    if allowed.is_empty() {
        return None;
    }
    let mut methods = vec![Method::GET, Method::HEAD, Method::POST, Method::DELETE];
    if !state.settings.gateway.read_only {
        methods.extend([Method::PUT, Method::PATCH]);
    }
    let cors = CorsLayer::new()
        .allow_origin(allowed.to_vec())
        .allow_methods(methods)
        .allow_headers(request_headers().collect::<Vec<_>>())
        .expose_headers(exposed_headers().chain([REQUEST_ID]).collect::<Vec<_>>())
        .max_age(MAX_AGE)
        // `finish` adds `Vary: Origin` to every response.
        .vary(Vary::list([]));
    Some(cors)
}

/// A page that may read a response may also embed it.
pub(super) fn resource_policy(mut response: Response) -> Response {
    let headers = response.headers_mut();
    if headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
        headers.insert(
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("cross-origin"),
        );
    }
    response
}
