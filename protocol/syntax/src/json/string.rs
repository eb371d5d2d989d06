//! JSON strings (RFC 8259 §7).

use super::JsonError;
use crate::octets::{BLOCK, special};
use crate::tape::{self, Tag, Tape};

/// Parses the string whose opening quote is at `at`. Returns the position after its closing quote. The name of a member is
/// looked up in [`WORDS`](crate::tape::WORDS).
#[inline]
pub(super) fn read(text: &str, at: usize, is_name: bool, tape: &mut Tape) -> Result<usize, JsonError> {
    let bytes = text.as_bytes();
    let start = at + 1;
    let end = plain_end(bytes, start);
    if bytes.get(end) != Some(&b'"') {
        return escaped(text, start, end, is_name, tape);
    }
    match if is_name { tape::word(bytes, start, end) } else { None } {
        Some(index) => tape.push(Tag::Word, start, index),
        None => tape.push(Tag::Text, start, end),
    }
    Ok(end + 1)
}

/// Continues at `from` with a string that contains escapes or is malformed.
#[cold]
fn escaped(
    text: &str,
    start: usize,
    from: usize,
    is_name: bool,
    tape: &mut Tape,
) -> Result<usize, JsonError> {
    let bytes = text.as_bytes();
    let mut end = from;
    loop {
        match bytes.get(end) {
            Some(b'"') => break,
            // `unescape` checks the escapes; here only `\"` and `\\` matter.
            Some(b'\\') => end = plain_end(bytes, end + 2),
            _ => return Err(JsonError::Syntax),
        }
    }
    let raw = text.get(start..end).ok_or(JsonError::Syntax)?;
    let word = if is_name {
        let name = unescape(raw)?;
        tape::word(name.as_bytes(), 0, name.len())
    } else {
        // A value may be a secret, so it is checked in place and not copied.
        each_part(raw, &mut |_, _| ())?;
        None
    };
    match word {
        Some(index) => tape.push(Tag::Word, start, index),
        None => tape.push(Tag::Escaped, start, end),
    }
    Ok(end + 1)
}

/// The position of the first quote, backslash or control character from `at` on, or the end. Reads whole blocks, because
/// certificates in a token's header are long.
#[inline]
pub(super) fn plain_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let found = special::<false>(block);
        if found < BLOCK {
            return at + found;
        }
        at += BLOCK;
    }
    while bytes.get(at).is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
        at += 1;
    }
    at
}

/// Resolves escapes (RFC 8259 §7). A surrogate without its other half is refused.
pub(super) fn unescape(raw: &str) -> Result<String, JsonError> {
    let mut text = String::with_capacity(raw.len());
    each_part(raw, &mut |plain, escaped| {
        text.push_str(plain);
        text.extend(escaped);
    })?;
    Ok(text)
}

/// Yields the part before each escape with the escaped character, and at last the part after all escapes.
fn each_part(raw: &str, each: &mut dyn FnMut(&str, Option<char>)) -> Result<(), JsonError> {
    let mut rest = raw;
    while let Some((plain, escape)) = rest.split_once('\\') {
        let (kind, mut after) = escape.split_at_checked(1).ok_or(JsonError::Syntax)?;
        let character = match kind {
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
        };
        each(plain, Some(character));
        rest = after;
    }
    each(rest, None);
    Ok(())
}

fn hex4(text: &mut &str) -> Result<u32, JsonError> {
    let (digits, rest) = text.split_at_checked(4).ok_or(JsonError::Syntax)?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(JsonError::Syntax);
    }
    *text = rest;
    u32::from_str_radix(digits, 16).map_err(|_| JsonError::Syntax)
}
