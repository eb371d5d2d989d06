//! How long to wait after a 429 (RFC 9110 §10.2.3).

use super::http_date;

/// The minimum wait, in milliseconds. Shorter values would repeat the request at once: GHCR has sent `23.722µs`.
const FLOOR_MS: u64 = 100;
/// The maximum wait. Docker Hub's limits reset after six hours, others after a day. A longer wait is probably another unit
/// or an error, so it is ignored.
const CAP_MS: u64 = 86_400_000;
/// Numbers from here on are a Unix time (2001-09-09), not a wait in seconds.
const FIRST_TIMESTAMP: u64 = 1_000_000_000;

/// A `Retry-After` that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// A duration, or a time since the epoch, in milliseconds.
    value: u64,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Duration,
    /// A date of HTTP. If it is past, the wait is the minimum.
    Date,
    /// A Unix time. If it is past, it is no wait.
    UnixTime,
}

impl Wait {
    /// Reads the fields `Retry-After` and `Date` of a response. With `Date`, a date or Unix time is relative to that, so that
    /// clocks need not agree.
    ///
    /// `None` when `Retry-After` is neither a number nor a date. The page has a function of its own for this, because its
    /// module contains no reader of dates; `testdata/waits.json` has the cases of both.
    pub fn parse(retry_after: &str, date: Option<&str>) -> Option<Self> {
        let text = retry_after.trim();
        let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            let seconds = text.parse::<u64>().ok()?;
            let kind = if seconds >= FIRST_TIMESTAMP { Kind::UnixTime } else { Kind::Duration };
            Self { value: seconds.saturating_mul(1_000), kind }
        } else {
            Self { value: u64::try_from(http_date::parse(text)?).ok()?, kind: Kind::Date }
        };
        match date.and_then(http_date::parse) {
            Some(sent) => wait.after(sent).map(|value| Self { value, kind: Kind::Duration }),
            None => Some(wait),
        }
    }

    /// Milliseconds to wait, between 100 and one day; `None` when they are out of range. A date or Unix time without `Date` is
    /// relative to `now_ms`, and without that it says nothing.
    pub fn millis(self, now_ms: Option<i64>) -> Option<u64> {
        let wait = if self.kind == Kind::Duration { self.value } else { self.after(now_ms?)? };
        (wait <= CAP_MS).then(|| wait.max(FLOOR_MS))
    }

    /// The duration from this time on.
    fn after(self, now_ms: i64) -> Option<u64> {
        let left = self.value.saturating_sub(u64::try_from(now_ms).unwrap_or(0));
        match self.kind {
            Kind::Duration => Some(self.value),
            Kind::Date => Some(left),
            Kind::UnixTime => (left > 0).then_some(left),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The other cases are in `testdata/waits.json`.
    #[test]
    fn without_any_clock_a_date_says_nothing() {
        for text in ["Mon, 23 Nov 2026 12:00:30 GMT", "1795435230"] {
            let wait = Wait::parse(text, None).unwrap();
            assert_eq!(wait.millis(None), None, "{text}");
            assert_eq!(wait.millis(Some(1_795_435_200_000)), Some(30_000), "{text}");
        }
    }
}
