//! Checks that come before routing: target, `Host`, and `Origin`.

use axum::extract::Request;
use dockpass_protocol::code::ErrorCode;
use http::header::ORIGIN;
use http::{HeaderMap, Method};

use crate::error::ApiError;
use crate::routes::{LIVE, READY};
use crate::state::AppState;

/// Longest request target.
const MAX_TARGET: usize = 8 * 1024;
/// Longest request line: the target, and a method and the version around it.
pub(crate) const MAX_REQUEST_LINE: usize = MAX_TARGET + 256;

/// Refuses targets that are too long or not in origin-form (RFC 9112 §3.2), and requests to other hosts.
pub(super) fn shape(state: &AppState, request: &Request) -> Result<(), ApiError> {
    let uri = request.uri();
    let length = uri.path_and_query().map_or(0, |target| target.as_str().len());
    if length > MAX_TARGET {
        return Err(ErrorCode::UriTooLong.into());
    }
    if uri.authority().is_some() || !uri.path().starts_with('/') {
        return Err(ErrorCode::InvalidRequest.into());
    }
    if head_length(request) > state.settings.limits.header_bytes {
        return Err(ErrorCode::HeadersTooLarge.into());
    }
    // Probes of load balancers have any address as their host.
    let is_probe = matches!(uri.path(), LIVE | READY);
    if !is_probe && !state.page_origins.own().is_host(request.headers()) {
        // Logged, because an operator who adds a reverse proxy has to find out why requests fail.
        tracing::warn!(
            own = %state.own_origin,
            "request refused: its Host is neither that of public_origin nor the listener's; behind a reverse proxy, set \
             public_origin, and forward the Host of the browser"
        );
        return Err(ErrorCode::InvalidRequest.into());
    }
    Ok(())
}

/// The octets of the header fields, as they were sent. hyper limits what it buffers, and buffers more than one read.
fn head_length(request: &Request) -> usize {
    const AROUND: usize = ": \r\n".len();
    request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + AROUND).sum()
}

/// Refuses requests of pages whose origin is not allowed, whatever they carry. Every page may ask whether the server is
/// there: so it tells a server that does not allow it from one that does not run.
pub(super) fn foreign_pages(state: &AppState, request: &Request) -> Result<(), ApiError> {
    if request.uri().path() == LIVE || may_call(request.method(), request.headers(), state) {
        Ok(())
    } else {
        Err(ErrorCode::OriginNotAllowed.into())
    }
}

/// Clients that are no browsers send neither `Origin` nor `Sec-Fetch-Site`; what authorizes them is what they carry.
fn may_call(method: &Method, headers: &HeaderMap, state: &AppState) -> bool {
    let reads = method == Method::GET || method == Method::HEAD;
    let mut origins = headers.get_all(ORIGIN).iter();
    let origin = match (origins.next(), origins.next()) {
        (Some(origin), None) => Some(state.page_origins.may_call(origin)),
        (Some(_), Some(_)) => return false,
        (None, _) => None,
    };
    let mut sites = headers.get_all("sec-fetch-site").iter();
    match (sites.next(), sites.next()) {
        (None, _) => origin.unwrap_or(true),
        // A browser sends `Origin` with every write. One of the same origin as its `Host` is not enough: it has to be
        // ours or an allowed one.
        (Some(site), None) if site == "same-origin" => reads || origin == Some(true),
        // `none` is a link or the address bar, which only cause GET and HEAD requests.
        (Some(site), None) if site == "none" => reads && origin.unwrap_or(true),
        (Some(_), None) => origin == Some(true),
        (Some(_), Some(_)) => false,
    }
}
