//! Pages on other origins (Fetch standard, "CORS protocol").
//!
//! Only origins that the configuration spells out are answered at all, and never with credentials: a page elsewhere
//! carries its session in `Authorization`, so no cookie has to cross. Everybody else gets the answer without any
//! header that would let the page read it.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderName,
    HeaderValue, ORIGIN,
};
use http::{HeaderMap, Method, StatusCode};

use super::finish::REQUEST_ID;
use crate::gateway::{exposed_headers, request_headers};
use crate::state::AppState;

const METHODS: &str = "GET, HEAD, POST, DELETE";
const WRITE_METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
const MAX_AGE: &str = "600";

/// Answers preflights, and lets allowed pages read.
pub(super) async fn share(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let origin = allowed(request.headers(), &state);
    let preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if preflight {
        // Nobody is authorized here and nothing is done: what may follow is all that is said.
        let mut response = StatusCode::NO_CONTENT.into_response();
        if let Some(origin) = origin {
            let headers = response.headers_mut();
            let methods = if state.config.gateway.read_only { METHODS } else { WRITE_METHODS };
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
            if let Some(names) = list(request_headers()) {
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names);
            }
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
        }
        return response;
    }
    let mut response = next.run(request).await;
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if let Some(names) = list(exposed_headers().chain([REQUEST_ID])) {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, names);
        }
        headers.insert(
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("cross-origin"),
        );
    }
    response
}

fn allowed(headers: &HeaderMap, state: &AppState) -> Option<HeaderValue> {
    let mut origins = headers.get_all(ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else { return None };
    state.config.cors.allowed_origins.iter().any(|allowed| origin == allowed.as_str()).then(|| origin.clone())
}

/// The names, as one field value.
fn list(names: impl Iterator<Item = HeaderName>) -> Option<HeaderValue> {
    let names: Vec<HeaderName> = names.collect();
    HeaderValue::from_str(&names.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(", ")).ok()
}
