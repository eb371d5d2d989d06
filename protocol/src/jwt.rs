//! Decodes registry tokens (distribution `docs/content/spec/auth/jwt.md`, RFC 7519).
//!
//! **Nothing here is verified.** Only the registry verifies a token. [`inspect`] shows before a request whether the token
//! service granted the requested scopes (Docker Hub responds with `200` either way), and when the token expires.
//!
//! # Opaque, or broken
//! A string looks like a JWT if it contains a dot and the part before the first dot is the base64url encoding of the
//! beginning of a JSON object, with the name of a member.
//! All other strings are *opaque* (GHCR's base64 tokens, Google's `ya29.…`, a JWE of five parts); what they grant is
//! [`Grant::Unknown`]. A string that looks like a JWT and cannot be decoded is *broken*: it has a [`TokenInfo::problem`]
//! and grants nothing ([`Grant::Denied`]), so that damage never extends the permissions of a token (decision 0010).
//!
//! [`dockpass_syntax::jwt`] describes what is checked, and the limits.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

pub use dockpass_syntax::jwt::{
    AccessEntry, AccessList, Claims, Decoded, Jwt, JwtProblem, MAX_ACCESS, MAX_TOKEN, Reading, Strings, read,
};

use crate::scope::{Grant, Scope, ScopeSet};

/// The kind of a token.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum TokenKind {
    /// A JSON Web Token (signed, RFC 7515 compact form), decoded and not verified.
    Jwt,
    /// Any other token.
    Opaque,
}

/// The `access` claim of a token.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Access {
    /// There is no `access` claim (Gitea, Nexus), so what the token grants is unknown.
    #[default]
    Absent,
    /// The entries in their order, actions as listed. `null` counts as the empty list.
    List(Vec<Scope>),
}

/// The contents of a token, unverified. `Debug` shows neither token nor claims, which contain personal data.
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
    /// `nbf` in milliseconds since 1970. In Docker Hub's tokens it is before `iat`.
    pub not_before: Option<i64>,
    /// `exp` in milliseconds since 1970.
    pub expires_at: Option<i64>,
    /// `sub`; empty or `(anonymous)` for an anonymous token.
    pub subject: Option<String>,
    /// `aud`; a single string is a list of one.
    pub audience: Vec<String>,
    /// `iss`.
    pub issuer: Option<String>,
    /// `alg` of the header, for display only.
    pub algorithm: Option<String>,
    /// `kid` of the header.
    pub key_id: Option<String>,
}

/// Requested scopes, grouped by what a token grants.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Grants {
    /// Granted with every action.
    pub granted: ScopeSet,
    /// Not granted, or not with every action.
    pub denied: ScopeSet,
    /// Of which the token says nothing.
    pub unknown: ScopeSet,
}

/// Decodes a token without verifying it.
///
/// Never fails: a string that is not a JWT is opaque, and a broken JWT has a [`TokenInfo::problem`].
pub fn inspect(token: &str) -> TokenInfo {
    match read(token.as_bytes(), &mut Decoded::default()) {
        Reading::Opaque => TokenInfo::default(),
        Reading::Broken(problem) => TokenInfo { problem: Some(problem), ..TokenInfo::default() },
        Reading::Jwt(jwt) => TokenInfo::from(jwt),
    }
}

impl From<Jwt<'_>> for TokenInfo {
    fn from(jwt: Jwt<'_>) -> Self {
        let own = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        let Claims { issuer, subject, audience, expires_at, not_before, issued_at, access, problem } =
            jwt.claims;
        Self {
            problem,
            text: [jwt.header_json, jwt.claims_json].concat(),
            claims_at: jwt.header_json.len(),
            access: access
                .map_or(Access::Absent, |access| Access::List(access.iter().map(to_scope).collect())),
            issued_at,
            not_before,
            expires_at,
            subject: own(subject),
            audience: audience.iter().map(Cow::into_owned).collect(),
            issuer: own(issuer),
            algorithm: Some(jwt.algorithm.into_owned()),
            key_id: own(jwt.key_id),
        }
    }
}

impl TokenInfo {
    /// The kind of the token. A broken one is opaque.
    pub fn kind(&self) -> TokenKind {
        if self.claims_at > 0 { TokenKind::Jwt } else { TokenKind::Opaque }
    }

    /// Whether the token is a JWT that could be decoded.
    pub fn is_jwt(&self) -> bool {
        self.kind() == TokenKind::Jwt
    }

    /// Whether the token looks like a JWT and cannot be decoded.
    pub fn is_broken(&self) -> bool {
        self.problem.is_some() && !self.is_jwt()
    }

    /// What is wrong with a token that is a JWT or looks like one: why it is broken, or that a part of its `access` grants
    /// nothing.
    pub fn problem(&self) -> Option<JwtProblem> {
        self.problem
    }

