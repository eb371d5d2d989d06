//! Our challenge parser against that of the `http-auth` crate, on generated and mutated headers.
//!
//! `http-auth` reads RFC 7235 strictly and is itself fuzzed against a grammar. Wherever the two disagree, one of the
//! [`CLASSES`] must explain it; a disagreement without a class fails the test.
#![expect(
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that panics has failed, as it should"
)]

use dockpass_protocol::challenge::{
    self, Challenge, ChallengeErrorKind, MAX_CHALLENGES, MAX_LINE, MAX_PARAMS,
};
use proptest::prelude::*;

/// Every way in which the two parsers disagree, and why ours is as it is.
const CLASSES: [(Class, &str); 11] = [
    (Class::Token68, "http-auth leaves token68 out on purpose; RFC 9110 §11.2 has it and Negotiate sends it"),
    (Class::Lenient, "unquoted URLs and similar values, which registries send; we accept and mark them"),
    (Class::ObsText, "http-auth is ASCII only; RFC 9110 §5.6.4 allows obs-text in quoted strings"),
    (Class::SpacesAfterScheme, "http-auth wants exactly one space; RFC 9110 §11.3 says 1*SP"),
    (
        Class::EmptyFirstElement,
        "`Basic , a=b`: an empty element before the first parameter (RFC 9110 §5.6.1.2)",
    ),
    (Class::WhiteSpaceAround, "http-auth expects field values that are trimmed already"),
    (
        Class::NoChallenge,
        "http-auth wants one challenge at least; RFC 9110 §11.6.1 has `#challenge`, which may be none",
    ),
    (
        Class::ConflictingParam,
        "http-auth gives both values of a repeated parameter; we refuse them if they differ",
    ),
    (
        Class::RepeatedParam,
        "http-auth gives a parameter twice that is repeated with the same value; we give it once",
    ),
    (Class::LastBeforeError, "both refuse; we return the challenge before the error, http-auth does not"),
    (Class::Limits, "http-auth has no limits"),
];

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Class {
    Token68,
    Lenient,
    ObsText,
    SpacesAfterScheme,
    EmptyFirstElement,
    WhiteSpaceAround,
    NoChallenge,
    LastBeforeError,
    ConflictingParam,
    RepeatedParam,
    Limits,
}

type Params = Vec<(String, String)>;
type List = Vec<(String, Params)>;

/// What `http-auth` reads before its end or its first error.
fn theirs(text: &str) -> (List, bool) {
    let mut list = Vec::new();
    for result in http_auth::parser::ChallengeParser::new(text) {
        let Ok(challenge) = result else { return (list, false) };
        let params =
            challenge.params.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_unescaped()));
        list.push((challenge.scheme.to_ascii_lowercase(), params.collect()));
    }
    (list, true)
}

fn plain(challenge: &Challenge<'_>) -> (String, Params) {
    let params = challenge.params.iter().map(|param| (param.name.to_string(), param.value.to_string()));
    (challenge.scheme.to_string(), params.collect())
}

/// Without the repetitions that we drop.
fn without_repetitions(list: &List) -> List {
    let once = |params: &Params| {
        let mut kept = Params::new();
        for param in params {
            if !kept.contains(param) {
                kept.push(param.clone());
            }
        }
        kept
    };
    list.iter().map(|(scheme, params)| (scheme.clone(), once(params))).collect()
}

fn has_conflict(list: &List) -> bool {
    list.iter().any(|(_, params)| {
        params
            .iter()
            .any(|(name, value)| params.iter().any(|(other, second)| other == name && second != value))
    })
}

