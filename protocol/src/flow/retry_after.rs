//! How long to wait after a 429 (RFC 9110 §10.2.3).

use super::{ResponseHead, http_date};

/// The minimum wait, in milliseconds. Shorter values would repeat the request at once: GHCR has sent `23.722µs`.
const FLOOR_MS: u64 = 100;
/// The maximum wait. Docker Hub's limits reset after six hours, others after a day. A longer wait is probably another unit
/// or an error, so it is ignored.
const CAP_MS: u64 = 86_400_000;
/// Numbers from here on are a Unix time (2001-09-09), not a wait in seconds.
const FIRST_TIMESTAMP: u64 = 1_000_000_000;

/// Milliseconds to wait, between 100 and one day; `None` when the field is absent, invalid or out of range.
///
/// A date or Unix time is relative to the `Date` of the same response, so that clocks need not agree, or without one to
/// `now_ms`.
pub(super) fn millis(head: &ResponseHead<'_>, now_ms: Option<i64>) -> Option<u64> {
    let text = head.retry_after?.trim();
    let until_ms = |until_ms: i64| {
        let from = head.date.and_then(http_date::parse).or(now_ms)?;
        // A time in the past is not a wait.
        Some(u64::try_from(until_ms.saturating_sub(from)).unwrap_or(0))
    };
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds = text.parse::<u64>().ok()?;
        if seconds >= FIRST_TIMESTAMP {
            let until = i64::try_from(seconds).ok()?.checked_mul(1_000)?;
            until_ms(until).filter(|&wait| wait > 0)?
        } else {
            seconds.saturating_mul(1_000)
        }
    } else {
        until_ms(http_date::parse(text)?)?
    };
    (wait <= CAP_MS).then(|| wait.max(FLOOR_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(retry_after: &str, date: Option<&str>, now_ms: Option<i64>) -> Option<u64> {
        let head = ResponseHead { retry_after: Some(retry_after), date, ..ResponseHead::new(429) };
        millis(&head, now_ms)
    }

    #[test]
    fn seconds_within_the_limits() {
        assert_eq!(wait("3", None, None), Some(3_000));
        assert_eq!(wait("0", None, None), Some(FLOOR_MS));
        assert_eq!(wait("86400", None, None), Some(86_400_000));
    }

    #[test]
    fn a_date_counts_from_the_servers_own_clock() {
        let (date, until) = ("Mon, 23 Nov 2026 12:00:00 GMT", "Mon, 23 Nov 2026 12:00:30 GMT");
        assert_eq!(wait(until, Some(date), Some(0)), Some(30_000));
        assert_eq!(wait(date, Some(until), None), Some(FLOOR_MS));
        assert_eq!(wait(until, None, Some(1_795_435_200_000)), Some(30_000));
        assert_eq!(wait(until, None, None), None);
    }

    #[test]
    fn a_time_since_1970_counts_from_the_servers_own_clock() {
        let date = "Mon, 23 Nov 2026 12:00:00 GMT";
        assert_eq!(wait("1795435230", Some(date), Some(0)), Some(30_000));
        assert_eq!(wait("1795435230", None, Some(1_795_435_200_000)), Some(30_000));
        for (text, now_ms) in
            [("1795435230", None), ("1746136938", Some(1_795_435_200_000)), ("1795435200000", Some(0))]
        {
            assert_eq!(wait(text, None, now_ms), None, "{text}");
        }
    }

    #[test]
    fn what_is_beyond_a_day_is_not_believed() {
        for text in ["86401", "999999999", "99999999999999999999999999", "Mon, 23 Nov 2027 12:00:00 GMT"] {
            assert_eq!(wait(text, None, Some(1_795_435_200_000)), None, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_nothing() {
        for text in ["", "-1", "1.5", "23.722µs", "soon"] {
            assert_eq!(wait(text, None, Some(0)), None, "{text}");
        }
        assert_eq!(millis(&ResponseHead::new(429), Some(0)), None);
    }
}
