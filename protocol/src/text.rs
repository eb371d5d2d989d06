//! Searches in strings and numbers as text, in less code than the standard library's: for the page's module.

/// The first position of `wanted`. For short strings: the search of `str`, which is linear for every input, would add 2 kB
/// to the browser's module.
pub(crate) fn find(text: &str, wanted: &str) -> Option<usize> {
    text.as_bytes().windows(wanted.len()).position(|window| window == wanted.as_bytes())
}

/// Whether the string contains `wanted`.
pub(crate) fn has(text: &str, wanted: &str) -> bool {
    find(text, wanted).is_some()
}

/// The parts before and after the last place of this ASCII character. `rsplit_once` would add 0.7 kB.
pub(crate) fn split_last(text: &str, at: u8) -> Option<(&str, &str)> {
    let place = text.bytes().rposition(|byte| byte == at)?;
    Some((text.get(..place)?, text.get(place + 1..)?))
}

/// Appends a number in decimal. The formatting of the standard library would add 1 kB.
pub fn push_decimal(out: &mut String, value: i64) {
    if value < 0 {
        out.push('-');
    }
    // Digits are found from the last one on.
    let mut digits = [0_u8; 19];
    let mut rest = value.unsigned_abs();
    let mut count = 0;
    for digit in &mut digits {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        count += 1;
        if rest == 0 {
            break;
        }
    }
    out.extend(digits.iter().take(count).rev().map(|&digit| char::from(digit)));
}

/// A number in decimal.
pub(crate) fn decimal(value: i64) -> String {
    let mut out = String::new();
    push_decimal(&mut out, value);
    out
}

/// Whether a segment of a path is `.` or `..`, written plainly or with escapes (WHATWG URL, "single-dot URL path segment").
pub(crate) fn is_dot_segment(segment: &str) -> bool {
    let mut rest = segment;
    let mut dots = 0;
    while let Some(after) = ["%2e", "%2E", "."].iter().find_map(|dot| rest.strip_prefix(dot)) {
        rest = after;
        dots += 1;
    }
    rest.is_empty() && matches!(dots, 1 | 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_place_is_found() {
        for (text, wanted) in [
            ("a//b//c", "//"),
            ("//", "//"),
            ("/", "//"),
            ("", "//"),
            ("/r/h/v2/v2/", "/v2/"),
            ("é://", "://"),
        ] {
            assert_eq!(
                (find(text, wanted), has(text, wanted)),
                (text.find(wanted), text.contains(wanted)),
                "{text}"
            );
        }
    }

    #[test]
    fn the_last_place_is_found() {
        for text in ["", ":", "a:b", "a:b:c", ":a", "a:", "é:ü:", "no"] {
            assert_eq!(split_last(text, b':'), text.rsplit_once(':'), "{text}");
        }
    }

    #[test]
    fn numbers_are_written_in_decimal() {
        for value in [0, 1, 9, 10, 80, 443, 65_535, -1, -10, i64::MIN, i64::MAX] {
            let mut out = String::from(":");
            push_decimal(&mut out, value);
            assert_eq!(out, format!(":{value}"));
        }
    }

    #[test]
    fn dot_segments_in_every_spelling() {
        for segment in [".", "..", "%2e", "%2E", ".%2e", "%2E.", "%2e%2E"] {
            assert!(is_dot_segment(segment), "{segment}");
        }
        for segment in ["", "...", "%2e%2e%2e", "a", ".a", "a.", "%2f", "%252e", "%2"] {
            assert!(!is_dot_segment(segment), "{segment}");
        }
    }
}
