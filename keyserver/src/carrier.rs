//! The two carriers of a session: `Authorization: Bearer`, and one cookie per registry.
//!
//! A bearer token proves possession. A cookie does not, because a browser attaches it to requests of any page. So a
//! cookie is accepted only with proof that the request comes from our own pages: `Sec-Fetch-Site`, or `Origin` where
//! that is missing, and for everything other than GET and HEAD a header that cross-site forms cannot set.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use dockpass_protocol::api::{CSRF_HEADER, SESSION_COOKIE_PREFIX};
use dockpass_protocol::code::ErrorCode;
use http::header::{AUTHORIZATION, COOKIE, ORIGIN};
use http::{HeaderMap, HeaderValue, Method};

use crate::clock::hex;
use crate::session::{SealedText, looks_like_one};

/// Longest name and value of a cookie together (RFC 6265bis §5.6); browsers drop longer ones silently.
const MAX_COOKIE: usize = 4_096;
/// Session cookies that one browser keeps at most.
const MAX_COOKIES: usize = 8;
/// Hex digits of the registry's hash in a cookie's name.
const HASH_DIGITS: usize = 16;

/// A session as it was presented.
#[derive(Clone, Debug)]
pub struct Presented {
    /// The session, not yet opened.
    pub sealed: SealedText,
    /// Whether it came in a cookie.
    pub by_cookie: bool,
}

/// The content of `Authorization`.
#[derive(Debug)]
pub enum Bearer<'a> {
    /// No such field.
    None,
    /// A token with the form of a session.
    Session(&'a str),
    /// Another bearer token: a registry's.
    Other(&'a str),
    /// Another scheme, several fields, or unreadable text.
    Unreadable,
}

/// Reads `Authorization`.
pub fn bearer(headers: &HeaderMap) -> Bearer<'_> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let Some(field) = fields.next() else { return Bearer::None };
    let token = field.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' '))
    });
    match token {
        Some(token) if fields.next().is_none() && !token.is_empty() => {
            if looks_like_one(token) {
                Bearer::Session(token)
            } else {
                Bearer::Other(token)
            }
        }
        _ => Bearer::Unreadable,
    }
}

/// The session of an API request for this registry, or for the only registry that there is a cookie for.
///
/// # Errors
/// `invalid_request` for two carriers at once, for a cookie that occurs twice, and for several cookies without a
/// registry to choose by; `invalid_session` for an `Authorization` that is not a session; the errors of [`guard`] for
/// a cookie.
pub fn session(
    method: &Method,
    headers: &HeaderMap,
    registry: Option<&str>,
    own_origin: &str,
) -> Result<Option<Presented>, ErrorCode> {
    let cookie = cookie(headers, registry)?;
    match (bearer(headers), cookie) {
        (Bearer::None, None) => Ok(None),
        (Bearer::None, Some(value)) => {
            guard(method, headers, own_origin)?;
            Ok(Some(Presented { sealed: SealedText::new(value), by_cookie: true }))
        }
        (Bearer::Session(token), None) => {
            Ok(Some(Presented { sealed: SealedText::new(token), by_cookie: false }))
        }
        (_, Some(_)) => Err(ErrorCode::InvalidRequest),
        (Bearer::Other(_) | Bearer::Unreadable, None) => Err(ErrorCode::InvalidSession),
    }
}

/// The value of the session cookie for this registry (or of the only one).
///
/// # Errors
/// `invalid_request` when it occurs twice, or when there are several and no registry is given.
pub fn cookie<'a>(headers: &'a HeaderMap, registry: Option<&str>) -> Result<Option<&'a str>, ErrorCode> {
    let wanted = registry.map(cookie_name);
    let mut found = None;
    for line in headers.get_all(COOKIE) {
        // A field that is not ASCII cannot contain a session, and other cookies do not matter here.
        let Ok(line) = line.to_str() else { continue };
        for pair in line.split(';') {
            let Some((name, value)) = pair.trim_matches(' ').split_once('=') else { continue };
            let ours = match &wanted {
                Some(wanted) => name == wanted,
                None => {
                    name.strip_prefix(SESSION_COOKIE_PREFIX).is_some_and(|rest| rest.len() == HASH_DIGITS)
                }
            };
            if ours && found.replace(value).is_some() {
                return Err(ErrorCode::InvalidRequest);
            }
        }
    }
    Ok(found)
}

