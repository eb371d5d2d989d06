//! Challenges: the value of `WWW-Authenticate` and `Proxy-Authenticate` (RFC 9110 §11.2, §11.3, §11.6.1).
//!
//! [`parse`] reads one header line lazily, [`parse_lines`] reads all lines of a response. The challenges borrow from
//! the lines unless a name has to be lower-cased or a value unescaped.
//!
//! # What is accepted
//! Everything the grammar of RFC 9110 allows: lists of challenges, empty list elements (§5.6.1), `token68`, quoted
//! strings with escapes and obs-text (§5.6.4), white space around `=` (BWS, §5.6.3), any letter case of schemes and
//! names. In addition, because registries send them, and marked by [`Challenge::lenient`]:
//! - unquoted values that are not a `token` (`realm=https://host/x`: zot, gcr.io), up to the next comma or white space;
//! - an empty unquoted value after the first parameter (`service=,scope="…"`);
//! - a tab instead of a space after the scheme;
//! - a parameter repeated with the same value.
//!
//! # What is refused, with a byte position
//! Everything that parsers could read differently: a parameter repeated with another value (Go clients use the last
//! one, others the first, so a realm check could be bypassed), a missing closing quote, control characters (including
//! folded lines), a missing comma, and a bare word of 4n+1 characters as `token68` (no base64 encoding has such a length,
//! so the header is truncated or damaged).
//!
//! # Limits
//! [`MAX_LINE`] bytes per line, [`MAX_CHALLENGES`] challenges per response, [`MAX_PARAMS`] parameters per challenge.
//! The time is linear in the length of the input.

mod error;
mod lexer;
mod on_tape;
mod parser;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

pub use error::{ChallengeError, ChallengeErrorKind, ChallengeListError};
pub use on_tape::write_on_tape;
pub use parser::ChallengeParser;

/// The maximum length of a header line, in bytes. Longer ones are refused unread; real ones are below 1 KiB.
pub const MAX_LINE: usize = 8 * 1024;

/// The maximum number of challenges of all lines of a response together.
pub const MAX_CHALLENGES: usize = 32;

/// The maximum number of parameters of one challenge, repetitions included (Digest has about ten).
pub const MAX_PARAMS: usize = 64;

/// One challenge: a scheme with either a `token68` or parameters (RFC 9110 §11.3).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Challenge<'a> {
    /// The scheme in lower case, e.g. `bearer` (schemes are compared without regard to case, RFC 9110 §11.1).
    pub scheme: Cow<'a, str>,
    /// The `token68` of schemes such as `Negotiate`, padding included. Then there are no parameters.
    pub token68: Option<Cow<'a, str>>,
    /// The parameters in the order of the header; names are unique.
    pub params: Vec<Param<'a>>,
    /// Whether the challenge deviates from the grammar of RFC 9110 in one of the accepted ways.
    pub lenient: bool,
}

/// One parameter of a challenge (`auth-param`, RFC 9110 §11.2).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Param<'a> {
    /// The name in lower case (names are compared without regard to case).
    pub name: Cow<'a, str>,
    /// The value, without its quotes and escapes. It may be empty.
    pub value: Cow<'a, str>,
}

/// Reads the challenges of one header line, one at a time.
///
/// The iterator yields the challenges before the first error, then the error, and ends.
///
/// ```
/// use dockpass_syntax::challenge::parse;
/// let header = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io""#;
/// let challenge = parse(header).next().unwrap().unwrap();
/// assert!(challenge.is_bearer());
/// assert_eq!(challenge.param("service"), Some("registry.docker.io"));
/// ```
pub fn parse(line: &str) -> ChallengeParser<'_> {
    ChallengeParser::new(line)
}

/// Reads the challenges of all header lines of a response, in order. Several lines mean the same as one line with
/// commas between them (RFC 9110 §5.3).
///
/// # Errors
/// The first error of any line, with the line's index and with the challenges read before it.
pub fn parse_lines<'a>(
    lines: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<Challenge<'a>>, ChallengeListError<'a>> {
    let mut parsed = Vec::new();
    match each_challenge(&mut lines.into_iter(), |challenge| parsed.push(challenge)) {
        Ok(()) => Ok(parsed),
        Err((line, ChallengeError { position, kind })) => {
            Err(ChallengeListError { line, position, kind, parsed })
        }
    }
}

/// Yields the challenges of all lines, at most `MAX_CHALLENGES`. The error is the first one, with the index of its line.
#[inline]
fn each_challenge<'a>(
    lines: &mut dyn Iterator<Item = &'a str>,
    mut each: impl FnMut(Challenge<'a>),
) -> Result<(), (usize, ChallengeError)> {
    let mut left = MAX_CHALLENGES;
    for (line, text) in lines.enumerate() {
        let mut parser = parse(text);
        parser.allow(left);
        for challenge in parser {
            match challenge {
                Ok(challenge) => each(challenge),
                Err(error) => return Err((line, error)),
            }
            left -= 1;
        }
    }
    Ok(())
}

impl Challenge<'_> {
    /// The value of the parameter `name`, whatever the case of `name`. It may be empty.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|param| param.name.eq_ignore_ascii_case(name)).map(|param| &*param.value)
    }

    /// Whether the scheme is `Bearer` (RFC 6750).
    pub fn is_bearer(&self) -> bool {
        self.scheme == "bearer"
    }

    /// Whether the scheme is `Basic` (RFC 7617).
    pub fn is_basic(&self) -> bool {
        self.scheme == "basic"
    }

    /// Converts the challenge to one that owns its data.
    pub fn into_owned(self) -> Challenge<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Challenge {
            scheme: own(self.scheme),
            token68: self.token68.map(own),
            params: self
                .params
                .into_iter()
                .map(|p| Param { name: own(p.name), value: own(p.value) })
                .collect(),
            lenient: self.lenient,
        }
    }
}

/// Prints the challenge in the common form: values quoted, `"` and `\` escaped.
impl fmt::Display for Challenge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.scheme)?;
        if let Some(token68) = &self.token68 {
            f.write_str(" ")?;
            return f.write_str(token68);
        }
        let mut separator = " ";
        for Param { name, value } in &self.params {
            f.write_str(separator)?;
            f.write_str(name)?;
            f.write_str("=\"")?;
            let mut rest: &str = value;
            while let Some((plain, special)) = rest.find(['"', '\\']).and_then(|at| rest.split_at_checked(at))
            {
                f.write_str(plain)?;
                f.write_str("\\")?;
                // Both specials are one byte long.
                let (special, after) = special.split_at_checked(1).unwrap_or((special, ""));
                f.write_str(special)?;
                rest = after;
            }
            f.write_str(rest)?;
            f.write_str("\"")?;
            separator = ",";
        }
        Ok(())
    }
}