/// Which classes explain a disagreement; empty if there is none. Panics if nothing explains it.
fn compare(text: &str) -> Vec<Class> {
    let (their_list, they_accept) = theirs(text);
    let ours: Vec<_> = challenge::parse(text).collect();
    let our_error = ours.last().and_then(|result| result.as_ref().err()).map(|error| error.kind);
    let our_challenges: Vec<_> = ours.into_iter().filter_map(Result::ok).collect();
    let our_list: List = our_challenges.iter().map(plain).collect();
    if their_list == our_list && they_accept == our_error.is_none() {
        return Vec::new();
    }
    let mut classes = Vec::new();
    let limit = matches!(
        our_error,
        Some(
            ChallengeErrorKind::LineTooLong
                | ChallengeErrorKind::TooManyChallenges
                | ChallengeErrorKind::TooManyParams
        )
    );
    if limit {
        assert!(
            text.len() > MAX_LINE
                || their_list.len() > MAX_CHALLENGES
                || their_list.iter().any(|(_, params)| params.len() > MAX_PARAMS)
                || !they_accept,
            "a limit without cause"
        );
        return vec![Class::Limits];
    }
    if they_accept {
        // What the strict grammar accepts we accept, and read the same, but for repeated parameters.
        if let Some(kind) = our_error {
            assert_eq!(
                kind,
                ChallengeErrorKind::ConflictingParam,
                "we refuse what the grammar has: {text:?}"
            );
            assert!(has_conflict(&their_list), "a conflict without cause: {text:?}");
            assert!(without_repetitions(&their_list).starts_with(&our_list), "{text:?}");
            classes.push(Class::ConflictingParam);
        } else {
            assert_ne!(their_list, our_list);
            assert_eq!(without_repetitions(&their_list), our_list, "{text:?}");
            classes.push(Class::RepeatedParam);
        }
        return classes;
    }
    // They refuse. As far as they read, we read the same; behind that, something must be what they do not read.
    let common = their_list.len().min(our_list.len());
    assert_eq!(without_repetitions(&their_list)[..common], our_list[..common], "{text:?}");
    if their_list.len() > our_list.len() {
        assert_eq!(our_error, Some(ChallengeErrorKind::ConflictingParam), "we stop earlier: {text:?}");
        return vec![Class::ConflictingParam];
    }
    if has_conflict(&their_list) || their_list[..common] != our_list[..common] {
        classes.push(Class::RepeatedParam);
    }
    let rest = &our_challenges[common..];
    if rest.iter().any(|challenge| challenge.token68.is_some()) {
        classes.push(Class::Token68);
    }
    if rest.iter().any(|challenge| challenge.lenient) {
        classes.push(Class::Lenient);
    }
    if !text.is_ascii() {
        classes.push(Class::ObsText);
    }
    if text.ends_with([' ', '\t']) || text.starts_with([' ', '\t']) {
        classes.push(Class::WhiteSpaceAround);
    }
    if our_error.is_some() && our_list.len() == common + 1 {
        classes.push(Class::LastBeforeError);
    }
    if our_list.is_empty() && our_error.is_none() {
        classes.push(Class::NoChallenge);
    }
    for (at, _) in text.match_indices([' ', '\t']) {
        let before = text[..at].trim_end_matches([' ', '\t']);
        let after = text[at..].trim_start_matches([' ', '\t']);
        let white = text.len() - before.len() - after.len();
        // After a word that is not a value: a scheme. Otherwise this class explains nothing, which the last check detects.
        if before.ends_with(|last: char| last.is_ascii_graphic() && !matches!(last, ',' | '"')) {
            if after.starts_with(',') {
                classes.push(Class::EmptyFirstElement);
            } else if white > 1 || text[at..].starts_with('\t') {
                classes.push(Class::SpacesAfterScheme);
            }
        }
    }
    assert!(
        !classes.is_empty(),
        "unexplained: {text:?}: they {their_list:?}, we {our_list:?} ({our_error:?})"
    );
    // Whatever we read, printed in the strict form they read the same.
    for (challenge, expected) in our_challenges.iter().zip(&our_list) {
        let strict = challenge.to_string();
        if challenge.token68.is_none() && strict.is_ascii() {
            assert_eq!(theirs(&strict), (vec![expected.clone()], true), "{strict:?}");
        }
    }
    classes.dedup();
    classes
}

