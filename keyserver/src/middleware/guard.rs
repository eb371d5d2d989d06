//! Checks that come before routing: target, `Host`, and `Origin`.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::origin::{Origin, Scheme};
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Method};

use crate::error::ApiError;
use crate::state::AppState;

/// Longest request target.
const MAX_TARGET: usize = 8 * 1024;

/// Refuses targets that are too long or not in origin-form (RFC 9112 §3.2), and requests to other hosts.
pub(super) async fn shape(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let uri = request.uri();
    let length = uri.path_and_query().map_or(0, |target| target.as_str().len());
    if length > MAX_TARGET {
        return ApiError::from(ErrorCode::UriTooLong).into_response();
    }
    if uri.authority().is_some() || !uri.path().starts_with('/') {
        return ApiError::from(ErrorCode::InvalidRequest).into_response();
    }
    if !is_our_host(request.headers(), &state.own_origin) {
        // Logged, because an operator who adds a reverse proxy has to find out why requests fail.
        tracing::warn!(
            own = %state.own_origin,
            "request refused: its Host is not an address of this machine; behind a reverse proxy, set public_origin"
        );
        return ApiError::from(ErrorCode::InvalidRequest).into_response();
    }
    next.run(request).await
}

/// While the own origin is on loopback, only loopback names are accepted as `Host`: a page that points its own name
/// at 127.0.0.1 (DNS rebinding) is refused. With a public origin, the reverse proxy checks hosts.
fn is_our_host(headers: &HeaderMap, own: &Origin) -> bool {
    let near =
        |origin: &Origin| origin.host() == "localhost" || origin.ip().is_some_and(|ip| ip.is_loopback());
    if !near(own) {
        return true;
    }
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => {
            let host = host.to_str().ok().and_then(|host| Origin::from_authority(Scheme::Http, host).ok());
            host.is_some_and(|host| near(&host))
        }
        (None, _) => true,
        (Some(_), Some(_)) => false,
    }
}

/// Refuses requests of pages whose origin is not allowed, whatever they carry.
pub(super) async fn foreign_pages(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if !may_call(request.method(), request.headers(), &state) {
        return ApiError::from(ErrorCode::OriginNotAllowed).into_response();
    }
    next.run(request).await
}

fn may_call(method: &Method, headers: &HeaderMap, state: &AppState) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let allowed = match (origins.next(), origins.next()) {
        (Some(origin), None) => state.page_origins.may_call(origin),
        (Some(_), Some(_)) => return false,
        // Browsers send `Origin` with every cross-origin request other than GET and HEAD.
        (None, _) => true,
    };
    let mut sites = headers.get_all("sec-fetch-site").iter();
    match (sites.next(), sites.next()) {
        (Some(_), Some(_)) => false,
        (Some(site), None) if site == "same-origin" => true,
        // `none` is a link or the address bar, which only cause GET and HEAD requests.
        (Some(site), None) if site == "none" => allowed && (method == Method::GET || method == Method::HEAD),
        (Some(_), None) => allowed && headers.contains_key(ORIGIN),
        (None, _) => allowed,
    }
}

#[cfg(test)]
mod tests;
