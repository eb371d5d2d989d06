//! Errors of references.

/// Why a string is not a reference. The codes are stable.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// 64 hex digits alone, which docker refuses because they look like an image id.
    #[error("64 hex digits are an image id, not a reference; write sha256: before them")]
    BareDigest,
    /// The digest is not `algorithm:encoded`, or has the wrong length or case for its algorithm.
    #[error("the digest is malformed")]
    Digest,
    /// The string is empty.
    #[error("the reference is empty")]
    Empty,
    /// The host of the registry has a character that is not ASCII. International names are written as `xn--…`.
    #[error("the registry's host is not ASCII; write its xn-- form")]
    NonAsciiHost,
    /// The registry is not `host` or `host:port`.
    #[error("the registry is not host or host:port")]
    Registry,
    /// The repository contains characters or separators that the grammar does not allow.
    #[error("the repository name is malformed")]
    Repository,
    /// A URL instead of a reference.
    #[error("a reference has no scheme; write host/name:tag")]
    Scheme,
    /// The tag is malformed or longer than 128 characters.
    #[error("the tag is malformed")]
    Tag,
    /// Longer than 255 characters of registry and repository together.
    #[error("the reference is too long")]
    TooLong,
    /// The repository has upper-case letters.
    #[error("repository names are lower case")]
    UpperCase,
}

impl ReferenceError {
    /// A stable code for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::BareDigest => "reference_bare_digest",
            Self::Digest => "reference_digest",
            Self::Empty => "reference_empty",
            Self::NonAsciiHost => "reference_non_ascii_host",
            Self::Registry => "reference_registry",
            Self::Repository => "reference_repository",
            Self::Scheme => "reference_scheme",
            Self::Tag => "reference_tag",
            Self::TooLong => "reference_too_long",
            Self::UpperCase => "reference_upper_case",
        }
    }
}
