//! JSON numbers as times and durations, without floating point.

/// The text of a JSON number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Number<'a>(pub(super) &'a str);

impl Number<'_> {
    /// The number of thousandths, rounded towards zero, if the number is not negative and at most `max` (whole units).
    ///
    /// So that seconds of a `NumericDate` (RFC 7519 §2: may have a fraction, and an exponent by JSON) become
    /// milliseconds exactly, whatever their size: `1e400` is too large, not infinite.
    pub(crate) fn thousandths(self, max: i64) -> Option<i64> {
        let (mantissa, exponent) = match self.0.find(['e', 'E']).and_then(|at| self.0.split_at_checked(at)) {
            Some((mantissa, exponent)) => (mantissa, exponent_of(exponent.get(1..)?)),
            None => (self.0, 0),
        };
        let (negative, digits) = match mantissa.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, mantissa),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        // The position of the decimal point among the digits of whole and fraction, moved by three for thousandths.
        let point = i64::try_from(whole.len()).ok()? + exponent + 3;
        let mut value: i64 = 0;
        let mut at = 0;
        let limit = max.checked_mul(1000)?;
        let mut nonzero = false;
        for digit in whole.bytes().chain(fraction.bytes()) {
            nonzero |= digit != b'0';
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
        (!(negative && nonzero) && value <= limit).then_some(value)
    }
}

/// An exponent, held within a range in which nothing overflows and beyond which nothing changes.
fn exponent_of(text: &str) -> i64 {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    sign * digits
        .bytes()
        .fold(0, |sum: i64, digit| (sum * 10 + i64::from(digit.wrapping_sub(b'0'))).min(1_000_000))
}
