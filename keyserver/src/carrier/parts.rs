//! A session in cookies: named after its registry, and in several parts where it is long (decision 0005).
//!
//! The first part is in the cookie `__Host-dockpass-HASH`, others in `…-HASH-2` and `…-HASH-3`. If there are others, the
//! first begins with their number and a tilde, so that a part that is left over is never taken for one of this session.
//! Parts that do not belong together make a session whose tag is wrong.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use dockpass_protocol::api::{SESSION_COOKIE_PREFIX, SESSION_COOKIE_PREFIX_BELOW};
use dockpass_protocol::code::ErrorCode;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use crate::clock::hex;

/// Longest part. nginx gives all headers of a response 4 KiB (`proxy_buffer_size`), so that one response can set one
/// part. Browsers take 4,096 bytes of name and value (RFC 6265bis §5.6).
pub const PART: usize = 2_400;
/// Most parts of a session.
pub const MAX_PARTS: usize = 3;
/// The longest session that fits into cookies.
pub const CAPACITY: usize = MAX_PARTS * PART - 2;
/// Most bytes of all our cookies. A browser sends all of them in one line, and nginx, Apache and others refuse lines over
/// 8 KiB (`large_client_header_buffers`). The rest is for cookies of others.
const MAX_LINE: usize = 7_680;
/// Hex digits of the registry's hash in a cookie's name.
const HASH_DIGITS: usize = 16;

/// Where browsers send our cookies: to the whole host, or, if the server shares its host with others, below its base path
/// (decision 0035).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieScope {
    prefix: &'static str,
    path: String,
}

impl Default for CookieScope {
    fn default() -> Self {
        Self { prefix: SESSION_COOKIE_PREFIX, path: "/".to_owned() }
    }
}

impl CookieScope {
    /// The scope of a server with this base path: empty, or a slash and segments, without a slash at the end.
    pub fn of(base_path: &str) -> Self {
        if base_path.is_empty() {
            return Self::default();
        }
        // With the slash, so that `/app` does not include `/application`.
        Self { prefix: SESSION_COOKIE_PREFIX_BELOW, path: format!("{base_path}/") }
    }

    /// The name of the cookie with the first part of a session for this registry.
    pub fn name(&self, registry: &str) -> String {
        let hash = digest(&SHA256, registry.as_bytes());
        let bytes = hash.as_ref().get(..HASH_DIGITS / 2).unwrap_or_default();
        format!("{}{}", self.prefix, hex(bytes))
    }

    fn set(&self, name: &str, value: &str, lifetime: Duration) -> Option<HeaderValue> {
        let (path, seconds) = (&self.path, lifetime.as_secs());
        let text =
            format!("{name}={value}; Path={path}; Secure; HttpOnly; SameSite=Strict; Max-Age={seconds}");
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    fn removal(&self, name: &str) -> Option<HeaderValue> {
        let path = &self.path;
        HeaderValue::from_str(&format!("{name}=; Path={path}; Secure; HttpOnly; SameSite=Strict; Max-Age=0"))
            .ok()
    }
}

/// The name of the cookie with a part, counted from 1.
fn part_name(first: &str, number: usize) -> String {
    if number == 1 { first.to_owned() } else { format!("{first}-{number}") }
}

/// One of our cookies in a request.
struct Found<'a> {
    /// The name of the first part.
    first: &'a str,
    /// Which part, counted from 1.
    number: usize,
    value: &'a str,
}

/// Our cookies in a request, oldest first, as browsers send them (RFC 6265 §5.4).
fn ours<'a>(scope: &CookieScope, headers: &'a HeaderMap) -> impl Iterator<Item = Found<'a>> + use<'a> {
    let prefix = scope.prefix;
    // A field that is not ASCII cannot contain a session, and other cookies do not matter here.
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(move |pair| {
        let (name, value) = pair.trim_matches(' ').split_once('=')?;
        let rest = name.strip_prefix(prefix)?;
        let (hash, number) = match rest.split_at_checked(HASH_DIGITS)? {
            (hash, "") => (hash, 1),
            (hash, "-2") => (hash, 2),
            (hash, "-3") => (hash, 3),
            _ => return None,
        };
        hash.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(())?;
        let first = name.get(..prefix.len() + HASH_DIGITS)?;
        Some(Found { first, number, value })
    })
}