    /// The header as JSON, for display. `None` unless the token is a JWT.
    pub fn header_json(&self) -> Option<&str> {
        if self.is_jwt() { self.text.get(..self.claims_at) } else { None }
    }

    /// The claims as JSON, for display. `None` unless the token is a JWT. They are untrusted: never insert them as markup.
    pub fn claims_json(&self) -> Option<&str> {
        if self.is_jwt() { self.text.get(self.claims_at..) } else { None }
    }

    /// Whether the token names a user: `sub` is there, not empty and not `(anonymous)`.
    pub fn names_a_user(&self) -> bool {
        self.subject.as_deref().is_some_and(|subject| !matches!(subject, "" | "(anonymous)"))
    }

    /// Whether the token grants a scope, by the rules of the CNCF registry (distribution `registry/auth/token/token.go`,
    /// decision 0011).
    ///
    /// Entries of the same type and name add up, `*` covers every action, and the class is ignored on both sides. A scope
    /// without actions is denied.
    pub fn grant(&self, requested: &Scope) -> Grant {
        if self.is_broken() {
            return Grant::Denied;
        }
        match &self.access {
            Access::Absent => Grant::Unknown,
            // Only registry and token service define what such a word means.
            Access::List(_) if requested.is_word() => Grant::Unknown,
            Access::List(entries) => {
                let of_resource = || {
                    entries.iter().filter(|entry| {
                        entry.resource_type == requested.resource_type && entry.name == requested.name
                    })
                };
                grants(requested, |wanted| {
                    of_resource().any(|entry| entry.actions.iter().any(|action| covers(action, wanted)))
                })
            }
        }
    }

    /// Whether the token grants each scope of a set.
    pub fn grants(&self, requested: &ScopeSet) -> Grants {
        let pick =
            |wanted: Grant| requested.iter().filter(|scope| self.grant(scope) == wanted).cloned().collect();
        Grants { granted: pick(Grant::Granted), denied: pick(Grant::Denied), unknown: pick(Grant::Unknown) }
    }
}

/// Whether a token grants a scope. Decodes the token each time; see also [`TokenInfo::grant`].
pub fn grant(token: &Reading<'_>, requested: &Scope) -> Grant {
    match token {
        Reading::Opaque => Grant::Unknown,
        Reading::Broken(_) => Grant::Denied,
        Reading::Jwt(jwt) => {
            jwt.claims.access.map_or(Grant::Unknown, |access| grant_of_access(access, requested))
        }
    }
}

/// Whether a list of access entries grants a scope.
pub fn grant_of_access(access: AccessList<'_>, requested: &Scope) -> Grant {
    grants(requested, |wanted| {
        access.iter().any(|AccessEntry { resource_type, name, actions, .. }| {
            *resource_type == *requested.resource_type
                && *name == *requested.name
                && actions.iter().any(|action| covers(&action, wanted))
        })
    })
}

/// The requested scopes that the token service may have overlooked: all that the token does not mention, if it mentions the
/// resource of exactly one of several. Keycloak reads only the first `scope` parameter of a request, PHP only the last; a
/// token for each of these scopes alone shows whether they are denied (decision 0013).
pub fn overlooked(token: &Reading<'_>, requested: &ScopeSet) -> ScopeSet {
    let Reading::Jwt(Jwt { claims: Claims { access: Some(access), .. }, .. }) = token else {
        return ScopeSet::new();
    };
    let is_mentioned = |scope: &&Scope| {
        access.iter().any(|AccessEntry { resource_type, name, .. }| {
            *resource_type == *scope.resource_type && *name == *scope.name
        })
    };
    let others: ScopeSet = requested.iter().filter(|scope| !is_mentioned(scope)).cloned().collect();
    if others.len() + 1 == requested.len() { others } else { ScopeSet::new() }
}

/// Whether the entries together grant every requested action.
fn grants(requested: &Scope, is_granted: impl Fn(&str) -> bool) -> Grant {
    if !requested.actions.is_empty() && requested.actions.iter().all(|action| is_granted(action)) {
        Grant::Granted
    } else {
        Grant::Denied
    }
}

/// Whether an action of a token covers a requested one (distribution `registry/auth/token/util.go`,
/// `actionSet.contains`).
fn covers(granted: &str, wanted: &str) -> bool {
    granted == "*" || granted == wanted
}

/// An access entry as an owned scope.
fn to_scope(entry: AccessEntry<'_>) -> Scope {
    Scope {
        resource_type: entry.resource_type.into_owned(),
        class: entry.class.map(Cow::into_owned),
        name: entry.name.into_owned(),
        actions: entry.actions.iter().map(Cow::into_owned).collect(),
    }
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
