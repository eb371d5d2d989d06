//! Where a registry sends its readers: to its storage, for blobs mostly.

use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::origin::{Origin, Scheme};
use dockpass_protocol::uri;
use http::header::LOCATION;
use http::{HeaderMap, Method, Response, StatusCode};
use hyper::body::Incoming;

use super::headers;
use crate::registry::Registry;
use crate::upstream;

/// Redirects that are followed at most.
pub(super) const MAX_HOPS: usize = 5;

/// Whether an answer sends the reader elsewhere.
pub(super) fn is_one(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The path to which the registry sends a reader within its own origin, if that is what it does.
pub(super) fn within(
    registry: &Registry,
    method: &Method,
    path: &str,
    response: &Response<Incoming>,
) -> Option<String> {
    if !is_one(response.status()) || !method.is_safe() {
        return None;
    }
    let target = location(registry.origin(), path, response.headers())?;
    (target.origin == *registry.origin()).then_some(target.path_and_query)
}

/// Follows away from the registry, for GET and HEAD. `Authorization` never goes along: not to another origin, and not
/// back to the first one by a detour (Go CVE-2024-45336). Never from https to http. Addresses are vetted where they are
/// dialled.
pub(super) async fn follow(
    registry: &Registry,
    method: &Method,
    from: &HeaderMap,
    path: String,
    first: Response<Incoming>,
) -> Result<Response<Incoming>, ErrorCode> {
    if !method.is_safe() {
        return Err(ErrorCode::UpstreamRedirect);
    }
    let mut response = first;
    let mut at = uri::Target { origin: registry.origin().clone(), path_and_query: path };
    for _ in 0..MAX_HOPS {
        let next = location(&at.origin, &at.path_and_query, response.headers())
            .ok_or(ErrorCode::UpstreamRedirect)?;
        if at.origin.scheme() == Scheme::Https && next.origin.scheme() == Scheme::Http {
            return Err(ErrorCode::UpstreamRedirect);
        }
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}{}", next.origin, next.path_and_query))
            .body(upstream::empty())
            .map_err(|_| ErrorCode::UpstreamRedirect)?;
        *request.headers_mut() = headers::upstream(from);
        at = next;
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

/// Where `Location` of a response to a request for this path leads.
fn location(at: &Origin, path: &str, headers: &HeaderMap) -> Option<uri::Target> {
    uri::resolve(headers.get(LOCATION)?.to_str().ok()?, at, path)
}
