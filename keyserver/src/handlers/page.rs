//! Serves the page's files; the fallback of all other routes.

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Redirect, Response};
use dockpass_protocol::code::ErrorCode;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    ETAG, HeaderMap, IF_NONE_MATCH, VARY,
};
use http::{Method, StatusCode};

use crate::error::ApiError;
use crate::page;
use crate::state::AppState;

/// Only resources of this origin; no inline scripts, and no eval except for WebAssembly.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'";

/// `GET /` and below.
pub(crate) fn get(state: &AppState, request: &Request) -> Result<Response, ApiError> {
    let path = request.uri().path();
    if state.base_path.lacks_slash(path) {
        return Ok(Redirect::permanent(&format!("{path}/")).into_response());
    }
    let Some(file) = page::find(path) else {
        // The root explains why there is no page.
        let missing = path == "/" && !page::is_built_in();
        return Err(if missing { ErrorCode::PageNotBuilt } else { ErrorCode::NotFound }.into());
    };
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return Err(ApiError::method_not_allowed("GET, HEAD"));
    }
    let headers = request.headers();
    let packed = file.gzip.filter(|_| accepts_gzip(headers));
    let etag = if packed.is_some() { &file.gzip_etag } else { &file.etag };
    let mut builder = Response::builder()
        .header(CONTENT_TYPE, file.content_type)
        .header(CONTENT_SECURITY_POLICY, POLICY)
        // File names do not change with their content, so that a cached copy has to be revalidated.
        .header(CACHE_CONTROL, "no-cache")
        .header(VARY, "Accept-Encoding")
        .header(ETAG, etag);
    if is_unchanged(headers, etag) {
        return Ok(builder.status(StatusCode::NOT_MODIFIED).body(Body::empty()).into_result());
    }
    let bytes = packed.unwrap_or(file.bytes);
    if packed.is_some() {
        builder = builder.header(CONTENT_ENCODING, "gzip");
    }
    builder = builder.header(CONTENT_LENGTH, bytes.len());
    let body = if request.method() == Method::HEAD { Body::empty() } else { Body::from(bytes) };
    Ok(builder.body(body).into_result())
}

/// A builder of constants cannot fail; a failure would be a bug.
trait IntoResult {
    fn into_result(self) -> Response;
}

impl IntoResult for Result<Response, http::Error> {
    fn into_result(self) -> Response {
        self.unwrap_or_else(|_| ApiError::from(ErrorCode::Internal).into_response())
    }
}

fn is_unchanged(headers: &HeaderMap, etag: &str) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|tag| {
        let tag = tag.trim();
        tag == "*" || tag.trim_start_matches("W/") == etag
    })
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        gzip && !parts.any(|part| {
            part.starts_with("q=0") && !part.contains(['1', '2', '3', '4', '5', '6', '7', '8', '9'])
        })
    })
}

#[cfg(test)]
mod tests;
