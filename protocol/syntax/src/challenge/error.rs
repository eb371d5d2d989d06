//! Errors of challenges.

use super::Challenge;

/// Why a header line is not a list of challenges, and at which position.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("challenge syntax: {kind} (byte {position})")]
pub struct ChallengeError {
    /// The offset of the offending byte in the line (UTF-8); for a quote that does not end, of the quote.
    pub position: usize,
    /// What is wrong at this position.
    pub kind: ChallengeErrorKind,
}

/// An error in one of several header lines, with the challenges before it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("challenge syntax: {kind} (line {line}, byte {position})")]
pub struct ChallengeListError<'a> {
    /// The index of the line, from 0.
    pub line: usize,
    /// See [`ChallengeError::position`].
    pub position: usize,
    /// What is wrong at this position.
    pub kind: ChallengeErrorKind,
    /// The challenges before the error, of all lines.
    pub parsed: Vec<Challenge<'a>>,
}

/// The ways in which a header line can be wrong. The codes are stable.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ChallengeErrorKind {
    /// The same parameter twice with different values (forbidden by RFC 9110 §11.2).
    #[error("a parameter is repeated with another value")]
    ConflictingParam,
    /// Something other than a scheme at the start of a challenge.
    #[error("a scheme is expected")]
    ExpectedScheme,
    /// Something other than a comma after a parameter or `token68`.
    #[error("a comma is expected")]
    ExpectedComma,
    /// A word that is neither a `token68` nor a parameter.
    #[error("a parameter or token68 is expected")]
    ExpectedParam,
    /// Nothing usable after `=`.
    #[error("a value is expected")]
    ExpectedValue,
    /// An octet that no header field value may hold, such as a line break.
    #[error("a forbidden character")]
    ForbiddenByte,
    /// More than [`MAX_LINE`](super::MAX_LINE) bytes.
    #[error("the line is too long")]
    LineTooLong,
    /// A parameter before any scheme, or after a `token68`.
    #[error("a parameter without a scheme")]
    ParamWithoutScheme,
    /// More than [`MAX_CHALLENGES`](super::MAX_CHALLENGES) challenges.
    #[error("too many challenges")]
    TooManyChallenges,
    /// More than [`MAX_PARAMS`](super::MAX_PARAMS) parameters in one challenge.
    #[error("too many parameters")]
    TooManyParams,
    /// A quoted string without its closing quote.
    #[error("a quoted string does not end")]
    UnterminatedQuote,
}

impl ChallengeError {
    /// The stable code of the kind.
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }
}

impl ChallengeListError<'_> {
    /// The stable code of the kind.
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }
}

impl ChallengeErrorKind {
    /// A stable code for programs, e.g. `challenge_unterminated_quote`.
    pub fn code(self) -> &'static str {
        match self {
            Self::ConflictingParam => "challenge_conflicting_param",
            Self::ExpectedScheme => "challenge_expected_scheme",
            Self::ExpectedComma => "challenge_expected_comma",
            Self::ExpectedParam => "challenge_expected_param",
            Self::ExpectedValue => "challenge_expected_value",
            Self::ForbiddenByte => "challenge_forbidden_byte",
            Self::LineTooLong => "challenge_line_too_long",
            Self::ParamWithoutScheme => "challenge_param_without_scheme",
            Self::TooManyChallenges => "challenge_too_many",
            Self::TooManyParams => "challenge_too_many_params",
            Self::UnterminatedQuote => "challenge_unterminated_quote",
        }
    }
}
