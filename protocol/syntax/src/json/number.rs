//! JSON numbers (RFC 8259 §6), and their conversion to times and durations without floating point.

use super::JsonError;
use crate::tape::{Tag, Tape};

/// A JSON number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Number<'a> {
    /// A number written in digits only.
    Whole(u32),
    /// Any other number, as it was written.
    Text(&'a str),
}

/// Parses the number at `at`. Returns where it ends.
#[inline]
pub(super) fn read(bytes: &[u8], start: usize, tape: &mut Tape) -> Result<usize, JsonError> {
    let mut at = start;
    let mut value: u32 = 0;
    // Numbers of ten digits and more may exceed 32 bits.
    let mut is_small = true;
    while let Some(digit @ b'0'..=b'9') = bytes.get(at) {
        match value.checked_mul(10).and_then(|value| value.checked_add(u32::from(digit - b'0'))) {
            Some(sum) => value = sum,
            None => is_small = false,
        }
        at += 1;
        if at == start + 1 && *digit == b'0' {
            break;
        }
    }
    if is_small && at > start && !matches!(bytes.get(at), Some(b'.' | b'e' | b'E')) {
        tape.push(Tag::Integer, start, value as usize);
        return Ok(at);
    }
    let end = grammar(bytes, start)?;
    tape.push(Tag::Number, start, end);
    Ok(end)
}

/// The end of `[ "-" ] ( "0" | 1-9 *DIGIT ) [ "." 1*DIGIT ] [ "e" [ "+" / "-" ] 1*DIGIT ]`.
fn grammar(bytes: &[u8], mut at: usize) -> Result<usize, JsonError> {
    let is = |at: usize, wanted: &[u8]| bytes.get(at).is_some_and(|byte| wanted.contains(byte));
    let digits = |start: usize| {
        let count = bytes.get(start..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (count > 0).then_some(start + count)
    };
    at += usize::from(is(at, b"-"));
    at = if is(at, b"0") { at + 1 } else { digits(at).ok_or(JsonError::Syntax)? };
    if is(at, b".") {
        at = digits(at + 1).ok_or(JsonError::Syntax)?;
    }
    if is(at, b"eE") {
        at += 1;
        at = digits(at + usize::from(is(at, b"+-"))).ok_or(JsonError::Syntax)?;
    }
    Ok(at)
}

impl Number<'_> {
    /// The number of thousandths, rounded towards zero, if the number is not negative and at most `max` (whole units).
    ///
    /// Converts the seconds of a `NumericDate` (RFC 7519 §2), which may have a fraction and an exponent, exactly to
    /// milliseconds. `1e400` is too large, not infinite.
    #[inline]
    pub fn thousandths(self, max: i64) -> Option<i64> {
        let limit = max.checked_mul(1000)?;
        match self {
            Self::Whole(value) => Some(i64::from(value) * 1000).filter(|&value| value <= limit),
            Self::Text(text) => thousandths(text, limit).1.filter(|_| !self.is_negative()),
        }
    }

    /// The number of thousandths, rounded towards zero, and clamped to `max` whole units on either side.
    #[inline]
    pub fn saturating_thousandths(self, max: i64) -> i64 {
        let limit = max.saturating_mul(1000);
        match self {
            Self::Whole(value) => (i64::from(value) * 1000).min(limit),
            Self::Text(text) => {
                let (negative, magnitude) = thousandths(text, limit);
                let magnitude = magnitude.unwrap_or(limit);
                if negative { -magnitude } else { magnitude }
            }
        }
    }

    /// Whether the number is below zero.
    pub fn is_negative(self) -> bool {
        matches!(self, Self::Text(text) if text.starts_with('-') && has_digit_above_zero(text))
    }
}

/// Whether the digits before an exponent are not all zero.
fn has_digit_above_zero(text: &str) -> bool {
    text.bytes().take_while(|byte| !matches!(byte, b'e' | b'E')).any(|byte| matches!(byte, b'1'..=b'9'))
}

/// Whether there is a minus sign, and the absolute number of thousandths; `None` if it exceeds the limit.
fn thousandths(text: &str, limit: i64) -> (bool, Option<i64>) {
    match text.strip_prefix('-') {
        Some(rest) => (true, magnitude(rest, limit)),
        None => (false, magnitude(text, limit)),
    }
}

fn magnitude(text: &str, limit: i64) -> Option<i64> {
    let (mantissa, exponent) = match text.find(['e', 'E']).and_then(|at| text.split_at_checked(at)) {
        Some((mantissa, exponent)) => (mantissa, exponent_of(exponent.get(1..)?)),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    // The position of the decimal point among the digits of whole and fraction, moved by three for thousandths.
    let point = i64::try_from(whole.len()).ok()? + exponent + 3;
    let mut value: i64 = 0;
    let mut at = 0;
    for digit in whole.bytes().chain(fraction.bytes()) {
        if at < point {
            value = value.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
            if value > limit {
                return None;
            }
        }
        at += 1;
    }
    while at < point && value != 0 {
        value = value.checked_mul(10)?;
        if value > limit {
            return None;
        }
        at += 1;
    }
    (value <= limit).then_some(value)
}

/// An exponent, clamped to a range in which nothing overflows. Larger values do not change the result.
fn exponent_of(text: &str) -> i64 {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    sign * digits
        .bytes()
        .fold(0, |sum: i64, digit| (sum * 10 + i64::from(digit.wrapping_sub(b'0'))).min(1_000_000))
}
