//! Which headers pass, in which direction, and in which form. What is not listed does not pass.

use dockpass_protocol::api::CHALLENGE_HEADER;
use dockpass_protocol::challenge::{bearer_candidates, parse_lines};
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::scope::Endpoint;
use http::StatusCode;
use http::header::{
    ACCEPT, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH,
    CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, DATE, ETAG, HeaderMap, HeaderName, HeaderValue,
    IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, LINK, LOCATION, RANGE, RETRY_AFTER,
    USER_AGENT, VARY, WARNING, WWW_AUTHENTICATE,
};

use super::{Target, redirect};
use crate::registry::Registry;

/// What the page may say to a registry.
const UPSTREAM: [HeaderName; 8] =
    [ACCEPT, RANGE, IF_RANGE, IF_NONE_MATCH, IF_MATCH, IF_MODIFIED_SINCE, CONTENT_TYPE, CONTENT_RANGE];

/// What a registry may say to the page, besides names that begin with one of [`DOWNSTREAM_PREFIXES`].
const DOWNSTREAM: [HeaderName; 14] = [
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
];
const DOWNSTREAM_PREFIXES: [&str; 2] = ["ratelimit-", "oci-"];

/// Registry content never runs here, however it is reached.
const SANDBOX: &str =
    "sandbox; default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The headers that go to the registry.
pub(super) fn upstream(from: &HeaderMap) -> HeaderMap {
    let mut to = HeaderMap::new();
    for name in UPSTREAM {
        for value in from.get_all(&name) {
            to.append(name.clone(), value.clone());
        }
    }
    to
}

/// Whether a request comes from a gateway like this one: a registry that is a gateway would go round in circles.
pub(crate) fn is_loop(headers: &HeaderMap) -> bool {
    headers
        .get_all(USER_AGENT)
        .iter()
        .any(|agent| agent.as_bytes().starts_with(crate::http_client::AGENT.as_bytes()))
}

/// The headers that go to the page. `own` is the registry, if the answer is its own and not that of its storage: only
/// then challenges, links and locations mean anything.
///
/// # Errors
/// `realm_not_allowed` for a challenge that names foreign token services only; `upstream_invalid` for an upload that
/// is to go on elsewhere.
pub(super) fn downstream(
    own: Option<&Registry>,
    target: &Target<'_>,
    status: StatusCode,
    from: &HeaderMap,
) -> Result<HeaderMap, ErrorCode> {
    let mut to = HeaderMap::new();
    for (name, value) in from {
        let listed = DOWNSTREAM.contains(name);
        if listed || DOWNSTREAM_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix)) {
            to.append(name.clone(), value.clone());
        }
    }
    if let Some(registry) = own {
        challenges(registry, from, &mut to)?;
        links(registry, from, &mut to);
        location(registry, status, from, &mut to)?;
    }
    to.insert(CONTENT_TYPE, content_type(from));
    to.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX));
    to.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    to.insert(VARY, HeaderValue::from_static("Authorization, Cookie"));
    if matches!(target.endpoint(), Endpoint::Blob { .. }) {
        to.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
    Ok(to)
}

/// Bearer challenges pass as they are: browsers do nothing about them. All others would open a password box, so they
/// pass under another name, and so does what does not parse.
fn challenges(registry: &Registry, from: &HeaderMap, to: &mut HeaderMap) -> Result<(), ErrorCode> {
    let lines: Vec<&HeaderValue> = from.get_all(WWW_AUTHENTICATE).iter().collect();
    let texts: Vec<String> =
        lines.iter().map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned()).collect();
    if let Ok(all) = parse_lines(texts.iter().map(String::as_str)) {
        let mut realms =
            bearer_candidates(&all).map(|bearer| registry.policy().admit(&bearer.realm)).peekable();
        if realms.peek().is_some() && !realms.any(|realm| realm.is_ok()) {
            return Err(ErrorCode::RealmNotAllowed);
        }
    }
    for (line, text) in lines.into_iter().zip(&texts) {
        let bearer_only = parse_lines([text.as_str()]).is_ok_and(|challenges| {
            !challenges.is_empty()
                && challenges.iter().all(dockpass_protocol::challenge::Challenge::is_bearer)
        });
        let name = if bearer_only { WWW_AUTHENTICATE } else { HeaderName::from_static(CHALLENGE_HEADER) };
        to.append(name, line.clone());
    }
    Ok(())
}

/// Links to more of the same (RFC 8288), as paths of this gateway. A link to another origin or another kind of path is
/// dropped: whoever followed it would carry a token there.
fn links(registry: &Registry, from: &HeaderMap, to: &mut HeaderMap) {
    for value in from.get_all(LINK) {
        let Some(rewritten) = value.to_str().ok().and_then(|text| relink(registry, text)) else { continue };
        if let Ok(value) = HeaderValue::from_str(&rewritten) {
            to.append(LINK, value);
        }
    }
}

fn relink(registry: &Registry, text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        let (target, after) = after.split_once('>')?;
        out.push_str(before);
        out.push('<');
        out.push_str(&through_here(registry, "GET", target)?);
        out.push('>');
        rest = after;
    }
    out.push_str(rest);
    (rest.len() < text.len()).then_some(out)
}

/// The path of this gateway that stands for a target at the registry.
fn through_here(registry: &Registry, method: &str, target: &str) -> Option<String> {
    let (origin, path) = redirect::resolve(registry.origin(), target)?;
    if origin != *registry.origin() {
        return None;
    }
    let (path, query) =
        path.split_once('?').map_or((path.as_str(), None), |(path, query)| (path, Some(query)));
    let target = Target::parse(method, path, query).ok()?;
    Some(format!("/r/{}{target}", registry.name()))
}

/// Where an upload goes on, as a path of this gateway.
fn location(
    registry: &Registry,
    status: StatusCode,
    from: &HeaderMap,
    to: &mut HeaderMap,
) -> Result<(), ErrorCode> {
    let Some(value) = from.get(LOCATION) else { return Ok(()) };
    let here = value.to_str().ok().and_then(|text| {
        through_here(registry, "PATCH", text).or_else(|| through_here(registry, "GET", text))
    });
    match here.and_then(|path| HeaderValue::from_str(&path).ok()) {
        Some(path) => {
            to.insert(LOCATION, path);
            Ok(())
        }
        // An upload cannot go on without it, and must not go on elsewhere (CVE-2026-50151).
        None if status == StatusCode::ACCEPTED => Err(ErrorCode::UpstreamInvalid),
        None => Ok(()),
    }
}

/// The registry's own type where it is one of data; anything that a browser would render becomes plain bytes.
fn content_type(from: &HeaderMap) -> HeaderValue {
    let value = from.get(CONTENT_TYPE);
    let media_type = value.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_data =
        matches!(media_type.as_str(), "application/json" | "text/plain" | "application/octet-stream")
            || (media_type.starts_with("application/vnd.")
                && !media_type.contains("html")
                && !media_type.contains("svg"));
    match value {
        Some(value) if is_data => value.clone(),
        _ => HeaderValue::from_static("application/octet-stream"),
    }
}

#[cfg(test)]
mod tests;
