//! Redirects of registries, mostly of blobs to their storage.

use dockpass_protocol::challenge::{BearerChallenge, bearer_candidates, parse_lines};
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::credential::Credential;
use dockpass_protocol::flow::{Authorization, TokenFlow, TokenOptions, TokenStep, TransportError};
use dockpass_protocol::origin::{Origin, Scheme};
use dockpass_protocol::scope::ScopeSet;
use dockpass_protocol::uri;
use http::header::{AUTHORIZATION, LOCATION, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, Response, StatusCode};
use secrecy::SecretString;

use super::{Refusal, headers};
use crate::http_client::{self, StreamedBody};
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
    response: &Response<StreamedBody>,
) -> Option<String> {
    if !is_one(response.status()) || !method.is_safe() {
        return None;
    }
    let target = location(registry.origin(), path, response.headers())?;
    registry.is_own(&target.origin).then_some(target.path_and_query)
}

/// Follows redirects to other origins, for GET and HEAD. `Authorization` is never sent along, neither to another
/// origin nor back to the first one (Go CVE-2024-45336). A redirect from https to http is refused. Addresses are
/// checked when dialling.
pub(super) async fn follow(
    registry: &Registry,
    method: &Method,
    from: &HeaderMap,
    path: String,
    first: Response<StreamedBody>,
    now_ms: i64,
) -> Result<Response<StreamedBody>, Refusal> {
    let elsewhere = |response: &Response<StreamedBody>| Refusal {
        code: ErrorCode::UpstreamRedirect,
        status: Some(response.status().as_u16()),
        place: response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).map(str::to_owned),
    };
    if !method.is_safe() {
        return Err(elsewhere(&first));
    }
    let mut response = first;
    let mut at = uri::Target { origin: registry.origin().clone(), path_and_query: path };
    for _ in 0..MAX_HOPS {
        let next = location(&at.origin, &at.path_and_query, response.headers())
            .ok_or_else(|| elsewhere(&response))?;
        if at.origin.scheme() == Scheme::Https && next.origin.scheme() == Scheme::Http {
            return Err(elsewhere(&response));
        }
        at = next;
        // The place of a response is given back before another one is taken.
        drop(response);
        response = get(registry, method, from, &at, None).await?;
        // Storage does not challenge for tokens, another registry does.
        let mut is_registry = false;
        if response.status() == StatusCode::UNAUTHORIZED
            && let Some(token) = token_for(registry, &at, response.headers(), now_ms).await?
        {
            is_registry = true;
            drop(response);
            response = get(registry, method, from, &at, Some(&token)).await?;
        }
        if !is_one(response.status()) {
            let status = response.status();
            return match status.as_u16() {
                _ if speaks_of_content(status) => Ok(response),
                // Another registry, to which nobody here has a login.
                401 | 403 if is_registry => Err(Refusal {
                    code: ErrorCode::LoginRequired,
                    status: Some(status.as_u16()),
                    place: Some(at.origin.to_string()),
                }),
                status => Err(Refusal {
                    code: ErrorCode::UpstreamFailed,
                    status: Some(status),
                    place: Some(at.origin.to_string()),
                }),
            };
        }
    }
    Err(elsewhere(&response))
}

/// Reads there, with a token or without authorization.
async fn get(
    registry: &Registry,
    method: &Method,
    from: &HeaderMap,
    at: &uri::Target,
    token: Option<&SecretString>,
) -> Result<Response<StreamedBody>, Refusal> {
    let mut request = http::Request::builder()
        .method(method)
        .uri(format!("{}{}", at.origin, at.path_and_query))
        .body(http_client::empty())
        .map_err(|_| ErrorCode::UpstreamRedirect)?;
    *request.headers_mut() = headers::upstream(from);
    let value = token.and_then(|token| upstream::authorization(&Authorization::Bearer(token.clone())));
    request.headers_mut().extend(value.map(|value| (AUTHORIZATION, value)));
    Ok(registry.client().stream(request).await.map_err(TransportError::code)?)
}

/// Anybody's token for another registry to which this one redirects, and which challenges for itself: registry.k8s.io and
/// the registries of the clouds behind it. Its token service has to be paired with this registry in the configuration; no
/// credentials are sent there. `None` where it is storage, which does not challenge so.
async fn token_for(
    registry: &Registry,
    at: &uri::Target,
    headers: &HeaderMap,
    now_ms: i64,
) -> Result<Option<SecretString>, Refusal> {
    let lines: Vec<&str> =
        headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|line| line.to_str().ok()).collect();
    let challenges = match parse_lines(lines) {
        Ok(challenges) => challenges,
        Err(error) => error.parsed,
    };
    let Some(BearerChallenge { realm, service, scope, .. }) = bearer_candidates(&challenges).next() else {
        return Ok(None);
    };
    // A path is one of whoever named it.
    let realm = if realm.starts_with('/') { format!("{}{realm}", at.origin) } else { realm };
    let admitted = registry.policy().admit(&realm);
    let admitted =
        admitted.map_err(|code| Refusal { code, status: Some(401), place: Some(realm.clone()) })?;
    let scopes = scope.and_then(|scope| ScopeSet::parse_as_stated(&scope).ok()).unwrap_or_default();
    let mut flow = TokenFlow::new(admitted, service, scopes, Credential::Anonymous, TokenOptions::default());
    loop {
        let request = match flow.step() {
            TokenStep::Send(request) => request,
            TokenStep::Done(grant) => return Ok(Some(grant.token)),
            TokenStep::Fail(error) => {
                return Err(Refusal { code: error.code, status: error.status, place: Some(realm) });
            }
        };
        upstream::send(registry, &request, |response| match response {
            Ok((head, body)) => flow.response(head, body, now_ms),
            Err(error) => flow.transport_failed(error),
        })
        .await;
    }
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
