//! Properties. The cases are in `testdata/token_responses.json`.

use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::time::parse_rfc3339;
use super::*;

const NOW: i64 = 1_790_000_000_000;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_body_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..60), text in "\\{(\"(token|access_token|expires_in|issued_at|refresh_token)\":(\"[a-z\\\\n]{0,3}\"|[0-9.eE+-]{0,6}|null|\\[\\]),?){0,5}\\}", at in any::<i64>()) {
        let _ = parse_token_response(&body, at);
        let _ = parse_token_response(text.as_bytes(), at);
    }

    #[test]
    fn a_token_never_lives_longer_than_was_said(expires_in in 1..10_000_i64, offset in -20_000..20_000_i64, exp in prop::option::of(0..20_000_i64)) {
        use base64::Engine;
        let encode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
        let token = exp.map_or_else(|| "opaque".to_owned(), |exp| {
            format!("{}.{}.c2ln", encode(r#"{"alg":"x"}"#), encode(&format!(r#"{{"exp":{}}}"#, NOW / 1000 + exp)))
        });
        let issued = rfc3339(NOW / 1000 + offset);
        let body = format!(r#"{{"token":"{token}","expires_in":{expires_in},"issued_at":"{issued}"}}"#);
        let response = parse_token_response(body.as_bytes(), NOW).unwrap();
        prop_assert_eq!(response.issued_at_ms, Some(NOW + offset * 1000));
        prop_assert!(response.expires_at_ms <= NOW + expires_in * 1000);
        if let Some(exp) = exp {
            prop_assert!(response.expires_at_ms <= NOW + exp * 1000);
        } else {
            prop_assert!(response.expires_at_ms > NOW, "a token without an expiry of its own is valid when it arrives");
        }
    }

    #[test]
    fn dates_are_read_as_they_are_written(seconds in -62_135_596_800..253_402_300_799_i64) {
        prop_assert_eq!(parse_rfc3339(&rfc3339(seconds)), Some(seconds * 1000));
    }

    #[test]
    fn no_date_makes_it_panic(text in "\\PC{0,30}|[0-9TZ:.+-]{0,30}") {
        let _ = parse_rfc3339(&text);
    }
}

/// The date of a second, by counting days one year and month at a time: slow, simple, and not what is tested.
fn rfc3339(seconds: i64) -> String {
    let (mut days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let mut year = 1970;
    while days < 0 {
        year -= 1;
        days += 365 + i64::from(leap(year));
    }
    while days >= 365 + i64::from(leap(year)) {
        days -= 365 + i64::from(leap(year));
        year += 1;
    }
    let mut month = 0;
    let lengths = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    format!(
        "{year:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        month + 1,
        days + 1,
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

#[test]
fn dates() {
    let cases = [
        ("1970-01-01T00:00:00Z", Some(0)),
        ("1970-01-01t00:00:00z", Some(0)),
        ("1970-01-01 00:00:00Z", Some(0)),
        ("1970-01-01T01:00:00+01:00", Some(0)),
        ("1969-12-31T23:30:00-00:30", Some(0)),
        ("1970-01-01T00:00:00.1Z", Some(100)),
        ("1970-01-01T00:00:00.1239999999999Z", Some(123)),
        ("2000-02-29T12:00:00Z", Some(951_825_600_000)),
        ("2016-12-31T23:59:60Z", Some(1_483_228_800_000)),
        ("1900-02-29T00:00:00Z", None),
        ("2026-13-01T00:00:00Z", None),
        ("2026-00-01T00:00:00Z", None),
        ("2026-01-00T00:00:00Z", None),
        ("2026-04-31T00:00:00Z", None),
        ("2026-01-01T24:00:00Z", None),
        ("2026-01-01T00:60:00Z", None),
        ("2026-01-01T00:00:61Z", None),
        ("2026-01-01T00:00:00", None),
        ("2026-01-01T00:00:00.Z", None),
        ("2026-01-01T00:00:00+24:00", None),
        ("2026-01-01T00:00:00+0100", None),
        ("2026-01-01T00:00:00Z ", None),
        ("+2026-01-01T00:00:00Z", None),
        ("2026-1-1T00:00:00Z", None),
        ("", None),
    ];
    for (text, expected) in cases {
        assert_eq!(parse_rfc3339(text), expected, "{text}");
    }
}

#[test]
fn all_members_of_an_oauth2_answer_are_kept() {
    let body = br#"{"access_token":"t","scope":"repository:a/b:pull","expires_in":3600,"refresh_token":"r"}"#;
    let response = parse_token_response(body, NOW).unwrap();
    assert_eq!(response.scope.as_deref(), Some("repository:a/b:pull"));
    assert_eq!(response.expires_in, Some(3600));
    assert_eq!(response.refresh_token.unwrap().expose_secret(), "r");
    assert_eq!(
        crate::jwt::inspect(response.token.expose_secret()).grant(&"repository:a/b:pull".parse().unwrap()),
        crate::scope::Grant::Unknown
    );
}

#[test]
fn neither_debug_nor_errors_show_a_secret() {
    let body = br#"{"token":"token-canary","refresh_token":"refresh-canary"}"#;
    let response = parse_token_response(body, NOW).unwrap();
    assert!(!format!("{response:?}").contains("canary"));
    let error = parse_token_response(br#"{"token":"token-canary\n"}"#, NOW).unwrap_err();
    assert_eq!(error.code(), "token_response_token_characters");
    assert!(!format!("{error:?} {error}").contains("canary"));
}

#[test]
fn the_limit_of_a_response_is_exact() {
    let body = |length: usize| format!(r#"{{"token":"{}"}}"#, "a".repeat(length - 12));
    assert!(parse_token_response(body(MAX_RESPONSE).as_bytes(), NOW).is_ok());
    assert_eq!(
        parse_token_response(body(MAX_RESPONSE + 1).as_bytes(), NOW).unwrap_err(),
        TokenResponseError::TooLarge
    );
    assert_eq!(parse_token_response(b"\xff", NOW).unwrap_err(), TokenResponseError::NotJson);
}
