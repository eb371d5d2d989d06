//! How long to wait after a 429 (RFC 9110 §10.2.3).

use super::{ResponseHead, http_date};

/// Waiting less is asking again at once: GHCR was seen to say `23.722µs`.
const FLOOR_MS: u64 = 100;
/// Waiting longer is no waiting; whoever comes back earlier is told again.
const CAP_MS: u64 = 3_600_000;

/// Milliseconds to wait, between 100 and one hour; `None` when the answer does not say, or says it unreadably.
///
/// A date is taken relative to the answer's own `Date`, so that clocks need not agree; without one, to `now_ms`.
pub(super) fn millis(head: &ResponseHead<'_>, now_ms: Option<i64>) -> Option<u64> {
    let text = head.retry_after?.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number can hold are still a number.
        text.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(1_000)
    } else {
        let until = http_date::parse(text)?;
        let from = head.date.and_then(http_date::parse).or(now_ms)?;
        u64::try_from(until.saturating_sub(from)).unwrap_or(0)
    };
    Some(wait.clamp(FLOOR_MS, CAP_MS))
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
        assert_eq!(wait("99999999999999999999999999", None, None), Some(CAP_MS));
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
    fn what_cannot_be_read_says_nothing() {
        for text in ["", "-1", "1.5", "23.722µs", "soon"] {
            assert_eq!(wait(text, None, Some(0)), None, "{text}");
        }
        assert_eq!(millis(&ResponseHead::new(429), Some(0)), None);
    }
}
