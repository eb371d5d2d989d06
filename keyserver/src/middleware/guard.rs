//! Checks that come before routing: target, `Host`, and `Origin`.

use std::net::SocketAddr;

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
    // Probes of load balancers have any address as their host.
    let is_probe = matches!(uri.path(), "/healthz" | "/readyz");
    if !is_probe && !is_our_host(request.headers(), &state.own_origin, state.settings.listen) {
        // Logged, because an operator who adds a reverse proxy has to find out why requests fail.
        tracing::warn!(
            own = %state.own_origin,
            "request refused: its Host is neither that of public_origin nor the listener's; behind a reverse proxy, set \
             public_origin, and forward the Host of the browser"
        );
        return ApiError::from(ErrorCode::InvalidRequest).into_response();
    }
    next.run(request).await
}

/// Whether the request is for this server: the `Host` is that of `public_origin` or of the listener. A page that points
/// its own name at this machine (DNS rebinding) is refused: to the browser, it would be our own page.
///
/// On loopback, every name and port of loopback is this server, because no other machine can have them; so is every
/// address if the server listens on all, because addresses are not resolved.
fn is_our_host(headers: &HeaderMap, own: &Origin, listen: SocketAddr) -> bool {
    let near =
        |origin: &Origin| origin.host() == "localhost" || origin.ip().is_some_and(|ip| ip.is_loopback());
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().unwrap_or_default(),
        // No browser sends a request without one.
        (None, _) => return true,
        (Some(_), Some(_)) => return false,
    };
    if Origin::from_authority(own.scheme(), host).is_ok_and(|host| host == *own) {
        return true;
    }
    let Ok(host) = Origin::from_authority(Scheme::Http, host) else { return false };
    ((listen.ip().is_loopback() || near(own)) && near(&host))
        || host.ip().is_some_and(|ip| {
            host.port() == listen.port() && (listen.ip().is_unspecified() || ip == listen.ip())
        })
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
        // What changes something comes from our own origin or an allowed one, not merely from the same as its `Host`.
        (Some(site), None) if site == "same-origin" => {
            allowed || method == Method::GET || method == Method::HEAD
        }
        // `none` is a link or the address bar, which only cause GET and HEAD requests.
        (Some(site), None) if site == "none" => allowed && (method == Method::GET || method == Method::HEAD),
        (Some(_), None) => allowed && headers.contains_key(ORIGIN),
        (None, _) => allowed,
    }
}

#[cfg(test)]
mod tests;
