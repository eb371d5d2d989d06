//! Where a registry sends its readers: to its storage, for blobs mostly.

use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::origin::{Origin, Scheme};
use http::header::LOCATION;
use http::{HeaderMap, Method, Response, StatusCode};
use hyper::body::Incoming;

use super::headers;
use crate::registry::Registry;
use crate::upstream;

/// No storage is further away.
pub(super) const MAX_HOPS: usize = 5;

/// Whether an answer sends the reader elsewhere.
pub(super) fn is_one(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The path to which the registry sends a reader within its own origin, if that is what it does.
pub(super) fn within(registry: &Registry, method: &Method, response: &Response<Incoming>) -> Option<String> {
    if !is_one(response.status()) || !method.is_safe() {
        return None;
    }
    let (origin, path) = target(registry.origin(), response.headers())?;
    (origin == *registry.origin()).then_some(path)
}

/// Follows away from the registry, for GET and HEAD. `Authorization` never goes along: not to another origin, and not
/// back to the first one by a detour (Go CVE-2024-45336). Never from https to http. Addresses are vetted where they are
/// dialled.
pub(super) async fn follow(
    registry: &Registry,
    method: &Method,
    from: &HeaderMap,
    first: Response<Incoming>,
) -> Result<Response<Incoming>, ErrorCode> {
    if !method.is_safe() {
        return Err(ErrorCode::UpstreamRedirect);
    }
    let mut response = first;
    let mut at = registry.origin().clone();
    for _ in 0..MAX_HOPS {
        let (origin, path) = target(&at, response.headers()).ok_or(ErrorCode::UpstreamRedirect)?;
        if at.scheme() == Scheme::Https && origin.scheme() == Scheme::Http {
            return Err(ErrorCode::UpstreamRedirect);
        }
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{origin}{path}"))
            .body(upstream::empty())
            .map_err(|_| ErrorCode::UpstreamRedirect)?;
        *request.headers_mut() = headers::upstream(from);
        at = origin;
        response =
            registry.client().stream(request).await.map_err(dockpass_protocol::flow::TransportError::code)?;
        if !is_one(response.status()) {
            return if speaks_of_content(response.status()) {
                Ok(response)
            } else {
                Err(ErrorCode::UpstreamFailed)
            };
        }
    }
    Err(ErrorCode::UpstreamRedirect)
}

/// Whether a storage's answer is about the content. That it refuses a link which the registry made (expired, clocks
/// apart), or is busy, is no word of the registry's on what an account may do.
fn speaks_of_content(status: StatusCode) -> bool {
    status.is_success() || matches!(status.as_u16(), 304 | 404 | 412 | 416)
}

fn target(at: &Origin, headers: &HeaderMap) -> Option<(Origin, String)> {
    resolve(at, headers.get(LOCATION)?.to_str().ok()?)
}

/// Origin, and path with query, of a `Location` or `Link` target seen at this origin. Absolute, scheme-relative and
/// path-absolute forms; user information, fragments and everything else are not accepted.
pub(super) fn resolve(at: &Origin, location: &str) -> Option<(Origin, String)> {
    if location.contains('#') || !location.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return None;
    }
    let (scheme, rest) = if let Some(rest) = location.strip_prefix("//") {
        (at.scheme(), rest)
    } else if location.starts_with('/') {
        return Some((at.clone(), location.to_owned()));
    } else {
        let (scheme, rest) = location.split_once("://")?;
        match scheme.to_ascii_lowercase().as_str() {
            "https" => (Scheme::Https, rest),
            "http" => (Scheme::Http, rest),
            _ => return None,
        }
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let origin = Origin::from_authority(scheme, authority).ok()?;
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    Some((origin, path))
}
