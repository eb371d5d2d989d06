//! Bodies of registries.

use proptest::prelude::*;

use super::*;

fn codes(body: &str) -> Vec<String> {
    parse_errors(body.as_bytes()).iter().map(|error| error.code.to_string()).collect()
}

#[test]
fn bodies_of_registries() {
    let cases: [(&str, &[&str]); 15] = [
        (
            r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":[{"Type":"repository","Class":"","Name":"a/b","Action":"pull"}]}]}"#,
            &["UNAUTHORIZED"],
        ),
        (
            r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"OCI index found, but Accept header does not support OCI indexes"}]}"#,
            &["MANIFEST_UNKNOWN"],
        ),
        (r#"{"errors":[{"code":"DENIED"},{"code":"NAME_UNKNOWN"}]}"#, &["DENIED", "NAME_UNKNOWN"]),
        (r#"{"errors":[{"code":"toomanyrequests","message":"x"}]}"#, &["TOOMANYREQUESTS"]),
        (r#"{"errors":[{"code":"TAG_EXPIRED","message":"Quay"}]}"#, &["TAG_EXPIRED"]),
        (
            r#"{"errors":[{"message":"no code"},{"code":5},{"code":"has space"},null,"x",{"code":"DENIED"}]}"#,
            &["DENIED"],
        ),
        (r#"{"x":{"errors":[{"code":"DENIED"}]},"errors":[]}"#, &[]),
        (r#"{"errors":{"code":"DENIED"}}"#, &[]),
        (r#"{"errors":null}"#, &[]),
        (r#"[{"code":"DENIED"}]"#, &[]),
        (r#"{"errors":[{"code":"DENIED"}]"#, &[]),
        (r#"{"errors":[{"code":"DENIED"}]} and more"#, &[]),
        ("404 page not found\n", &[]),
        ("<!DOCTYPE html>", &[]),
        ("", &[]),
    ];
    for (body, expected) in cases {
        assert_eq!(codes(body), expected, "{body}");
    }
}

#[test]
fn known_codes_have_their_variants() {
    assert_eq!(OciErrorCode::parse("BLOB_UNKNOWN"), Some(OciErrorCode::BlobUnknown));
    assert_eq!(OciErrorCode::parse("pagination_number_invalid"), Some(OciErrorCode::PaginationNumberInvalid));
    assert_eq!(OciErrorCode::parse("X1"), Some(OciErrorCode::Other("X1".to_owned())));
    for bad in ["", "A-B", "Ä", "<script>", &"A".repeat(65)] {
        assert_eq!(OciErrorCode::parse(bad), None, "{bad}");
    }
    assert_eq!(first_code(br#"{"errors":[{"code":"DENIED"}]}"#), Some(OciErrorCode::Denied));
}

#[test]
fn messages_are_not_shown_by_debug_or_display() {
    let errors = parse_errors(br#"{"errors":[{"code":"DENIED","message":"canary"}]}"#);
    assert_eq!(errors[0].message.as_ref().map(UntrustedText::expose), Some("canary"));
    assert!(!format!("{errors:?}").contains("canary"));
}

#[test]
fn limits() {
    let body = |count: usize| format!(r#"{{"errors":[{}]}}"#, vec![r#"{"code":"DENIED"}"#; count].join(","));
    assert_eq!(codes(&body(17)).len(), 16);
    assert!(codes(&body(10_000)).is_empty(), "more than 64 KiB");
    assert!(codes(&"[".repeat(60_000)).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_body_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..60), text in "\\{\"errors\":\\[(\\{\"(code|message)\":(\"[A-Z]{0,3}\"|[0-9]|null)\\},?){0,3}\\]\\}") {
        let _ = parse_errors(&body);
        let _ = parse_errors(text.as_bytes());
    }
}
