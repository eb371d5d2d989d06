//! A pull parser for JSON (RFC 8259), for input that may be hostile.
//!
//! Why not `serde_json` here: tokens and their replies are read on a hot path and with rules of their own (bounded
//! depth, duplicate names refused, numbers without floating point, no secret left behind in a parser's buffers), and the
//! module that browsers load must stay small. The parser borrows strings without escapes from its input.

mod number;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub(crate) use number::Number;

/// The deepest nesting that is read.
const MAX_DEPTH: u32 = 32;

/// The text is no JSON, is nested too deeply, or is not of the expected type.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum JsonError {
    /// Not of the grammar.
    Syntax,
    /// Nested more than [`MAX_DEPTH`] deep.
    Depth,
}

/// The kind of the value that comes next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

/// A position in a JSON text.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.byte() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.eat(byte) { Ok(()) } else { Err(JsonError::Syntax) }
    }

    /// The kind of the next value.
    pub(crate) fn kind(&mut self) -> Result<Kind, JsonError> {
        self.space();
        match self.byte() {
            Some(b'n') => Ok(Kind::Null),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'"') => Ok(Kind::String),
            Some(b'[') => Ok(Kind::Array),
            Some(b'{') => Ok(Kind::Object),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            _ => Err(JsonError::Syntax),
        }
    }

    /// Checks that nothing but white space follows.
    pub(crate) fn end(mut self) -> Result<(), JsonError> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { Err(JsonError::Syntax) }
    }

    /// Reads an object; `member` gets each name and must read or skip its value.
    pub(crate) fn object<E: From<JsonError>>(
        &mut self,
        mut member: impl FnMut(&str, &mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.open(b'{')?;
        if !self.eat(b'}') {
            loop {
                self.space();
                let name = self.string()?;
                self.space();
                self.expect(b':')?;
                member(&name, self)?;
                self.space();
                if self.eat(b'}') {
                    break;
                }
                self.expect(b',')?;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads an array; `element` must read or skip each value.
    pub(crate) fn array<E: From<JsonError>>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.open(b'[')?;
        if !self.eat(b']') {
            loop {
                element(self)?;
                self.space();
                if self.eat(b']') {
                    break;
                }
                self.expect(b',')?;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn open(&mut self, bracket: u8) -> Result<(), JsonError> {
        self.space();
        self.expect(bracket)?;
        if self.depth == MAX_DEPTH {
            return Err(JsonError::Depth);
        }
        self.depth += 1;
        self.space();
        Ok(())
    }

    /// Reads a string.
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.space();
        let start = self.at + 1;
        if !self.scan_string()? {
            return self.text.get(start..self.at - 1).map(Cow::Borrowed).ok_or(JsonError::Syntax);
        }
        let raw = self.text.get(start..self.at - 1).ok_or(JsonError::Syntax)?;
        unescape(raw).map(Cow::Owned)
    }

    /// Moves behind the string here; whether it holds escapes.
    fn scan_string(&mut self) -> Result<bool, JsonError> {
        self.expect(b'"')?;
        let mut escapes = false;
        loop {
            let rest = self.rest();
            let plain = plain_length(rest).ok_or(JsonError::Syntax)?;
            self.at += plain + 1;
            match rest.get(plain) {
                Some(b'"') => return Ok(escapes),
                Some(b'\\') => {
                    escapes = true;
                    // Whatever is escaped is judged by `unescape`; here only `\"` and `\\` matter.
                    self.at += 1;
                }
                _ => return Err(JsonError::Syntax),
            }
        }
    }

    /// Reads a number.
    pub(crate) fn number(&mut self) -> Result<Number<'a>, JsonError> {
        self.space();
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            if !self.eat(b'-') {
                self.eat(b'+');
            }
            self.digits()?;
        }
        self.text.get(start..self.at).map(Number).ok_or(JsonError::Syntax)
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(JsonError::Syntax) } else { Ok(()) }
    }

    /// Reads `null`.
    pub(crate) fn null(&mut self) -> Result<(), JsonError> {
        self.word("null")
    }

    fn word(&mut self, word: &str) -> Result<(), JsonError> {
        self.space();
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(JsonError::Syntax);
        }
        self.at += word.len();
        Ok(())
    }

    /// Reads any value and forgets it.
    pub(crate) fn skip(&mut self) -> Result<(), JsonError> {
        match self.kind()? {
            Kind::Null => self.null(),
            Kind::Bool if self.byte() == Some(b't') => self.word("true"),
            Kind::Bool => self.word("false"),
            Kind::Number => self.number().map(drop),
            Kind::String => {
                let start = self.at + 1;
                if self.scan_string()? {
                    unescape(self.text.get(start..self.at - 1).ok_or(JsonError::Syntax)?)?;
                }
                Ok(())
            }
            // The recursion is bounded by MAX_DEPTH.
            Kind::Array => self.array(Self::skip),
            Kind::Object => self.object(|_, reader| reader.skip()),
        }
    }
}

/// The number of octets before the first quote, backslash or control character; `None` if there is none.
///
/// Eight octets at a time, since certificates in a token's header are long: in each octet of the mask, the high bit is
/// set if it is one of those (the first such bit is exact; borrows can only set later ones).
fn plain_length(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    let (chunks, tail) = bytes.as_chunks::<8>();
    for (index, &chunk) in chunks.iter().enumerate() {
        let word = u64::from_le_bytes(chunk);
        let quote = word ^ (ONES * u64::from(b'"'));
        let backslash = word ^ (ONES * u64::from(b'\\'));
        let found = (word.wrapping_sub(ONES * 0x20) & !word)
            | (quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash);
        if found & HIGH != 0 {
            return Some(index * 8 + (found & HIGH).trailing_zeros() as usize / 8);
        }
    }
    let rest = tail.iter().position(|&byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))?;
    Some(chunks.len() * 8 + rest)
}

/// Resolves escapes (RFC 8259 §7). A surrogate without its other half is refused: it is no character.
fn unescape(raw: &str) -> Result<String, JsonError> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let (kind, mut after) = escape.split_at_checked(1).ok_or(JsonError::Syntax)?;
        text.push(match kind {
            "\"" => '"',
            "\\" => '\\',
            "/" => '/',
            "b" => '\u{8}',
            "f" => '\u{c}',
            "n" => '\n',
            "r" => '\r',
            "t" => '\t',
            "u" => {
                let high = hex4(&mut after)?;
                let code = if (0xd800..0xdc00).contains(&high) {
                    after = after.strip_prefix("\\u").ok_or(JsonError::Syntax)?;
                    let low = hex4(&mut after)?;
                    if !(0xdc00..0xe000).contains(&low) {
                        return Err(JsonError::Syntax);
                    }
                    0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)
                } else {
                    high
                };
                char::from_u32(code).ok_or(JsonError::Syntax)?
            }
            _ => return Err(JsonError::Syntax),
        });
        rest = after;
    }
    text.push_str(rest);
    Ok(text)
}

fn hex4(text: &mut &str) -> Result<u32, JsonError> {
    let (digits, rest) = text.split_at_checked(4).ok_or(JsonError::Syntax)?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(JsonError::Syntax);
    }
    *text = rest;
    u32::from_str_radix(digits, 16).map_err(|_| JsonError::Syntax)
}
