//! Dates of HTTP fields (RFC 9110 §5.6.7): the three forms that a recipient must read.

/// Milliseconds since the epoch, or `None` for another form, or a year outside 1970 to 9999.
pub(super) fn parse(text: &str) -> Option<i64> {
    let mut words = [""; 6];
    let mut count = 0;
    for word in text.split([' ', ',', '-']).filter(|word| !word.is_empty()) {
        *words.get_mut(count)? = word;
        count += 1;
    }
    let (weekday, [day, month, year], time) = match (words, count, text.contains(',')) {
        // `Sun, 06 Nov 1994 08:49:37 GMT`, or the obsolete `Sunday, 06-Nov-94 08:49:37 GMT`
        ([weekday, date @ .., time, "GMT"], 6, true) => (weekday, date, time),
        // `Sun Nov  6 08:49:37 1994`
        ([weekday, month, day, time, year, _], 5, false) => (weekday, [day, month, year], time),
        _ => return None,
    };
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = (1..).zip(months).find(|(_, name)| *name == month)?.0;
    let year = match (year.len(), number(year)?) {
        (4, year) if year >= 1970 => year,
        // Two digits mean the years 1970 to 2069. The form is obsolete.
        (2, year) => year + if year < 70 { 2000 } else { 1900 },
        _ => return None,
    };
    let mut clock = [0; 3];
    let mut count = 0;
    for part in time.split(':') {
        *clock.get_mut(count)? = number(part)?;
        count += 1;
    }
    let [hour, minute, second] = clock;
    let day = number(day)?;
    let in_range = hour <= 23 && minute <= 59 && second <= 60 && (1..=31).contains(&day);
    if count != 3 || !in_range || !weekday.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    let seconds = days_since_epoch(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(seconds * 1_000)
}

/// One to four digits.
fn number(text: &str) -> Option<i64> {
    let digits = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.bytes().fold(0, |sum, byte| sum * 10 + i64::from(byte - b'0')))
}

/// Days from 1970-01-01 in the Gregorian calendar. Counts years from March, so that the leap day is the last of one.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_three_forms_of_the_same_moment() {
        for text in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(parse(text), Some(784_111_777_000), "{text}");
        }
        assert_eq!(parse("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(parse("Thu, 29 Feb 2024 23:59:60 GMT"), Some(1_709_251_200_000));
        assert_eq!(parse("Mon, 23 Nov 2026 12:00:00 GMT"), Some(1_795_435_200_000));
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "",
            "120",
            "soon",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1969 08:49:37 GMT",
            "Sun, 06 Nov 19940 08:49:37 GMT",
            "Sun, 06 Nov +994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37:00 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT GMT",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
