//! A summary of a JWT in numbers, for code that creates objects from its tape.

use super::{AccessList, Jwt};

/// Each entry of `access` can be used unchanged: `type`, `name` and `actions`, and no class.
const ACCESS_PLAIN: u32 = 1;
/// There is a non-empty subject.
const SUBJECT: u32 = 2;
/// The audience is a single string.
const AUDIENCE_TEXT: u32 = 4;
/// The audience is a non-empty list.
const AUDIENCE_LIST: u32 = 8;
/// `access` or one of its entries is malformed.
const ACCESS_PROBLEM: u32 = 16;
/// Stands for an absent time. It is outside the range of times.
const ABSENT: i64 = i64::MIN;

impl Jwt<'_> {
    /// The summary of the claims:
    /// - flags: 1 the entries of `access` can be used unchanged (`type`, `name` and `actions`, no class); 2 there is a
    ///   subject; 4 the audience is a single string; 8 the audience is a list; 16 `access` or one of its entries is malformed;
    /// - where the claims begin in the text;
    /// - `iat`, `nbf` and `exp` in milliseconds since 1970, each as the higher (signed) and the lower 32 bits; -2^63
    ///   if there is none.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "halves of 64 bits; a token is shorter than 4 GiB"
    )]
    pub fn summary(&self) -> [u32; 8] {
        let claims = &self.claims;
        let audience = match (claims.audience.is_empty(), claims.audience.is_list()) {
            (true, _) => 0,
            (false, true) => AUDIENCE_LIST,
            (false, false) => AUDIENCE_TEXT,
        };
        let when = |condition: bool, flag: u32| if condition { flag } else { 0 };
        let flags = audience
            | when(claims.access.is_some_and(AccessList::is_plain), ACCESS_PLAIN)
            | when(claims.problem.is_some(), ACCESS_PROBLEM)
            | when(claims.subject.as_deref().is_some_and(|subject| !subject.is_empty()), SUBJECT);
        let claims_at = self.header_json.len() as u32;
        let high = |time: Option<i64>| (time.unwrap_or(ABSENT) >> 32) as u32;
        let low = |time: Option<i64>| time.unwrap_or(ABSENT) as u32;
        let (iat, nbf, exp) = (claims.issued_at, claims.not_before, claims.expires_at);
        [flags, claims_at, high(iat), low(iat), high(nbf), low(nbf), high(exp), low(exp)]
    }
}