/// The session in the cookies for this registry (or in the only ones). If a part is missing, the rest is returned, which
/// is no valid session, so that a logout can remove it.
///
/// # Errors
/// `invalid_request` when a cookie is there twice, or when there are several sessions and no registry says which.
pub(super) fn cookie(
    scope: &CookieScope,
    headers: &HeaderMap,
    registry: Option<&str>,
) -> Result<Option<String>, ErrorCode> {
    if !headers.contains_key(COOKIE) {
        return Ok(None);
    }
    let wanted = if let Some(registry) = registry {
        scope.name(registry)
    } else {
        let mut firsts = ours(scope, headers).filter(|found| found.number == 1);
        match (firsts.next(), firsts.next()) {
            (None, _) => return Ok(None),
            (Some(only), None) => only.first.to_owned(),
            (Some(_), Some(_)) => return Err(ErrorCode::InvalidRequest),
        }
    };
    let mut values = [None; MAX_PARTS];
    for found in ours(scope, headers).filter(|found| found.first == wanted) {
        let slot = values.get_mut(found.number - 1).ok_or(ErrorCode::InvalidRequest)?;
        if slot.replace(found.value).is_some() {
            return Err(ErrorCode::InvalidRequest);
        }
    }
    let [Some(first), rest @ ..] = values else { return Ok(None) };
    let (count, first) = counted(first);
    let rest = rest.iter().take(count - 1).flatten().copied();
    Ok(Some(std::iter::once(first).chain(rest).collect()))
}

/// The number of parts, and the first without it.
fn counted(first: &str) -> (usize, &str) {
    match first.split_at_checked(2) {
        Some(("2~", text)) => (2, text),
        Some(("3~", text)) => (3, text),
        _ => (1, first),
    }
}

/// A session, cut into what its cookies hold.
#[derive(Clone)]
pub struct Cookies {
    parts: Vec<String>,
}

impl Cookies {
    /// The parts of this session. `None` when it is longer than [`CAPACITY`].
    pub fn of(session: &str) -> Option<Self> {
        if session.len() > CAPACITY || !session.is_ascii() {
            return None;
        }
        if session.len() <= PART {
            return Some(Self { parts: vec![session.to_owned()] });
        }
        let count = (session.len() + 2).div_ceil(PART);
        let text = format!("{count}~{session}");
        let parts = text.as_bytes().chunks(PART);
        Some(Self { parts: parts.map(|part| String::from_utf8_lossy(part).into_owned()).collect() })
    }

    /// The first part.
    pub fn first(&self) -> &str {
        self.parts.first().map_or("", String::as_str)
    }

    /// The other parts.
    pub fn rest(&self) -> &[String] {
        self.parts.get(1..).unwrap_or_default()
    }

    /// Bytes of all parts with their names, as a browser sends them.
    fn bytes(&self, first: &str) -> usize {
        self.parts.iter().map(|part| first.len() + "-2=; ".len() + part.len()).sum()
    }

    /// `Set-Cookie` fields of a login: the first part, and the removal of cookies in the request that have to go. These
    /// are the other parts of an earlier session for this registry, and our oldest sessions, until the rest and this one
    /// are at most [`MAX_LINE`]: a request with more would be refused, and the user could not log out.
    pub fn set_first(
        &self,
        scope: &CookieScope,
        headers: &HeaderMap,
        registry: &str,
        lifetime: Duration,
    ) -> Option<(HeaderValue, Vec<HeaderValue>)> {
        let own = scope.name(registry);
        let mut others: Vec<(&str, usize, usize)> = Vec::new();
        let mut gone = Vec::new();
        for found in ours(scope, headers) {
            if found.first == own {
                if found.number > self.parts.len() {
                    gone.extend(scope.removal(&part_name(&own, found.number)));
                }
            } else {
                let bytes = found.first.len() + "-2=; ".len() + found.value.len();
                others.push((found.first, found.number, bytes));
            }
        }
        let mut bytes = self.bytes(&own);
        let mut removed: Vec<&str> = Vec::new();
        for (first, _, length) in others.iter().rev() {
            bytes += length;
            if bytes > MAX_LINE && !removed.contains(first) {
                removed.push(first);
            }
        }
        for (first, number, _) in others.iter().filter(|(first, _, _)| removed.contains(first)) {
            gone.extend(scope.removal(&part_name(first, *number)));
        }
        Some((scope.set(&own, self.first(), lifetime)?, gone))
    }

    /// `Set-Cookie` with one of the other parts, counted from 2.
    pub fn set_part(
        scope: &CookieScope,
        registry: &str,
        number: usize,
        part: &str,
        lifetime: Duration,
    ) -> Option<HeaderValue> {
        scope.set(&part_name(&scope.name(registry), number), part, lifetime)
    }

    /// `Set-Cookie` fields that remove the session for a registry: the first part, and others that the request holds.
    pub fn clear(scope: &CookieScope, headers: &HeaderMap, registry: &str) -> Vec<HeaderValue> {
        let own = scope.name(registry);
        let others = ours(scope, headers).filter(|found| found.first == own && found.number > 1);
        std::iter::once(own.clone())
            .chain(others.map(|found| part_name(&own, found.number)))
            .filter_map(|name| scope.removal(&name))
            .collect()
    }
}

impl std::fmt::Debug for Cookies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cookies").field("parts", &self.parts.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
