//! Redirects of registries, mostly of blobs to their storage.

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

/// Whether a response is a redirect.
pub(super) fn is_one(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The path of a redirect within the registry's own origin.
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

/// Follows redirects to other origins, for GET and HEAD. `Authorization` is never sent along, neither to another
/// origin nor back to the first one (Go CVE-2024-45336). A redirect from https to http is refused. Addresses are
/// checked when dialling.
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

/// Whether a storage's response is about the content. If the storage refuses the registry's link (expired, or clocks
/// differ) or is busy, that says nothing about the permissions of the account.
fn speaks_of_content(status: StatusCode) -> bool {
    status.is_success() || matches!(status.as_u16(), 304 | 404 | 412 | 416)
}

/// Where `Location` of a response to a request for this path leads.
fn location(at: &Origin, path: &str, headers: &HeaderMap) -> Option<uri::Target> {
    uri::resolve(headers.get(LOCATION)?.to_str().ok()?, at, path)
}
