//! The parser of one header line.
//!
//! A challenge ends where the scheme of the next one begins. After each comma the parser therefore reads one word and the
//! octets after it: `word BWS "="` continues the challenge, any other word begins a new one (RFC 9110 §11.6.1). Each
//! word is read at most twice, so the time is linear.

use std::borrow::Cow;

use super::error::{ChallengeError, ChallengeErrorKind as Kind};
use super::lexer::{ESCAPABLE, OWS, TCHAR, TOKEN68, UNQUOTED, UPPER, class_of, is, skip, skip_quoted};
use super::{Challenge, MAX_CHALLENGES, MAX_LINE, MAX_PARAMS, Param};

/// Iterates over the challenges of one header line; made by [`parse`](super::parse).
#[derive(Clone, Debug)]
pub struct ChallengeParser<'a> {
    line: &'a str,
    position: usize,
    left: usize,
    done: bool,
}

/// The meaning of the word after a scheme or comma.
enum Next<'a> {
    End,
    Param(Param<'a>, bool),
    Scheme,
}

impl<'a> ChallengeParser<'a> {
    pub(super) fn new(line: &'a str) -> Self {
        Self { line, position: 0, left: MAX_CHALLENGES, done: false }
    }

    /// Sets the maximum number of challenges that are still accepted.
    pub(super) fn allow(&mut self, challenges: usize) {
        self.left = challenges;
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.line.as_bytes().get(at).copied()
    }

