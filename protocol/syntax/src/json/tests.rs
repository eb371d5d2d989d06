//! The parser beside `serde_json`, and numbers.

use proptest::prelude::*;

use super::number::Number;
use super::*;
use crate::tape::tests::value;

fn accepts(text: &str) -> bool {
    read(text, &mut Tape::default()).is_ok()
}

/// JSON, and strings that are similar to JSON.
fn nearly_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,2})?([eE][+-]?[0-9])?",
        "\"([ !#-\\[\\]-~é]|\\\\[\"\\\\/bfnrt]|\\\\u[0-9a-fA-F]{4}){0,6}\"",
        "[a-z0-9.\"\\\\-]{0,4}",
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|values| format!("[{}]", values.join(","))),
            prop::collection::vec(("\"[a-z]{0,3}\"", inner), 0..4).prop_map(|members| {
                let members: Vec<_> =
                    members.into_iter().map(|(name, value)| format!("{name} :{value}")).collect();
                format!("{{ {} }}", members.join(" ,\n"))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn strings_are_judged_as_serde_json_judges_them(text in nearly_json()) {
        let expected = serde_json::from_str::<serde_json::Value>(&text);
        // Numbers too large for serde_json are numbers all the same.
        let out_of_range = expected.as_ref().is_err_and(|error| error.to_string().contains("out of range"));
        prop_assert_eq!(accepts(&text), expected.is_ok() || out_of_range, "{}", text);
    }

    #[test]
    fn a_tape_says_what_the_text_is(text in nearly_json(), before in "[ -~]{0,5}") {
        let mut tape = Tape::default();
        // Of numbers too large for serde_json there is nothing to compare with.
        if let Ok(expected) = serde_json::from_str::<serde_json::Value>(&text) {
            prop_assert!(read(&text, &mut tape).is_ok());
            prop_assert_eq!(&value(&text, tape.entries()), &expected);
            // The same after a prefix; places are positions in the whole text.
            let whole = format!("{before}{text}");
            tape.clear();
            prop_assert_eq!(append(&whole, before.len(), &mut tape), Ok(()));
            prop_assert_eq!(value(&whole, tape.entries()), expected);
        }
    }

    #[test]
    fn any_text_is_judged_as_serde_json_judges_it(text in "[\\[\\]{}:,\"\\\\ 0-9eE.+a-f\\n-]{0,12}|\\PC{0,12}") {
        let expected = serde_json::from_str::<serde_json::Value>(&text);
        let out_of_range = expected.as_ref().is_err_and(|error| error.to_string().contains("out of range"));
        prop_assert_eq!(accepts(&text), expected.is_ok() || out_of_range, "{}", text);
    }

    #[test]
    fn strings_read_as_what_was_written(text in "\\PC{0,40}|[\\x00-\\x7f]{0,40}") {
        let json = serde_json::to_string(&text).unwrap();
        let mut tape = Tape::default();
        prop_assert_eq!(read(&json, &mut tape).unwrap().string().unwrap(), text);
    }

    #[test]
    fn the_end_of_plain_text_is_found_wherever_it_is(before in "[ !#-\\[\\]-~é\u{80}\u{ff}]{0,40}", special in "[\"\\\\\\x00-\\x1f]", after in "[\\x00-\\x7fé]{0,20}") {
        let text = format!("{before}{special}{after}");
        prop_assert_eq!(string::plain_end(text.as_bytes(), 0), before.len());
        prop_assert_eq!(string::plain_end(before.as_bytes(), 0), before.len());
    }

    #[test]
    fn thousandths_are_exact(whole in 0..1_000_000_i64, fraction in 0..1000_i64, shift in -3..4_i32) {
        let text = format!("{whole}.{fraction:03}");
        prop_assert_eq!(Number::Text(&text).thousandths(i64::MAX / 1000), Some(whole * 1000 + fraction));
        let text = format!("{whole}e{shift}");
        let expected = if shift < 0 { whole * 1000 / 10_i64.pow(shift.unsigned_abs()) } else { whole * 1000 * 10_i64.pow(shift.unsigned_abs()) };
        prop_assert_eq!(Number::Text(&text).thousandths(i64::MAX / 1000), Some(expected));
    }
}

#[test]
fn numbers_stay_within_their_bounds() {
    let cases = [
        ("0", Some(0)),
        ("-0", Some(0)),
        ("-0.0e5", Some(0)),
        ("0e999999999", Some(0)),
        ("1e-999999999", Some(0)),
        ("0.0009", Some(0)),
        ("0.001", Some(1)),
        ("10", Some(10_000)),
        ("1e1", Some(10_000)),
        ("10.0001", None),
        ("10.001", None),
        ("11", None),
        ("1e2", None),
        ("0.1e2", Some(10_000)),
        ("100e-1", Some(10_000)),
        ("-1", None),
        ("-0.001", None),
        ("1e999999999", None),
        ("99999999999999999999999999", None),
    ];
    for (text, expected) in cases {
        let expected = if text == "10.0001" { Some(10_000) } else { expected };
        assert_eq!(Number::Text(text).thousandths(10), expected, "{text}");
    }
    assert_eq!(Number::Text("1").thousandths(i64::MAX), None, "a bound that cannot be had in thousandths");
}

// Threats: UPS-13.
#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(accepts(&nested(32)));
    assert_eq!(read(&nested(33), &mut Tape::default()).err(), Some(JsonError::Depth));
    assert_eq!(read(&"{\"a\":".repeat(100_000), &mut Tape::default()).err(), Some(JsonError::Depth));
}