/// Checks that a request with a cookie comes from our own pages.
///
/// # Errors
/// `origin_not_allowed` or `csrf_required`.
pub fn guard(method: &Method, headers: &HeaderMap, own_origin: &str) -> Result<(), ErrorCode> {
    if !from_own_page(headers, own_origin) {
        return Err(ErrorCode::OriginNotAllowed);
    }
    let reads = method == Method::GET || method == Method::HEAD;
    if !reads && !headers.contains_key(CSRF_HEADER) {
        return Err(ErrorCode::CsrfRequired);
    }
    Ok(())
}

/// `Sec-Fetch-Site: same-origin`; without that header, `Origin` equal to our own. Otherwise the request is foreign.
fn from_own_page(headers: &HeaderMap, own_origin: &str) -> bool {
    let mut site = headers.get_all("sec-fetch-site").iter();
    match (site.next(), site.next()) {
        (Some(site), None) => site == "same-origin",
        (Some(_), Some(_)) => false,
        (None, _) => {
            let mut origin = headers.get_all(ORIGIN).iter();
            match (origin.next(), origin.next()) {
                (Some(origin), None) => origin == own_origin,
                _ => false,
            }
        }
    }
}

/// The name of the cookie for a registry.
pub fn cookie_name(registry: &str) -> String {
    let hash = digest(&SHA256, registry.as_bytes());
    let hex: String = hex(hash.as_ref()).chars().take(HASH_DIGITS).collect();
    format!("{SESSION_COOKIE_PREFIX}{hex}")
}

/// The longest session that fits into the cookie for a registry.
pub fn cookie_capacity(registry: &str) -> usize {
    MAX_COOKIE - cookie_name(registry).len() - 1
}

/// `Set-Cookie` fields that remove our oldest cookies until those that remain, together with one of `new` bytes for
/// this registry, are at most [`MAX_COOKIES`] and `max_bytes`. A browser sends all of them with every request, oldest
/// first (RFC 6265 §5.4); a request with too many would be refused, and the user could not log out.
pub fn surplus(headers: &HeaderMap, registry: &str, new: usize, max_bytes: usize) -> Vec<HeaderValue> {
    let own = cookie_name(registry);
    let mut presented: Vec<(&str, usize)> = Vec::new();
    for line in headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok()) {
        for pair in line.split(';').map(|pair| pair.trim_matches(' ')) {
            let Some((name, _)) = pair.split_once('=') else { continue };
            let ours = name.strip_prefix(SESSION_COOKIE_PREFIX).is_some_and(|rest| {
                rest.len() == HASH_DIGITS && rest.bytes().all(|byte| byte.is_ascii_hexdigit())
            });
            if ours && name != own {
                presented.push((name, pair.len()));
            }
        }
    }
    let (mut count, mut bytes) = (1, new);
    let mut gone = Vec::new();
    for (name, length) in presented.into_iter().rev() {
        count += 1;
        bytes += length;
        if count > MAX_COOKIES || bytes > max_bytes {
            gone.extend(removal(name));
        }
    }
    gone
}

/// `Set-Cookie` with a session.
pub fn set_cookie(registry: &str, session: &str, lifetime: Duration) -> Option<HeaderValue> {
    let name = cookie_name(registry);
    let text = format!(
        "{name}={session}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={}",
        lifetime.as_secs()
    );
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// `Set-Cookie` that removes the session's cookie.
pub fn clear_cookie(registry: &str) -> Option<HeaderValue> {
    removal(&cookie_name(registry))
}

fn removal(name: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("{name}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0")).ok()
}

#[cfg(test)]
mod tests;
