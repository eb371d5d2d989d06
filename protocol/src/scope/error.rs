//! Errors of scopes and request paths.

use std::fmt;

/// Why a string is not a scope or list of scopes, and at which position.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("scope syntax: {kind} (byte {position})")]
pub struct ScopeError {
    /// The offset in the text, in bytes (UTF-8), at which the offending part begins.
    pub position: usize,
    /// What is wrong there.
    pub kind: ScopeErrorKind,
}

/// The ways in which a scope can be wrong. The codes are stable.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ScopeErrorKind {
    /// An action with characters other than `a-z0-9_./-`, or not `*`.
    Action,
    /// Fewer than two colons.
    Parts,
    /// A name that is not a repository name (distribution-spec, "Pulling manifests").
    Name,
    /// There is no action. Every token would grant such a scope.
    NoActions,
    /// More than [`MAX_SCOPE`](super::MAX_SCOPE) or [`MAX_SCOPE_LIST`](super::MAX_SCOPE_LIST) bytes.
    TooLong,
    /// A type with characters other than `a-z0-9`, or a malformed class.
    Type,
}

impl ScopeErrorKind {
    /// What is wrong, as part of a sentence: a message can be made of it without formatting, which the browser module
    /// does not contain.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Action => "an action is malformed",
            Self::Parts => "a scope has three parts: type, name and actions",
            Self::Name => "the name is malformed",
            Self::NoActions => "the scope names no action",
            Self::TooLong => "the scope or list is too long",
            Self::Type => "the resource type is malformed",
        }
    }
}

impl fmt::Display for ScopeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl std::error::Error for ScopeErrorKind {}

/// Why a request is not one of the distribution specification.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// A character, segment or length that no path of the registry API has: `%`, `\`, `..`, `//`, controls, non-ASCII.
    #[error("the path contains characters or segments that the registry API does not allow")]
    Character,
    /// The endpoint exists, but not with this method.
    #[error("the endpoint does not have this method")]
    Method,
    /// The repository name is malformed or longer than 255 bytes.
    #[error("the repository name is malformed")]
    Name,
    /// A query parameter that decides about scopes is malformed or given twice.
    #[error("the query is malformed")]
    Query,
    /// The tag, digest or upload id is malformed.
    #[error("the reference is malformed")]
    Reference,
    /// No endpoint has this path.
    #[error("no endpoint of the registry API has this path")]
    Unknown,
}

impl ScopeError {
    /// The stable code of the kind.
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }
}

impl ScopeErrorKind {
    /// A stable code for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Action => "scope_action",
            Self::Parts => "scope_parts",
            Self::Name => "scope_name",
            Self::NoActions => "scope_no_actions",
            Self::TooLong => "scope_too_long",
            Self::Type => "scope_type",
        }
    }
}

impl EndpointError {
    /// A stable code for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Character => "endpoint_character",
            Self::Method => "endpoint_method",
            Self::Name => "endpoint_name",
            Self::Query => "endpoint_query",
            Self::Reference => "endpoint_reference",
            Self::Unknown => "endpoint_unknown",
        }
    }
}
