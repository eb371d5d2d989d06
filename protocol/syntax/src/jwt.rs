//! Decoder for tokens: the compact serialization (RFC 7515 §3.1) and the claims of RFC 7519 §4.1. **Nothing is verified.**
//!
//! # Opaque, or broken
//! A string looks like a JWT if it contains a dot (RFC 7519 §7.2) and the part before the first dot is the base64url
//! encoding of the beginning of a JSON object: `{` and a name in quotation marks. `{` alone is not enough, because one in
//! 256 random strings begins with it.
//! All other strings are *opaque* (GHCR's base64 tokens, Google's `ya29.…`, a JWE of five parts). A string that looks like a
//! JWT and cannot be decoded has a [`JwtProblem`] (decision 0010).
//!
//! # What is checked
//! Three parts, none empty; each base64url without padding (RFC 7515 §2); header and payload JSON objects, the header with
//! a string `alg`; the claims `iss`, `sub`, `aud`, `exp`, `nbf`, `iat` and `jti` of their types and none twice (RFC 7519 §4).
//! Other claims may be any JSON. A time outside the range of JavaScript's `Date` counts as the nearest one within it.
//!
//! An `access` claim that is not a list, and a malformed entry of it, grant nothing. The rest of the token is still decoded,
//! and [`Claims::problem`] reports the error.
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

/// The maximum length of a token, in bytes. Real ones have between 0.3 and 4 KiB.
pub const MAX_TOKEN: usize = 64 * 1024;

/// The maximum number of entries in `access`.
pub const MAX_ACCESS: usize = 1024;

/// The latest and, negated, the earliest time, in seconds: the range of JavaScript's `Date` (ECMA-262 §21.4.1.1).
const MAX_TIME: i64 = 8_640_000_000_000;

/// What is wrong with a token that looks like a JWT. The codes are stable.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JwtProblem {
    /// `access`, or one of its entries, does not have the form `{type, name, actions}`. The token is still decoded.
    #[error("the access claim is malformed")]
    Access,
    /// The header has no `alg`, or it is not a string.
    #[error("the header has no alg")]
    Algorithm,
    /// A part is not base64url without padding.
    #[error("a part is not base64url")]
    Base64,
    /// A registered claim does not have the type that RFC 7519 defines.
    #[error("a registered claim has the wrong type")]
    ClaimType,
    /// The payload is not a JSON object in UTF-8.
    #[error("the payload is not a JSON object")]
    ClaimsJson,
    /// A claim is given twice.
    #[error("a claim is given twice")]
    Duplicate,
    /// A part is empty, for example the signature of an unsigned token.
    #[error("a part is empty")]
    EmptyPart,
    /// The header is not a JSON object in UTF-8.
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

/// The buffer that a token is decoded into. Reusing it avoids allocations.
#[derive(Clone, Default)]
pub struct Decoded {
    /// Header and claims as JSON, one after the other, and after them remains of earlier tokens.
    text: Vec<u8>,
    /// Where the claims begin in `text`.
    claims_at: usize,
    /// Where they end.
    end: usize,
    /// The tape of both, header first; its places are positions in `text`.
    pub tape: Tape,
}

impl Decoded {
    /// Header and claims as JSON, one after the other.
    pub fn text(&self) -> &[u8] {
        self.text.get(..self.end).unwrap_or_default()
    }
}

/// The result of decoding a string.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "it is looked at once, and nothing is to be allocated")]
pub enum Reading<'a> {
    /// Not a JWT. What it grants is unknown.
    Opaque,
    /// It looks like a JWT and cannot be decoded. It grants nothing.
    Broken(JwtProblem),
    /// A JWT: its form is checked, its signature is not verified.
    Jwt(Jwt<'a>),
}

/// The contents of a JWT, unverified, borrowed from the [`Decoded`] buffer. `Debug` shows no claims.
///
/// Only strings with escapes are allocated.
#[derive(Clone)]
pub struct Jwt<'a> {
    /// The header as JSON.
    pub header_json: &'a str,
    /// The claims as JSON. They are untrusted: never insert them as markup.
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
    /// `sub`; empty or `(anonymous)` for an anonymous token.
    pub subject: Option<Cow<'a, str>>,
    /// `aud`: a single string counts as a list of one.
    pub audience: Strings<'a>,
    /// `exp` in milliseconds since 1970.
    pub expires_at: Option<i64>,
    /// `nbf` in milliseconds since 1970.
    pub not_before: Option<i64>,
    /// `iat` in milliseconds since 1970.
    pub issued_at: Option<i64>,
    /// `access`; `None` if the claim is absent.
    pub access: Option<AccessList<'a>>,
    /// What is wrong with `access`, if it or one of its entries is malformed.
    pub problem: Option<JwtProblem>,
}

/// Decodes a token and checks it, without verifying it. `decoded` is overwritten.
///
/// Never fails: a string that is not a JWT is [`Reading::Opaque`], and a broken JWT has the reason.
pub fn read<'a>(token: &[u8], decoded: &'a mut Decoded) -> Reading<'a> {
    match take_apart(token, decoded) {
        Some(()) => check(decoded).map_or_else(|problem| not_read(token, Some(problem)), Reading::Jwt),
        None => not_read(token, None),
    }
}

/// Decodes header and claims of a string that has the form of a JWT.
fn take_apart(token: &[u8], decoded: &mut Decoded) -> Option<()> {
    if token.len() > MAX_TOKEN {
        return None;
    }
    let Decoded { text, claims_at, end, .. } = decoded;
    // The old contents need not be cleared: they are overwritten, or lie after the end.
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

/// Decides whether a string that is not a valid JWT, with this problem, is broken or opaque.
#[cold]
fn not_read(token: &[u8], problem: Option<JwtProblem>) -> Reading<'static> {
    if token.len() > MAX_TOKEN {
        // Too long to decide.
        return Reading::Broken(JwtProblem::TooLarge);
    }
    let parts = token.split(|&byte| byte == b'.').count();
    // A JWT contains a dot (RFC 7519 §7.2). Five parts are a JWE, whose claims are encrypted (RFC 7516 §3.1).
    if matches!(parts, 1 | 5) || !begins_like_header(token) {
        return Reading::Opaque;
    }
    Reading::Broken(problem.unwrap_or_else(|| match parts {
        3 if token.ends_with(b".") || token.windows(2).any(|pair| pair == b"..") => JwtProblem::EmptyPart,
        3 => JwtProblem::Base64,
        _ => JwtProblem::PartCount,
    }))
}

/// Whether a string begins like a JOSE header (RFC 7515 §4), as far as it is base64url: a JSON object that is empty or whose
/// first member has an ASCII name.
///
/// `{` alone is not enough, because one in 256 random strings begins with it.
fn begins_like_header(token: &[u8]) -> bool {
    /// The next octet after any white space.
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
    // The input may be shorter.
    !matches!(next, Next::Object)
}

/// Reads the claims from the decoded JSON.
fn check(decoded: &mut Decoded) -> Result<Jwt<'_>, JwtProblem> {
    let Decoded { text, claims_at, end, tape } = decoded;
    let text = std::str::from_utf8(text.get(..*end).unwrap_or_default()).map_err(|error| {
        if error.valid_up_to() < *claims_at { JwtProblem::HeaderJson } else { JwtProblem::ClaimsJson }
    })?;
    // A character that begins in the header and ends in the claims makes both invalid UTF-8.
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
