//! Tokens taken apart and checked: the compact serialization (RFC 7515 §3.1) and the claims of RFC 7519 §4.1. **Nothing is
//! verified.**
//!
//! # Opaque, or broken
//! A text looks like a JWT if it has dots (RFC 7519 §7.2) and the part before the first is base64url of a JSON object's
//! beginning: `{`, and a name in quotation marks. One octet would not do, since every 256th text of random octets begins with `{`.
//! Everything else is *opaque* (GHCR's base64 texts, Google's `ya29.…`, a JWE of five parts) and says nothing. A text that
//! looks like a JWT and cannot be read as one has a [`JwtProblem`] (decision 0010).
//!
//! # What is checked
//! Three parts, none empty; each base64url without padding (RFC 7515 §2); header and payload JSON objects, the header with
//! a string `alg`; the claims `iss`, `sub`, `aud`, `exp`, `nbf`, `iat` and `jti` of their types and none twice (RFC 7519 §4).
//! Other claims are not looked at, and may be of any JSON. A time that is beyond what JavaScript's `Date` holds counts as
//! the last one of that side.
//!
//! An `access` that is no list, or an entry of it that is not of its form, grants nothing and spoils nothing else: the token
//! is read, and [`Claims::problem`] says so.
//!
//! # Limits
//! [`MAX_TOKEN`] bytes, [`MAX_ACCESS`] access entries, 32 levels of JSON.

mod base64url;
mod claims;
mod summary;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use crate::json::{self, JsonError, Kind, Value};
use crate::tape::Tape;

pub use claims::{AccessEntry, AccessList, Strings};
use claims::{read_claims, read_header};

/// The longest token that is read, in bytes. Real ones are between 0.3 and 4 KiB.
pub const MAX_TOKEN: usize = 64 * 1024;

/// The most entries in `access`.
pub const MAX_ACCESS: usize = 1024;

/// The latest and, negative, the earliest time that is told, in seconds: what JavaScript's `Date` holds (ECMA-262
/// §21.4.1.1). A token that ends later does not end.
const MAX_TIME: i64 = 8_640_000_000_000;

/// What is wrong with a token that looks like a JWT. The codes are stable.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JwtProblem {
    /// `access` is no list of `{type, name, actions}`, or not all of it is. The token is read all the same.
    #[error("the access claim is malformed")]
    Access,
    /// The header has no string `alg`.
    #[error("the header names no algorithm")]
    Algorithm,
    /// A part is not base64url without padding.
    #[error("a part is not base64url")]
    Base64,
    /// A registered claim has another type than RFC 7519 gives it.
    #[error("a registered claim has the wrong type")]
    ClaimType,
    /// The payload is no JSON object in UTF-8.
    #[error("the payload is not a JSON object")]
    ClaimsJson,
    /// A claim is given twice.
    #[error("a claim is given twice")]
    Duplicate,
    /// A part is empty, for example the signature of an unsigned token.
    #[error("a part is empty")]
    EmptyPart,
    /// The header is no JSON object in UTF-8.
    #[error("the header is not a JSON object")]
    HeaderJson,
    /// Not three parts.
    #[error("the token does not have three parts")]
    PartCount,
    /// Longer than [`MAX_TOKEN`], or with more than [`MAX_ACCESS`] entries, or nested too deeply.
    #[error("the token is too large")]
    TooLarge,
}

impl JwtProblem {
    /// A stable code for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Access => "jwt_access",
            Self::Algorithm => "jwt_algorithm",
            Self::Base64 => "jwt_base64",
            Self::ClaimType => "jwt_claim_type",
            Self::ClaimsJson => "jwt_claims_json",
            Self::Duplicate => "jwt_duplicate",
            Self::EmptyPart => "jwt_empty_part",
            Self::HeaderJson => "jwt_header_json",
            Self::PartCount => "jwt_part_count",
            Self::TooLarge => "jwt_too_large",
        }
    }
}

