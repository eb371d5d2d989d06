//! Properties. The cases are in `testdata/challenges.json`, the comparison with `http-auth` in `tests/`.
#![expect(clippy::string_slice, reason = "a test that panics has failed, as it should")]

use proptest::prelude::*;

use super::*;
use crate::tape::tests::value as value_of;
use crate::tape::{Tape, word};

fn token() -> impl Strategy<Value = String> {
    "[!#$%&'*+.^_`|~0-9a-zA-Z-]{1,12}"
}

/// Any text that a quoted string can hold.
fn value() -> impl Strategy<Value = String> {
    "[\\t -~\u{80}-\u{2ff}]{0,24}"
}

fn with_parameters() -> impl Strategy<Value = Challenge<'static>> {
    (token(), prop::collection::btree_map("[!#$%&'*+.^_`|~0-9a-z-]{1,8}", value(), 0..8)).prop_map(
        |(scheme, params)| Challenge {
            scheme: Cow::Owned(scheme.to_ascii_lowercase()),
            token68: None,
            params: params
                .into_iter()
                .map(|(name, value)| Param { name: Cow::Owned(name), value: Cow::Owned(value) })
                .collect(),
            lenient: false,
        },
    )
}

fn with_token68() -> impl Strategy<Value = Challenge<'static>> {
    // Without padding, only lengths that an encoding has (see the module's documentation).
    (token(), "([A-Za-z0-9._~+/-]{4}){1,5}={0,3}").prop_map(|(scheme, token68)| Challenge {
        scheme: Cow::Owned(scheme.to_ascii_lowercase()),
        token68: Some(Cow::Owned(token68)),
        params: Vec::new(),
        lenient: false,
    })
}

