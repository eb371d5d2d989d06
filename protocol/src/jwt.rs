//! Looking into registry tokens (distribution `docs/content/spec/auth/jwt.md`, RFC 7519).
//!
//! **Nothing here is verified.** What a token says is the token's word; the registry decides. [`inspect`] serves to know
//! before a request whether the token service granted what was asked (Docker Hub answers `200` either way), and when
//! to ask again.
//!
//! # Opaque, or broken
//! A text is a JWT if it looks like one: its first part, before the first dot, is base64url of a JSON object's beginning.
//! Everything else is *opaque* (GHCR's base64 texts, Google's `ya29.…`, a JWE of five parts) and says nothing about
//! scopes: [`Answer::Unknown`]. A text that looks like a JWT and cannot be read as one has a [`TokenInfo::problem`]
//! and grants nothing: [`Answer::Denied`], so that no damage makes a token more powerful (decision 0010).
//!
//! # What is checked
//! Three parts, none empty; each base64url without padding (RFC 7515 §2); header and payload JSON objects, the header with
//! a string `alg`; the claims `iss`, `sub`, `aud`, `exp`, `nbf`, `iat`, `jti` and `access` of their types and none
//! twice (RFC 7519 §4); times from 1970 to 9999. Other claims are not looked at, and may be of any JSON.
//!
//! # Limits
//! [`MAX_TOKEN`] bytes, [`MAX_ACCESS`] access entries, 32 levels of JSON.

mod base64url;
mod claims;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::scope::{Answer, Scope, ScopeSet};

/// The longest token that is read, in bytes. Real ones are between 0.3 and 4 KiB.
pub const MAX_TOKEN: usize = 64 * 1024;

/// The most entries in `access`.
pub const MAX_ACCESS: usize = 1024;

/// The latest time that is read: the end of the year 9999 in seconds. A value beyond it is milliseconds by mistake, or
/// an attack on arithmetic.
pub(crate) const MAX_TIME: i64 = 253_402_300_799;

/// Whether a token can be read.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum TokenKind {
    /// A JSON Web Token (signed, RFC 7515 compact form), decoded and not verified.
    Jwt,
    /// Anything else.
    Opaque,
}

/// What is wrong with a token that looks like a JWT. The codes are stable.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JwtProblem {
    /// `access` is no list of `{type, name, actions}`.
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
    /// A time before 1970 or after 9999.
    #[error("a time is out of range")]
    Time,
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
            Self::Time => "jwt_time",
            Self::TooLarge => "jwt_too_large",
        }
    }
}

/// What a token says that it grants.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Access {
    /// There is no `access` claim (Gitea, Nexus): not "nothing", but "not said".
    #[default]
    Absent,
    /// The entries in their order, actions as listed. `null` counts as the empty list.
    List(Vec<Scope>),
}

/// What a token says, unverified. `Debug` shows neither token nor claims, which hold personal data.
#[derive(Clone, Default)]
pub struct TokenInfo {
    problem: Option<JwtProblem>,
    /// Header and claims, one after the other.
    text: String,
    /// Where the claims begin; 0 unless the token is a JWT.
    claims_at: usize,
    /// The `access` claim.
    pub access: Access,
    /// `iat` in milliseconds since 1970.
    pub issued_at: Option<i64>,
    /// `nbf` in milliseconds since 1970. Hub's lies before `iat`.
    pub not_before: Option<i64>,
    /// `exp` in milliseconds since 1970.
    pub expires_at: Option<i64>,
    /// `sub`; the empty text and `(anonymous)` mean nobody.
    pub subject: Option<String>,
    /// `aud`; one text in the token is a list of one here.
    pub audience: Vec<String>,
    /// `iss`.
    pub issuer: Option<String>,
    /// `alg` of the header. Not a decision: nothing is verified by it.
    pub algorithm: Option<String>,
    /// `kid` of the header.
    pub key_id: Option<String>,
}

/// The scopes that were asked for, by what a token says of each.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Answers {
    /// Granted with every action.
    pub granted: ScopeSet,
    /// Not granted, or not with every action.
    pub denied: ScopeSet,
    /// The token does not say.
    pub unknown: ScopeSet,
}

/// Decodes a token without verifying it.
///
/// Never fails: what is no JWT is opaque, and what is a broken one says so in [`TokenInfo::problem`].
pub fn inspect(token: &str) -> TokenInfo {
    claims::inspect(token).unwrap_or_else(|problem| TokenInfo { problem, ..TokenInfo::default() })
}

impl TokenInfo {
    /// Whether the token could be read. One with a problem counts as opaque.
    pub fn kind(&self) -> TokenKind {
        if self.claims_at > 0 { TokenKind::Jwt } else { TokenKind::Opaque }
    }

    /// Whether the token is a JWT that could be read.
    pub fn is_jwt(&self) -> bool {
        self.kind() == TokenKind::Jwt
    }

    /// What is wrong with a token that looks like a JWT.
    pub fn problem(&self) -> Option<JwtProblem> {
        self.problem
    }

    /// The header as JSON text, for showing. Of a JWT only.
    pub fn header_json(&self) -> Option<&str> {
        if self.is_jwt() { self.text.get(..self.claims_at) } else { None }
    }

    /// The claims as JSON text, for showing. Of a JWT only. They are input: never put them into markup.
    pub fn claims_json(&self) -> Option<&str> {
        if self.is_jwt() { self.text.get(self.claims_at..) } else { None }
    }

    /// Whether the token names a user: `sub` is there, not empty and not `(anonymous)`.
    pub fn names_a_user(&self) -> bool {
        self.subject.as_deref().is_some_and(|subject| !matches!(subject, "" | "(anonymous)"))
    }

    /// What the token says of one scope.
    ///
    /// Granted needs one entry of the same type and name that lists every action that is asked for, literally: `*` is no
    /// wildcard here, because distribution compares it as a word like any other. An entry of a class
    /// (`repository(plugin)`) grants only what is asked for with that class; an entry without one grants any class.
    /// A scope without actions is denied.
    pub fn answer(&self, asked: &Scope) -> Answer {
        if self.problem.is_some() {
            return Answer::Denied;
        }
        match &self.access {
            Access::Absent => Answer::Unknown,
            Access::List(entries) if entries.iter().any(|entry| grants(entry, asked)) => Answer::Granted,
            Access::List(_) => Answer::Denied,
        }
    }

    /// What the token says of each scope of a set.
    pub fn answers(&self, asked: &ScopeSet) -> Answers {
        let pick =
            |wanted: Answer| asked.iter().filter(|scope| self.answer(scope) == wanted).cloned().collect();
        Answers {
            granted: pick(Answer::Granted),
            denied: pick(Answer::Denied),
            unknown: pick(Answer::Unknown),
        }
    }
}

fn grants(entry: &Scope, asked: &Scope) -> bool {
    entry.resource_type == asked.resource_type
        && entry.name == asked.name
        && (entry.class.is_none() || entry.class == asked.class)
        && !asked.actions.is_empty()
        && asked.actions.iter().all(|action| entry.actions.contains(action))
}

impl fmt::Debug for TokenInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenInfo")
            .field("kind", &self.kind())
            .field("problem", &self.problem)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