/// Where a token is decoded to. It can be used again, and then allocates nothing.
#[derive(Clone, Default)]
pub struct Decoded {
    /// Header and claims as JSON, one after the other; behind them, what was there before.
    text: Vec<u8>,
    /// Where the claims begin in `text`.
    claims_at: usize,
    /// Where they end.
    end: usize,
    /// The values of both, header first; places are those in the text.
    pub tape: Tape,
}

impl Decoded {
    /// Header and claims as JSON, one after the other.
    pub fn text(&self) -> &[u8] {
        self.text.get(..self.end).unwrap_or_default()
    }
}

/// What a text turned out to be.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "it is looked at once, and nothing is to be allocated")]
pub enum Reading<'a> {
    /// No JWT: it says nothing.
    Opaque,
    /// It looks like a JWT and cannot be read as one: it grants nothing.
    Broken(JwtProblem),
    /// A JWT, checked and not verified.
    Jwt(Jwt<'a>),
}

/// What a JWT says, unverified, borrowed from where it was decoded to. `Debug` shows no claims.
///
/// Nothing is allocated but what has escapes.
#[derive(Clone)]
pub struct Jwt<'a> {
    /// The header as JSON text.
    pub header_json: &'a str,
    /// The claims as JSON text. They are input: never put them into markup.
    pub claims_json: &'a str,
    /// `alg` of the header.
    pub algorithm: Cow<'a, str>,
    /// `kid` of the header.
    pub key_id: Option<Cow<'a, str>>,
    /// The registered claims.
    pub claims: Claims<'a>,
}

/// The registered claims (RFC 7519 §4.1), and `access` of distribution's `spec/auth/jwt.md`.
#[derive(Clone, Default)]
pub struct Claims<'a> {
    /// `iss`.
    pub issuer: Option<Cow<'a, str>>,
    /// `sub`; the empty text and `(anonymous)` mean nobody.
    pub subject: Option<Cow<'a, str>>,
    /// `aud`: one text counts as a list of one.
    pub audience: Strings<'a>,
    /// `exp` in milliseconds since 1970.
    pub expires_at: Option<i64>,
    /// `nbf` in milliseconds since 1970.
    pub not_before: Option<i64>,
    /// `iat` in milliseconds since 1970.
    pub issued_at: Option<i64>,
    /// `access`; `None` if the token does not say.
    pub access: Option<AccessList<'a>>,
    /// What is wrong with `access`, where that is not all of its form.
    pub problem: Option<JwtProblem>,
}

/// Decodes a token and checks it, without verifying it. What `decoded` held before is lost.
///
/// Never fails: what is no JWT is [`Reading::Opaque`], and what is a broken one says why.
pub fn read<'a>(token: &[u8], decoded: &'a mut Decoded) -> Reading<'a> {
    match take_apart(token, decoded) {
        Some(()) => check(decoded).map_or_else(|problem| not_read(token, Some(problem)), Reading::Jwt),
        None => not_read(token, None),
    }
}

/// Decodes header and claims of a text that has the form of a JWT.
fn take_apart(token: &[u8], decoded: &mut Decoded) -> Option<()> {
    if token.len() > MAX_TOKEN {
        return None;
    }
    let Decoded { text, claims_at, end, .. } = decoded;
    // What is there already need not be cleared: it is written over, or lies behind the end.
    text.resize(text.len().max(token.len()), 0);
    let (read, written) = base64url::decode(token, text)?;
    let claims = behind_dot(token, read)?;
    *claims_at = written;
    let (read, written) = base64url::decode(claims, text.get_mut(written..)?)?;
    let signature = behind_dot(claims, read)?;
    *end = *claims_at + written;
    (written > 0 && !signature.is_empty() && base64url::is_valid(signature)).then_some(())
}

