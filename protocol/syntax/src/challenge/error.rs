//! Errors of challenges.

use std::fmt;

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
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ChallengeErrorKind {
    /// The same parameter twice with different values (forbidden by RFC 9110 §11.2).
    ConflictingParam,
    /// Something other than a scheme at the start of a challenge.
    ExpectedScheme,
    /// Something other than a comma after a parameter or `token68`.
    ExpectedComma,
    /// A word that is neither a `token68` nor a parameter.
    ExpectedParam,
    /// Nothing usable after `=`.
    ExpectedValue,
    /// An octet that no header field value may hold, such as a line break.
    ForbiddenByte,
    /// More than [`MAX_LINE`](super::MAX_LINE) bytes.
    LineTooLong,
    /// A parameter before any scheme, or after a `token68`.
    ParamWithoutScheme,
    /// More than [`MAX_CHALLENGES`](super::MAX_CHALLENGES) challenges.
    TooManyChallenges,
    /// More than [`MAX_PARAMS`](super::MAX_PARAMS) parameters in one challenge.
    TooManyParams,
    /// A quoted string without its closing quote.
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

    /// What is wrong, as part of a sentence: a message can be made of it without formatting, which the browser module
    /// does not contain.
    pub fn reason(self) -> &'static str {
        match self {
            Self::ConflictingParam => "a parameter is repeated with another value",
            Self::ExpectedScheme => "a scheme is expected",
            Self::ExpectedComma => "a comma is expected",
            Self::ExpectedParam => "a parameter or token68 is expected",
            Self::ExpectedValue => "a value is expected",
            Self::ForbiddenByte => "a forbidden character",
            Self::LineTooLong => "the line is too long",
            Self::ParamWithoutScheme => "a parameter without a scheme",
            Self::TooManyChallenges => "too many challenges",
            Self::TooManyParams => "too many parameters",
            Self::UnterminatedQuote => "a quoted string does not end",
        }
    }
}

impl fmt::Display for ChallengeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl std::error::Error for ChallengeErrorKind {}