#[test]
fn every_listed_difference_occurs() {
    let examples = [
        (Class::Token68, "Negotiate abc=="),
        (Class::Lenient, "bearer realm=https://h/t"),
        (Class::ObsText, "Basic realm=\"é\""),
        (Class::SpacesAfterScheme, "Basic  realm=x"),
        (Class::EmptyFirstElement, "Basic ,realm=x"),
        (Class::WhiteSpaceAround, "Basic realm=x "),
        (Class::NoChallenge, ",,"),
        (Class::LastBeforeError, "Basic, ="),
        (Class::ConflictingParam, "Basic realm=x,realm=y"),
        (Class::RepeatedParam, "Basic realm=x,realm=x"),
        (Class::Limits, &"A,".repeat(40)),
    ];
    for (class, text) in examples {
        assert_eq!(compare(text), [class], "{text:?}");
        assert!(CLASSES.iter().any(|(known, why)| *known == class && !why.is_empty()));
    }
    assert_eq!(examples.len(), CLASSES.len());
}

#[test]
fn the_parsers_agree_on_the_headers_of_registries() {
    for text in [
        r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#,
        r#"Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\"""#,
        r#"UnsupportedSchemeA, Basic realm="foo", error error"#,
        r#"Digest realm="a", qop="auth, auth-int", algorithm=MD5, nonce="n", opaque="o""#,
        "Negotiate,NTLM,Basic realm=x",
        "Basic realm=\"x",
        "realm=x",
        "Basic realm = \"x\" ,\tcharset\t=\tUTF-8",
    ] {
        assert_eq!(compare(text), [], "{text:?}");
    }
}

/// A piece of a header; valid ones are more frequent.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec!["Bearer", "basic", "Negotiate", "Digest", "X"]).prop_map(str::to_owned),
        4 => prop::sample::select(vec!["realm", "Realm", "service", "scope", "a"]).prop_map(str::to_owned),
        6 => prop::sample::select(vec![",", " ", "=", "\"", ", ", "\t", "  ", " = "]).prop_map(str::to_owned),
        4 => "(https://h/t|registry\\.docker\\.io|repository:a/b:pull|[a-z]{1,6}|abc={1,3})".prop_map(|text| text),
        3 => "\"[ -~]{0,12}\"".prop_map(|text| text),
        1 => "\"([a-z]|\\\\[ -~]|é){0,8}\"".prop_map(|text| text),
        1 => "\\PC{1,3}".prop_map(|text| text),
        1 => "[\\x00-\\x1f\\x7f]".prop_map(|text| text),
    ]
}

/// A header of the strict grammar.
fn header() -> impl Strategy<Value = String> {
    let param = "[a-zA-Z]{1,5}( |\t)?=( |\t)?([a-zA-Z0-9.-]{1,6}|\"([ !#-\\[\\]-~]|\\\\[ -~]){0,10}\")";
    let challenge = ("[A-Z][a-z]{1,6}", prop::collection::vec(param, 0..4)).prop_map(|(scheme, params)| {
        if params.is_empty() { scheme } else { format!("{scheme} {}", params.join(", ")) }
    });
    prop::collection::vec(challenge, 1..4).prop_map(|list| list.join(","))
}

/// A header with some of its characters removed, repeated or replaced.
fn mutated() -> impl Strategy<Value = String> {
    let mutation = (any::<prop::sample::Index>(), 0..4_u8, piece());
    (header(), prop::collection::vec(mutation, 1..5)).prop_map(|(header, mutations)| {
        let mut text: Vec<char> = header.chars().collect();
        for (index, kind, piece) in mutations {
            let at = index.index(text.len() + 1);
            match (kind, text.get(at).copied()) {
                (0, Some(_)) => drop(text.remove(at)),
                (1, Some(twice)) => text.insert(at, twice),
                (2, Some(_)) => drop(text.splice(at..=at, piece.chars())),
                _ => drop(text.splice(at..at, piece.chars())),
            }
        }
        text.into_iter().collect()
    })
}

/// A few thousand inputs on every run; `PROPTEST_CASES` for a longer search.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1024)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn headers_of_the_grammar(text in header()) {
        let classes = compare(&text);
        prop_assert!(classes.iter().all(|class| matches!(class, Class::ConflictingParam | Class::RepeatedParam)), "{classes:?}");
    }

    // Threats: INJ-08.
    #[test]
    fn mutated_headers(text in mutated()) {
        compare(&text);
    }

    // Threats: INJ-08.
    #[test]
    fn pieces_in_any_order(pieces in prop::collection::vec(piece(), 0..16)) {
        compare(&pieces.concat());
    }
}
