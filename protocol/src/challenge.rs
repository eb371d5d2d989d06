//! Challenges: the value of `WWW-Authenticate` and `Proxy-Authenticate` (RFC 9110 §11.2, §11.3, §11.6.1), and which one to
//! follow.
//!
//! [`parse`] reads one header line lazily, [`parse_lines`] reads all lines of a response. [`select()`] selects the challenge
//! to follow. [`BearerChallenge`] holds the parameters of a registry's Bearer challenge (distribution's
//! `spec/auth/token.md`, RFC 6750 §3).
//!
//! [`dockpass_syntax::challenge`] describes what is accepted beyond the grammar, what is refused, and the limits.

mod select;
#[cfg(test)]
mod tests;

pub use dockpass_syntax::challenge::{
    Challenge, ChallengeError, ChallengeErrorKind, ChallengeListError, ChallengeParser, MAX_CHALLENGES,
    MAX_LINE, MAX_PARAMS, Param, parse, parse_lines, write_on_tape,
};
pub use select::{BearerChallenge, BearerError, Selected, bearer_candidates, select};