    fn text(&self, from: usize, to: usize) -> &'a str {
        // All slices begin and end next to ASCII octets, so on character boundaries.
        self.line.get(from..to).unwrap_or_default()
    }

    fn run(&self, from: usize, classes: u8) -> usize {
        skip(self.line.as_bytes(), from, classes)
    }

    /// The error for the octet at `at`. Control characters have their own kind, because they may be an attack.
    fn error(&self, at: usize, kind: Kind) -> ChallengeError {
        // A tab is white space, so that an error is never at a tab.
        let forbidden = self.byte(at).is_some_and(|byte| byte.is_ascii_control());
        ChallengeError { position: at, kind: if forbidden { Kind::ForbiddenByte } else { kind } }
    }

    /// Skips white space and empty list elements.
    fn skip_commas(&self, mut at: usize) -> usize {
        while self.byte(at).is_some_and(|byte| byte == b',' || is(byte, OWS)) {
            at += 1;
        }
        at
    }

    fn challenge(&mut self) -> Result<Option<Challenge<'a>>, ChallengeError> {
        if self.line.len() > MAX_LINE {
            return Err(ChallengeError { position: MAX_LINE, kind: Kind::LineTooLong });
        }
        let start = self.skip_commas(self.position);
        if start == self.line.len() {
            return Ok(None);
        }
        let end = self.run(start, TCHAR);
        if end == start {
            return Err(self.error(start, Kind::ExpectedScheme));
        }
        if self.left == 0 {
            return Err(ChallengeError { position: start, kind: Kind::TooManyChallenges });
        }
        self.left -= 1;
        let mut challenge = Challenge {
            scheme: fold(self.text(start, end), &KNOWN_SCHEMES),
            token68: None,
            params: Vec::new(),
            lenient: self.byte(end) == Some(b'\t'),
        };
        let after = self.run(end, OWS);
        match self.byte(after) {
            None => {
                self.position = after;
                return Ok(Some(challenge));
            }
            Some(b',') if after == end => {
                // No space: the parameter list is absent, not empty.
                self.position = after;
                return Ok(Some(challenge));
            }
            Some(b'=') => return Err(self.error(start, Kind::ParamWithoutScheme)),
            Some(b',') => self.position = after,
            Some(_) if after == end => return Err(self.error(end, Kind::ExpectedScheme)),
            Some(_) => {
                if let Some(end) = self.token68(after)? {
                    challenge.token68 = Some(Cow::Borrowed(self.text(after, end)));
                    self.position = self.run(end, OWS);
                    return Ok(Some(challenge));
                }
                self.position = after;
                match self.param(after)? {
                    Next::Param(param, lenient) => {
                        challenge.lenient |= lenient;
                        challenge.params.push(param);
                    }
                    Next::End | Next::Scheme => return Err(self.error(after, Kind::ExpectedParam)),
                }
            }
        }
        self.more_params(&mut challenge)?;
        Ok(Some(challenge))
    }

    /// Reads `, param, param` up to the end or to the word that begins the next challenge.
    fn more_params(&mut self, challenge: &mut Challenge<'a>) -> Result<(), ChallengeError> {
        // Repetitions count as well, so that a line full of them is refused early.
        let mut left = MAX_PARAMS - challenge.params.len();
        loop {
            let start = self.skip_commas(self.position);
            match self.param(start)? {
                Next::End | Next::Scheme => {
                    self.position = start;
                    return Ok(());
                }
                Next::Param(..) if left == 0 => {
                    return Err(ChallengeError { position: start, kind: Kind::TooManyParams });
                }
                Next::Param(param, lenient) => {
                    left -= 1;
                    challenge.lenient |= lenient;
                    if let Some(first) = challenge.params.iter().find(|known| known.name == param.name) {
                        if first.value != param.value {
                            return Err(ChallengeError { position: start, kind: Kind::ConflictingParam });
                        }
                        challenge.lenient = true;
                    } else {
                        challenge.params.push(param);
                    }
                }
            }
        }
    }

    /// The end of the `token68` at `start`, if there is one: `1*token68-char *"="` up to a comma or the end.
    fn token68(&self, start: usize) -> Result<Option<usize>, ChallengeError> {
        let body = self.run(start, TOKEN68);
        let mut end = body;
        while self.byte(end) == Some(b'=') {
            end += 1;
        }
        let after = self.run(end, OWS);
        if body == start || self.byte(after).is_some_and(|byte| byte != b',') {
            return Ok(None);
        }
        let word = self.text(start, body);
        // RFC 9110 §11.2 made token68 for base64, base64url, base32 and base16. Without padding only base32 (upper-case
        // letters and 2 to 7) can be 4n+1 long. Any other word of that length is a parameter without its value.
        let base32 = word.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7'));
        if end == body && word.len() % 4 == 1 && !base32 {
            return Err(self.error(start, Kind::ExpectedParam));
        }
        Ok(Some(end))
    }

    /// Parses the parameter at `start`, if there is one. The position is then after it, where only a comma or the end may
    /// follow.
    fn param(&mut self, start: usize) -> Result<Next<'a>, ChallengeError> {
        let name_end = self.run(start, TCHAR);
        if name_end == start {
            return match self.byte(start) {
                None => Ok(Next::End),
                Some(_) => Err(self.error(start, Kind::ExpectedParam)),
            };
        }
        let equals = self.run(name_end, OWS);
        if self.byte(equals) != Some(b'=') {
            return Ok(Next::Scheme);
        }
        let value_start = self.run(equals + 1, OWS);
        let (value, end, lenient) = if self.byte(value_start) == Some(b'"') {
            let (value, end) = self.quoted(value_start)?;
            (value, end, false)
        } else {
            self.unquoted(value_start)?
        };
        let after = self.run(end, OWS);
        if self.byte(after).is_some_and(|byte| byte != b',') {
            return Err(self.error(after, Kind::ExpectedComma));
        }
        self.position = after;
        Ok(Next::Param(Param { name: fold(self.text(start, name_end), &KNOWN_NAMES), value }, lenient))
    }

    /// A quoted string: its value and the position after the closing quote. `start` is at the opening one.
    fn quoted(&self, start: usize) -> Result<(Cow<'a, str>, usize), ChallengeError> {
        let unterminated = ChallengeError { position: start, kind: Kind::UnterminatedQuote };
        let mut unescaped = String::new();
        let mut from = start + 1;
        loop {
            let at = skip_quoted(self.line.as_bytes(), from);
            match self.byte(at) {
                None => return Err(unterminated),
                Some(b'"') if unescaped.is_empty() => {
                    return Ok((Cow::Borrowed(self.text(from, at)), at + 1));
                }
                Some(b'"') => {
                    unescaped.push_str(self.text(from, at));
                    return Ok((Cow::Owned(unescaped), at + 1));
                }
                Some(b'\\') => {
                    let Some(escaped) = self.line.get(at + 1..).and_then(|rest| rest.chars().next()) else {
                        return Err(unterminated);
                    };
                    if escaped.is_ascii() && !is(escaped as u8, ESCAPABLE) {
                        return Err(self.error(at + 1, Kind::ForbiddenByte));
                    }
                    unescaped.push_str(self.text(from, at));
                    unescaped.push(escaped);
                    from = at + 1 + escaped.len_utf8();
                }
                Some(_) => return Err(self.error(at, Kind::ForbiddenByte)),
            }
        }
    }

    /// An unquoted value, its end, and whether it is lenient (not a `token`).
    fn unquoted(&self, start: usize) -> Result<(Cow<'a, str>, usize, bool), ChallengeError> {
        let strict_end = self.run(start, TCHAR);
        let end = self.run(strict_end, UNQUOTED);
        match self.byte(end) {
            None | Some(b',' | b' ' | b'\t') => {
                Ok((Cow::Borrowed(self.text(start, end)), end, end != strict_end || end == start))
            }
            Some(_) => Err(self.error(end, Kind::ExpectedValue)),
        }
    }
}

impl<'a> Iterator for ChallengeParser<'a> {
    type Item = Result<Challenge<'a>, ChallengeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let result = self.challenge().transpose();
        self.done = !matches!(result, Some(Ok(_)));
        result
    }
}

impl std::iter::FusedIterator for ChallengeParser<'_> {}

/// `text` in lower case. Does not allocate if it is in lower case or is one of `known`.
fn fold<'a>(text: &'a str, known: &[&'static str]) -> Cow<'a, str> {
    if !text.bytes().any(|byte| class_of(byte) & UPPER != 0) {
        return Cow::Borrowed(text);
    }
    match known.iter().find(|word| word.eq_ignore_ascii_case(text)) {
        Some(word) => Cow::Borrowed(word),
        None => Cow::Owned(text.to_ascii_lowercase()),
    }
}

/// Schemes are sent capitalised; these are lower-cased without an allocation.
const KNOWN_SCHEMES: [&str; 5] = ["bearer", "basic", "digest", "negotiate", "ntlm"];

/// Names are sent in lower case; these are the ones that some registries capitalise.
const KNOWN_NAMES: [&str; 4] = ["realm", "service", "scope", "error"];
