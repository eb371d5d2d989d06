//! The two carriers of a session: `Authorization: Bearer`, and cookies.
//!
//! A bearer token proves possession. A cookie does not, because a browser attaches it to requests of any page. So a
//! cookie is accepted only with proof that the request comes from our own pages: for GET and HEAD `Sec-Fetch-Site`, or
//! `Origin` where that is missing; for everything else our own `Origin` and a header that cross-site forms cannot set.

mod parts;

use dockpass_protocol::api::{CSRF_HEADER, Carrier};
use dockpass_protocol::code::ErrorCode;
use http::header::{AUTHORIZATION, ORIGIN};
use http::{HeaderMap, Method};

use crate::own_address::OwnAddress;
use crate::session::{ID_LENGTH, SealedText, looks_like_one};
pub use parts::{CAPACITY, CookieScope, Cookies, MAX_PARTS, PART};

/// How sessions may travel to and from this server.
#[derive(Clone, Debug)]
pub struct CarrierPolicy {
    own: OwnAddress,
    allowed: Vec<Carrier>,
    scope: CookieScope,
}

impl CarrierPolicy {
    /// The policy of a server with these addresses, carriers and cookies.
    pub fn new(own: OwnAddress, allowed: &[Carrier], scope: CookieScope) -> Self {
        Self { own, allowed: allowed.to_vec(), scope }
    }

    /// Where browsers send our cookies.
    pub fn scope(&self) -> &CookieScope {
        &self.scope
    }

    /// Whether sessions may be issued to and accepted from this carrier.
    ///
    /// # Errors
    /// `carrier_not_allowed`.
    pub fn admit(&self, carrier: Carrier) -> Result<(), ErrorCode> {
        if self.allowed.contains(&carrier) { Ok(()) } else { Err(ErrorCode::CarrierNotAllowed) }
    }

    /// The session in the cookies for this registry, or in the only ones. The caller calls [`CarrierPolicy::guard`] before
    /// it uses it.
    ///
    /// # Errors
    /// `invalid_request` when a cookie is there twice, or when there are several sessions and no registry says which;
    /// `carrier_not_allowed`.
    pub fn cookie(&self, headers: &HeaderMap, registry: Option<&str>) -> Result<Option<String>, ErrorCode> {
        let found = parts::cookie(&self.scope, headers, registry)?;
        if found.is_some() {
            self.admit(Carrier::Cookie)?;
        }
        Ok(found)
    }

    /// The session of an API request for this registry, or for the only registry that there is a cookie for.
    ///
    /// # Errors
    /// `invalid_request` for two carriers at once, for a cookie that occurs twice, and for several cookies without a
    /// registry to choose by; `invalid_session` for an `Authorization` that is not a session; `carrier_not_allowed`; the errors of
    /// [`CarrierPolicy::by_cookie`].
    pub fn session(
        &self,
        method: &Method,
        headers: &HeaderMap,
        registry: Option<&str>,
    ) -> Result<Option<Presented>, ErrorCode> {
        let cookie = self.cookie(headers, registry)?;
        match (bearer(headers), cookie) {
            (Bearer::None, cookie) => {
                let sealed = self.by_cookie(method, headers, cookie.as_deref())?;
                Ok(sealed.map(|sealed| Presented { sealed, by_cookie: true }))
            }
            (Bearer::Session(token), None) => {
                self.admit(Carrier::Bearer)?;
                Ok(Some(Presented { sealed: SealedText::new(token), by_cookie: false }))
            }
            (_, Some(_)) => Err(ErrorCode::InvalidRequest),
            (Bearer::Other(_) | Bearer::Unreadable, None) => Err(ErrorCode::InvalidSession),
        }
    }

    /// The session of a cookie, on a request that comes from our own pages and means that session or any.
    ///
    /// # Errors
    /// The errors of [`CarrierPolicy::guard`]; `session_changed` when the page means another session than the cookie's:
    /// another tab has logged out, or somebody else in (threat WEB-11).
    pub fn by_cookie(
        &self,
        method: &Method,
        headers: &HeaderMap,
        cookie: Option<&str>,
    ) -> Result<Option<SealedText>, ErrorCode> {
        let sealed = cookie.map(SealedText::new);
        if sealed.is_some() {
            self.guard(method, headers)?;
        }
        let id = sealed.as_ref().map(SealedText::id);
        let meant = headers.get_all(CSRF_HEADER).iter().filter_map(|value| value.to_str().ok());
        if meant.filter(|value| value.len() == ID_LENGTH).any(|value| Some(value) != id.as_deref()) {
            return Err(ErrorCode::SessionChanged);
        }
        Ok(sealed)
    }

    /// Checks that a request with a cookie comes from our own pages.
    ///
    /// # Errors
    /// `origin_not_allowed` or `csrf_required`.
    pub fn guard(&self, method: &Method, headers: &HeaderMap) -> Result<(), ErrorCode> {
        let reads = method == Method::GET || method == Method::HEAD;
        if !from_own_page(reads, headers, &self.own) {
            return Err(ErrorCode::OriginNotAllowed);
        }
        if !reads && !headers.contains_key(CSRF_HEADER) {
            return Err(ErrorCode::CsrfRequired);
        }
        Ok(())
    }
}

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
    let is_one =
        |byte: u8| byte.is_ascii_alphanumeric() | matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
    let text = token.trim_end_matches('=');
    // All of them, without an early end: so it is done for many at once, and most tokens are good.
    !text.is_empty() && text.bytes().fold(true, |all, byte| all & is_one(byte))
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
