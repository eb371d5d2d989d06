//! Allow-lists of the headers that are relayed in each direction. Headers that are not listed are removed.

use dockpass_protocol::api::{CHALLENGE_HEADER, CSRF_HEADER, LINK_HEADER};
use dockpass_protocol::challenge::{bearer_candidates, parse_lines};
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::link;
use dockpass_protocol::paging::{NextPage, api_path, next_page};
use dockpass_protocol::scope::Endpoint;
use dockpass_protocol::uri;
use http::StatusCode;
use http::header::{
    ACCEPT, ACCEPT_RANGES, AUTHORIZATION, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING,
    CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, DATE, ETAG, HeaderMap, HeaderName,
    HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, LINK, LOCATION, RANGE,
    RETRY_AFTER, USER_AGENT, VARY, WARNING, WWW_AUTHENTICATE,
};

use super::Refusal;
use super::target::Target;
use crate::registry::Registry;

/// Request headers that are relayed to the registry.
static REQUEST: [HeaderName; 8] =
    [ACCEPT, RANGE, IF_RANGE, IF_NONE_MATCH, IF_MATCH, IF_MODIFIED_SINCE, CONTENT_TYPE, CONTENT_RANGE];

/// Response headers that are relayed from the registry as they are.
static RESPONSE: [HeaderName; 22] = [
    CONTENT_LENGTH,
    CONTENT_ENCODING,
    CONTENT_RANGE,
    ACCEPT_RANGES,
    RANGE,
    ETAG,
    LAST_MODIFIED,
    DATE,
    RETRY_AFTER,
    WARNING,
    HeaderName::from_static("docker-content-digest"),
    HeaderName::from_static("docker-distribution-api-version"),
    HeaderName::from_static("docker-upload-uuid"),
    HeaderName::from_static("docker-ratelimit-source"),
    HeaderName::from_static("ratelimit-limit"),
    HeaderName::from_static("ratelimit-remaining"),
    HeaderName::from_static("ratelimit-reset"),
    HeaderName::from_static("ratelimit-policy"),
    HeaderName::from_static("oci-subject"),
    HeaderName::from_static("oci-filters-applied"),
    HeaderName::from_static("oci-tag"),
    HeaderName::from_static("oci-chunk-min-length"),
];

/// Response headers that the gateway writes itself, from those of the registry.
const REWRITTEN: [HeaderName; 5] = [
    WWW_AUTHENTICATE,
    HeaderName::from_static(CHALLENGE_HEADER),
    LINK,
    HeaderName::from_static(LINK_HEADER),
    LOCATION,
];

/// The request headers that a page of another origin may set: what is relayed, the registry token or session, and the
/// header against forged requests.
pub(crate) fn request_headers() -> impl Iterator<Item = HeaderName> {
    REQUEST.iter().cloned().chain([AUTHORIZATION, HeaderName::from_static(CSRF_HEADER)])
}

/// The response headers of the gateway that a page of another origin may read.
pub(crate) fn exposed_headers() -> impl Iterator<Item = HeaderName> {
    RESPONSE.iter().cloned().chain(REWRITTEN)
}

/// Prevents registry content from running on this origin, however it is loaded.
const SANDBOX: &str =
    "sandbox; default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The headers of the relayed request.
pub(super) fn upstream(from: &HeaderMap) -> HeaderMap {
    let mut to = HeaderMap::new();
    for name in &REQUEST {
        for value in from.get_all(name) {
            to.append(name.clone(), value.clone());
        }
    }
    to
}

/// Whether a request comes from a gateway like this one: a registry that is itself a gateway could relay it in a
/// loop.
pub(crate) fn is_loop(headers: &HeaderMap) -> bool {
    headers
        .get_all(USER_AGENT)
        .iter()
        .any(|agent| agent.as_bytes().starts_with(crate::http_client::AGENT.as_bytes()))
}

/// The headers of the relayed response. `own` is the registry, if the response is its own and not that of its
/// storage: only then challenges, links and locations are rewritten. `gateway` is the path of this gateway.
///
/// # Errors
/// `realm_not_allowed` for a challenge that names foreign token services only; `upstream_invalid` for an upload that
/// continues at another origin.
pub(super) fn downstream(
    own: Option<(&Registry, &str)>,
    gateway: &str,
    target: &Target<'_>,
    status: StatusCode,
    from: &HeaderMap,
) -> Result<HeaderMap, Refusal> {
    let mut to = HeaderMap::new();
    // No coding was asked for: a blob that has one on its label is stored with that label (as `x-gzip` at Google), and its
    // digest is over the octets as they are. A browser would decode them.
    let is_blob = matches!(target.endpoint(), Endpoint::Blob { .. });
    for (name, value) in from {
        if RESPONSE.contains(name) && !(is_blob && name == CONTENT_ENCODING) {
            to.append(name.clone(), value.clone());
        }
    }
    if let Some((registry, path)) = own {
        challenges(registry, from, &mut to)?;
        links(registry, path, target, from, &mut to);
        location(registry, path, gateway, status, from, &mut to)?;
    }
    to.insert(CONTENT_TYPE, content_type(from));
    to.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX));
    to.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    to.insert(VARY, HeaderValue::from_static("Authorization, Cookie"));
    if is_blob {
        to.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
    Ok(to)
}

