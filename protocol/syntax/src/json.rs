//! Parser for untrusted JSON (RFC 8259), which writes a [`Tape`].
//!
//! `serde_json` is not used because tokens are parsed on a hot path and with special rules (bounded depth, duplicate names
//! detected, numbers without floating point, no secret left in a parser's buffers), and because the module that browsers
//! load must stay small. Strings without escapes are borrowed from the text.

mod number;
mod string;
#[cfg(test)]
mod tests;
mod value;

use crate::tape::{MAX_TEXT, Tag, Tape};

pub use number::Number;
pub use value::{Kind, Value};

/// The maximum depth of nesting.
const MAX_DEPTH: usize = 32;

/// Why a text cannot be parsed as JSON.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum JsonError {
    /// A syntax error, or a text that is too long for a tape.
    Syntax,
    /// Nested more than [`MAX_DEPTH`] levels deep.
    Depth,
}

/// Parses the whole of `text` as one value. The tape is overwritten.
///
/// # Errors
/// [`JsonError`].
pub fn read<'a>(text: &'a str, tape: &'a mut Tape) -> Result<Value<'a>, JsonError> {
    tape.clear();
    append(text, 0, tape)?;
    Ok(Value::new(text, tape.entries(), 0))
}

/// An array or object whose end has not been seen.
#[derive(Clone, Copy, Default)]
struct Open {
    entry: usize,
    count: usize,
    is_object: bool,
}

/// Parses `text` from `from` to its end as one value, and adds it to a tape whose places are positions in `text`.
///
/// There is no recursion, so that nesting cannot overflow the stack. Each octet is read once, except in escapes.
///
/// # Errors
/// [`JsonError`]; the tape is then incomplete.
pub fn append(text: &str, from: usize, tape: &mut Tape) -> Result<(), JsonError> {
    if text.len() > MAX_TEXT {
        return Err(JsonError::Syntax);
    }
    let bytes = text.as_bytes();
    let mut outer = [Open::default(); MAX_DEPTH];
    let mut depth = 0;
    // The innermost array or object is kept in variables, because it changes with every value.
    let mut open = Open::default();
    let mut at = space(bytes, from);
    'value: loop {
        match bytes.get(at) {
            Some(b'"') => at = string::read(text, at, false, tape)?,
            Some(&bracket @ (b'{' | b'[')) => {
                *outer.get_mut(depth).ok_or(JsonError::Depth)? = open;
                depth += 1;
                open = Open { entry: tape.open(), count: 0, is_object: bracket == b'{' };
                at = space(bytes, at + 1);
                // In ASCII, the code of a closing bracket is that of the opening one plus two.
                if bytes.get(at) != Some(&(bracket + 2)) {
                    open.count = 1;
                    if open.is_object {
                        at = name(text, at, tape)?;
                    }
                    continue 'value;
                }
            }
            Some(b'-' | b'0'..=b'9') => at = number::read(bytes, at, tape)?,
            Some(b'n') => at = literal(bytes, at, b"null", 0, tape)?,
            Some(b'f') => at = literal(bytes, at, b"false", 1, tape)?,
            Some(b't') => at = literal(bytes, at, b"true", 2, tape)?,
            _ => return Err(JsonError::Syntax),
        }
        // After a value: the next one, or the end of the array or object.
        loop {
            at = space(bytes, at);
            if depth == 0 {
                return if at == bytes.len() { Ok(()) } else { Err(JsonError::Syntax) };
            }
            match (bytes.get(at), open.is_object) {
                (Some(b','), is_object) => {
                    open.count += 1;
                    at = space(bytes, at + 1);
                    if is_object {
                        at = name(text, at, tape)?;
                    }
                    continue 'value;
                }
                (Some(b'}'), true) => tape.close(open.entry, Tag::Object, open.count),
                (Some(b']'), false) => tape.close(open.entry, Tag::Array, open.count),
                _ => return Err(JsonError::Syntax),
            }
            depth -= 1;
            open = outer.get(depth).copied().unwrap_or_default();
            at += 1;
        }
    }
}

/// Parses a member's name and colon. Returns where the value begins.
#[inline]
fn name(text: &str, at: usize, tape: &mut Tape) -> Result<usize, JsonError> {
    let bytes = text.as_bytes();
    if bytes.get(at) != Some(&b'"') {
        return Err(JsonError::Syntax);
    }
    let at = space(bytes, string::read(text, at, true, tape)?);
    if bytes.get(at) != Some(&b':') {
        return Err(JsonError::Syntax);
    }
    Ok(space(bytes, at + 1))
}

#[inline]
fn space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

fn literal(bytes: &[u8], at: usize, word: &[u8], value: usize, tape: &mut Tape) -> Result<usize, JsonError> {
    let end = at + word.len();
    if bytes.get(at..end) != Some(word) {
        return Err(JsonError::Syntax);
    }
    tape.push(Tag::Literal, at, value);
    Ok(end)
}