fn behind_dot(text: &[u8], at: usize) -> Option<&[u8]> {
    text.get(at..)?.strip_prefix(b".")
}

/// What to make of a text that is no JWT: of its content, which has this problem, or else of its form.
#[cold]
fn not_read(token: &[u8], problem: Option<JwtProblem>) -> Reading<'static> {
    if token.len() > MAX_TOKEN {
        // It might be anything.
        return Reading::Broken(JwtProblem::TooLarge);
    }
    let parts = token.split(|&byte| byte == b'.').count();
    // Without a dot it is no JWT (RFC 7519 §7.2), and five parts are a JWE, whose claims are not for us (RFC 7516 §3.1).
    if matches!(parts, 1 | 5) || !begins_like_header(token) {
        return Reading::Opaque;
    }
    Reading::Broken(problem.unwrap_or_else(|| match parts {
        3 if token.ends_with(b".") || token.windows(2).any(|pair| pair == b"..") => JwtProblem::EmptyPart,
        3 => JwtProblem::Base64,
        _ => JwtProblem::PartCount,
    }))
}

/// Whether a text begins like a JOSE header (RFC 7515 §4), as far as it is base64url: a JSON object that is empty or whose
/// first member has a name in ASCII.
///
/// `{` alone would prove nothing: every 256th text of random octets begins with it.
fn begins_like_header(token: &[u8]) -> bool {
    /// What comes next, behind any white space.
    enum Next {
        Object,
        Name,
        RestOfName,
        Colon,
        Nothing,
    }
    let mut next = Next::Object;
    for octet in base64url::octets(token) {
        next = match (next, octet) {
            (Next::RestOfName, b'"') => Next::Colon,
            (Next::RestOfName, b' '..=b'~') | (Next::Name, b'"') => Next::RestOfName,
            (Next::RestOfName, _) => return false,
            (next, b' ' | b'\t' | b'\n' | b'\r') => next,
            (Next::Object, b'{') => Next::Name,
            (Next::Name, b'}') => Next::Nothing,
            (Next::Colon, b':') => return true,
            _ => return false,
        };
    }
    // As much as there is of it.
    !matches!(next, Next::Object)
}

/// Reads what was decoded.
fn check(decoded: &mut Decoded) -> Result<Jwt<'_>, JwtProblem> {
    let Decoded { text, claims_at, end, tape } = decoded;
    let text = std::str::from_utf8(text.get(..*end).unwrap_or_default()).map_err(|error| {
        if error.valid_up_to() < *claims_at { JwtProblem::HeaderJson } else { JwtProblem::ClaimsJson }
    })?;
    // Not at a boundary if a character begins in the header and ends in the claims, which makes both no UTF-8.
    let (header_json, claims_json) = text.split_at_checked(*claims_at).ok_or(JwtProblem::HeaderJson)?;
    let reading = |syntax| move |error| if error == JsonError::Depth { JwtProblem::TooLarge } else { syntax };
    tape.clear();
    json::append(header_json, 0, tape).map_err(reading(JwtProblem::HeaderJson))?;
    let claims_entry = tape.entries().len();
    json::append(text, *claims_at, tape).map_err(reading(JwtProblem::ClaimsJson))?;

    let object = |at, problem| {
        let value = Value::new(text, tape.entries(), at);
        if value.kind() == Kind::Object { Ok(value) } else { Err(problem) }
    };
    let (algorithm, key_id) = read_header(object(0, JwtProblem::HeaderJson)?)?;
    let claims = read_claims(object(claims_entry, JwtProblem::ClaimsJson)?)?;
    Ok(Jwt { header_json, claims_json, algorithm, key_id, claims })
}

/// Shows neither header nor claims.
impl fmt::Debug for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoded").finish_non_exhaustive()
    }
}

impl fmt::Debug for Jwt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt").field("expires_at", &self.claims.expires_at).finish_non_exhaustive()
    }
}

impl fmt::Debug for Claims<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}