/// Bearer challenges pass as they are: browsers do nothing about them. All others would open a password box, so they
/// pass under another name, and so does what does not parse.
fn challenges(registry: &Registry, from: &HeaderMap, to: &mut HeaderMap) -> Result<(), Refusal> {
    let lines: Vec<&HeaderValue> = from.get_all(WWW_AUTHENTICATE).iter().collect();
    let strings: Vec<String> =
        lines.iter().map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned()).collect();
    let mut refused = None;
    let mut is_admitted = false;
    // Line by line, so that one that does not parse hides no other.
    for challenges in strings.iter().filter_map(|line| parse_lines([line.as_str()]).ok()) {
        for bearer in bearer_candidates(&challenges) {
            match registry.policy().admit(&bearer.realm) {
                Ok(_) => is_admitted = true,
                Err(code) => {
                    refused = refused.or(Some(Refusal { code, status: None, place: Some(bearer.realm) }));
                }
            }
        }
    }
    if let Some(refusal) = refused.filter(|_| !is_admitted) {
        return Err(refusal);
    }
    for (line, text) in lines.into_iter().zip(&strings) {
        let bearer_only = parse_lines([text.as_str()]).is_ok_and(|challenges| {
            !challenges.is_empty()
                && challenges.iter().all(dockpass_protocol::challenge::Challenge::is_bearer)
        });
        let name = if bearer_only { WWW_AUTHENTICATE } else { HeaderName::from_static(CHALLENGE_HEADER) };
        to.append(name, line.clone());
    }
    Ok(())
}

/// Links of the registry (RFC 8288), as references relative to the path of the request: they have the same meaning
/// under every prefix that a proxy adds, and for every client (decision 0024). A link to another origin, or to a path
/// outside the registry API, is dropped, because a client that follows it would send a token there. If it is the link
/// to the next page, its lines are relayed as [`LINK_HEADER`], so that the list is not mistaken for a complete one.
fn links(registry: &Registry, path: &str, target: &Target<'_>, from: &HeaderMap, to: &mut HeaderMap) {
    if !from.contains_key(LINK) {
        return;
    }
    let lines = || from.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    let origins = || std::iter::once(registry.origin()).chain(registry.public());
    let requested = target.to_string();
    let relayed = |linked: &str, params: &str| {
        Target::parse_target("GET", linked).ok()?;
        HeaderValue::from_str(&format!("<{}>{params}", uri::relative(&requested, linked))).ok()
    };
    for link in link::parse(lines()).filter(|link| !link.has_relation("next")) {
        let linked = origins().find_map(|origin| api_path(&link, origin, path));
        if let Some(value) = linked.and_then(|linked| relayed(&linked, link.params)) {
            to.append(LINK, value);
        }
    }
    let pages = || origins().map(|origin| next_page(lines().collect::<Vec<_>>(), origin, path));
    if pages().all(|page| page == NextPage::None) {
        return;
    }
    let next = pages().find_map(NextPage::path).and_then(|next| relayed(&next, "; rel=\"next\""));
    match next {
        Some(value) => {
            to.append(LINK, value);
        }
        None => {
            for value in from.get_all(LINK) {
                to.append(HeaderName::from_static(LINK_HEADER), value.clone());
            }
        }
    }
}

/// The path of this gateway, which is at `gateway`, for a reference in a response of the registry.
fn through_here(
    registry: &Registry,
    path: &str,
    gateway: &str,
    method: &str,
    reference: &str,
) -> Option<String> {
    let resolved = uri::resolve(reference, registry.origin(), path)?;
    if !registry.is_own(&resolved.origin) {
        return None;
    }
    let target = Target::parse_target(method, &resolved.path_and_query).ok()?;
    Some(format!("{gateway}{}{target}", registry.name()))
}

/// The `Location` at which an upload continues, as a path of this gateway.
fn location(
    registry: &Registry,
    path: &str,
    gateway: &str,
    status: StatusCode,
    from: &HeaderMap,
    to: &mut HeaderMap,
) -> Result<(), ErrorCode> {
    let Some(value) = from.get(LOCATION) else { return Ok(()) };
    let here = value.to_str().ok().and_then(|text| {
        through_here(registry, path, gateway, "PATCH", text)
            .or_else(|| through_here(registry, path, gateway, "GET", text))
    });
    match here.and_then(|path| HeaderValue::from_str(&path).ok()) {
        Some(path) => {
            to.insert(LOCATION, path);
            Ok(())
        }
        // An upload cannot continue without it, and must not continue at another origin (CVE-2026-50151).
        None if status == StatusCode::ACCEPTED => Err(ErrorCode::UpstreamInvalid),
        None => Ok(()),
    }
}

/// The registry's type where it is one of data, written anew without parameters: a browser reads a list such as
/// `application/json;,text/html` as its last element. Anything else becomes plain bytes.
fn content_type(from: &HeaderMap) -> HeaderValue {
    const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");
    let mut fields = from.get_all(CONTENT_TYPE).iter();
    let (Some(field), None) = (fields.next(), fields.next()) else { return BYTES };
    let text = field.to_str().unwrap_or_default();
    if text.contains(',') {
        return BYTES;
    }
    let media_type = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_name =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+-_".contains(&byte));
    let is_data = match media_type.split_once('/') {
        Some(("application", "json" | "octet-stream") | ("text", "plain")) => true,
        Some(("application", subtype)) => {
            subtype.strip_prefix("vnd.").is_some_and(is_name)
                && !subtype.ends_with("xml")
                && !subtype.contains("html")
                && !subtype.contains("svg")
        }
        _ => false,
    };
    if is_data { HeaderValue::try_from(media_type).unwrap_or(BYTES) } else { BYTES }
}

#[cfg(test)]
mod tests;
