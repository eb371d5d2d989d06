//! The two carriers of a session: `Authorization: Bearer`, and cookies.
//!
//! A bearer token proves possession. A cookie does not, because a browser attaches it to requests of any page. So a
//! cookie is accepted only with proof that the request comes from our own pages: for GET and HEAD `Sec-Fetch-Site`, or
//! `Origin` where that is missing; for everything else our own `Origin` and a header that cross-site forms cannot set.

mod parts;

use dockpass_protocol::api::CSRF_HEADER;
use dockpass_protocol::code::ErrorCode;
use http::header::{AUTHORIZATION, ORIGIN};
use http::{HeaderMap, Method};

use crate::own_address::OwnAddress;
use crate::session::{SealedText, looks_like_one};
pub use parts::{CAPACITY, Cookies, MAX_PARTS, PART, cookie, cookie_name};

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
        Some(token) if fields.next().is_none() && is_b64token(token) => {
            if looks_like_one(token) {
                Bearer::Session(token)
            } else {
                Bearer::Other(token)
            }
        }
        _ => Bearer::Unreadable,
    }
}

/// `b64token` (RFC 6750 §2.1). Nothing else is a bearer token: a list of two could contain a session.
fn is_b64token(token: &str) -> bool {
    let text = token.trim_end_matches('=');
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
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
    own: &OwnAddress,
) -> Result<Option<Presented>, ErrorCode> {
    let cookie = cookie(headers, registry)?;
    match (bearer(headers), cookie) {
        (Bearer::None, None) => Ok(None),
        (Bearer::None, Some(value)) => {
            guard(method, headers, own)?;
            Ok(Some(Presented { sealed: SealedText::new(&value), by_cookie: true }))
        }
        (Bearer::Session(token), None) => {
            Ok(Some(Presented { sealed: SealedText::new(token), by_cookie: false }))
        }
        (_, Some(_)) => Err(ErrorCode::InvalidRequest),
        (Bearer::Other(_) | Bearer::Unreadable, None) => Err(ErrorCode::InvalidSession),
    }
}

/// Checks that a request with a cookie comes from our own pages.
///
/// # Errors
/// `origin_not_allowed` or `csrf_required`.
pub fn guard(method: &Method, headers: &HeaderMap, own: &OwnAddress) -> Result<(), ErrorCode> {
    let reads = method == Method::GET || method == Method::HEAD;
    if !from_own_page(reads, headers, own) {
        return Err(ErrorCode::OriginNotAllowed);
    }
    if !reads && !headers.contains_key(CSRF_HEADER) {
        return Err(ErrorCode::CsrfRequired);
    }
    Ok(())
}

/// Reads: `Sec-Fetch-Site: same-origin`, because browsers send no `Origin` with them. Writes, and browsers without
/// Fetch Metadata: an `Origin` of ours.
fn from_own_page(reads: bool, headers: &HeaderMap, own: &OwnAddress) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let has_own_origin = match (origins.next(), origins.next()) {
        (Some(origin), None) => own.is_origin(origin),
        _ => false,
    };
    let mut sites = headers.get_all("sec-fetch-site").iter();
    match (sites.next(), sites.next()) {
        (Some(site), None) => site == "same-origin" && (reads || has_own_origin),
        (Some(_), Some(_)) => false,
        (None, _) => has_own_origin,
    }
}

#[cfg(test)]
mod tests;