/// What is on the tape, where there is one, beside the challenges.
fn check_tape(text: &str, lines: &[&str]) -> Result<(), TestCaseError> {
    let mut tape = Tape::default();
    let written = write_on_tape(text, &mut lines.iter().copied(), &mut tape);
    let Ok(challenges) = parse_lines(lines.iter().copied()) else {
        prop_assert_eq!(written, None);
        return Ok(());
    };
    // Only escapes, and lower-cased names that are not words, cannot be represented on a tape.
    let owned =
        |part: &Cow<'_, str>| matches!(part, Cow::Owned(_)) && word(part.as_bytes(), 0, part.len()).is_none();
    let said = challenges.iter().all(|challenge| {
        !owned(&challenge.scheme)
            && !challenge.params.iter().any(|param| owned(&param.name) || owned(&param.value))
    });
    prop_assert_eq!(written.is_some(), said, "{}", text);
    if said {
        let expected: Vec<serde_json::Value> = challenges
            .iter()
            .map(|challenge| {
                let params = challenge.params.iter().map(|param| (param.name.to_string(), param.value.to_string().into()));
                let mut object = serde_json::json!({"scheme": challenge.scheme, "params": serde_json::Value::Object(params.collect())});
                if let Some(token68) = &challenge.token68 {
                    object["token68"] = token68.to_string().into();
                }
                object
            })
            .collect();
        prop_assert_eq!(value_of(text, tape.entries()), serde_json::Value::Array(expected));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_reads_the_same(list in prop::collection::vec(prop_oneof![3 => with_parameters(), 1 => with_token68()], 0..6)) {
        let lines: Vec<String> = list.iter().map(Challenge::to_string).collect();
        let one_line = lines.join(", ");
        prop_assert_eq!(parse_lines([one_line.as_str()]), Ok(list.clone()));
        prop_assert_eq!(parse_lines(lines.iter().map(String::as_str)), Ok(list.clone()));
        let owned: Vec<_> = parse(&one_line).map(|challenge| challenge.unwrap().into_owned()).collect();
        prop_assert_eq!(owned, list);
    }

    #[test]
    fn case_of_schemes_and_names_does_not_matter(challenge in with_parameters()) {
        let mut shouted = Challenge { scheme: Cow::Owned(challenge.scheme.to_ascii_uppercase()), ..challenge.clone() };
        for param in &mut shouted.params {
            param.name = Cow::Owned(param.name.to_ascii_uppercase());
        }
        let text = shouted.to_string();
        prop_assert_eq!(parse(&text).next(), Some(Ok(challenge)));
    }

    #[test]
    fn no_text_makes_it_panic_or_go_on_after_an_error(text in "\\PC{0,40}|[ -~\\x00-\\x1f]{0,60}|([a-z]|[ ,=\"\\\\]){0,60}") {
        let mut parser = parse(&text);
        let mut count = 0;
        while let Some(result) = parser.next() {
            count += 1;
            prop_assert!(count <= MAX_CHALLENGES + 1);
            if let Err(error) = result {
                prop_assert!(error.position <= text.len());
                prop_assert!(parser.next().is_none());
            }
        }
        prop_assert!(parser.next().is_none());
    }

    #[test]
    fn a_tape_says_what_the_challenges_are(list in prop::collection::vec(prop_oneof![3 => with_parameters(), 1 => with_token68()], 0..4), text in "[ -~]{0,40}|[A-Za-z]{1,6} ([a-z]{1,2}=[a-z:/]{0,6},?){0,5}") {
        let lines: Vec<String> = list.iter().map(Challenge::to_string).collect();
        let whole = lines.concat();
        let mut ends = 0;
        let parts = lines.iter().map(|line| {
            ends += line.len();
            &whole[ends - line.len()..ends]
        });
        check_tape(&whole, &parts.collect::<Vec<_>>())?;
        check_tape(&text, &[&text])?;
    }

    #[test]
    fn what_is_read_leniently_reads_the_same_when_printed_strictly(text in "[a-z]{1,4} ([a-c]{1,2}=[a-z:/]{0,6},?){0,5}") {
        for challenge in parse(&text).flatten() {
            let strict = Challenge { lenient: false, ..challenge.clone().into_owned() };
            let text = challenge.to_string();
            prop_assert_eq!(parse(&text).next(), Some(Ok(strict)));
        }
    }

    #[test]
    fn a_prefix_is_read_as_the_start_of_the_whole(list in prop::collection::vec(with_parameters(), 1..4), cut in any::<prop::sample::Index>()) {
        let text = list.iter().map(Challenge::to_string).collect::<Vec<_>>().join(",");
        let mut end = cut.index(text.len() + 1);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let read = parse(text.get(..end).unwrap_or_default()).flatten().collect::<Vec<_>>();
        // The last one may have been cut short, within a name even, which then reads as another scheme.
        let whole = read.len().saturating_sub(2);
        prop_assert_eq!(&read[..whole], &list[..whole]);
    }
}

#[test]
fn unchanged_parts_are_borrowed() {
    let text = r#"Bearer realm="https://h/t",service=s, Negotiate YWJj, custom a="b""#;
    for challenge in parse(text) {
        let challenge = challenge.unwrap();
        assert!(matches!(challenge.scheme, Cow::Borrowed(_)), "{challenge}");
        assert!(
            challenge
                .params
                .iter()
                .all(|param| matches!((&param.name, &param.value), (Cow::Borrowed(_), Cow::Borrowed(_))))
        );
    }
    let escaped = parse(r#"Basic realm="a\"b""#).next().unwrap().unwrap();
    assert!(matches!(escaped.params[0].value, Cow::Owned(_)));
}

#[test]
fn parameters_are_found_in_any_case() {
    let challenge = parse("X Foo=1").next().unwrap().unwrap();
    assert_eq!(challenge.param("foo"), Some("1"));
    assert_eq!(challenge.param("FOO"), Some("1"));
    assert_eq!(challenge.param("bar"), None);
}

#[test]
fn the_limit_of_a_line_is_exact() {
    let line = format!("X a=\"{}\"", "x".repeat(MAX_LINE - 6));
    assert_eq!(line.len(), MAX_LINE);
    assert_eq!(parse_lines([line.as_str()]).map(|list| list.len()), Ok(1));
    let line = format!("{line} ");
    let error = parse_lines([line.as_str()]).map_err(|error| (error.code(), error.position));
    assert_eq!(error, Err(("challenge_line_too_long", MAX_LINE)));
}

#[test]
fn limits_of_challenges_and_parameters_are_exact() {
    let line = "A,".repeat(MAX_CHALLENGES);
    assert_eq!(parse_lines([line.as_str()]).map(|list| list.len()), Ok(MAX_CHALLENGES));
    let params = (0..MAX_PARAMS).map(|number| format!("p{number}=1")).collect::<Vec<_>>().join(",");
    let text = format!("X {params}");
    assert_eq!(parse(&text).next().unwrap().unwrap().params.len(), MAX_PARAMS);
}

#[test]
fn errors_have_a_position_and_do_not_show_the_input() {
    let error = parse("Basic realm=\"secret").next().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "challenge syntax: a quoted string does not end (byte 12)");
    let error = parse_lines(["Basic realm=\"x\"", "realm=\"secret\""]).unwrap_err();
    assert_eq!(error.to_string(), "challenge syntax: a parameter without a scheme (line 1, byte 0)");
    assert_eq!(error.code(), "challenge_param_without_scheme");
}

#[test]
fn the_limit_holds_over_all_lines_of_a_tape() {
    let line = |count: usize| vec!["basic"; count].join(",");
    let on_tape = |first: usize, second: usize| {
        let text = [line(first), line(second)].concat();
        let (first, second) = text.split_at(line(first).len());
        write_on_tape(&text, &mut [first, second].into_iter(), &mut Tape::default())
    };
    assert_eq!(on_tape(20, MAX_CHALLENGES - 20), Some(()));
    assert_eq!(on_tape(20, MAX_CHALLENGES - 19), None);
}

#[test]
fn an_error_has_the_code_of_its_kind() {
    let error = parse("Basic realm=\"x").next().unwrap().unwrap_err();
    assert_eq!(
        (error.code(), error.kind.code()),
        ("challenge_unterminated_quote", "challenge_unterminated_quote")
    );
}

#[test]
fn octets_after_the_end_are_not_read() {
    let memory = "Negotiate negotiate";
    let (text, line) = (&memory[..9], memory);
    // The line is longer than the text it should stand in.
    assert_eq!(write_on_tape(text, &mut [line].into_iter(), &mut Tape::default()), None);
}
