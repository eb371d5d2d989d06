use http::{HeaderMap, HeaderValue};

use super::{accepts_gzip, is_unchanged};

fn headers(name: &'static str, value: &str) -> HeaderMap {
    HeaderMap::from_iter([(http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())])
}

#[test]
fn validators_are_compared_weakly() {
    for (value, unchanged) in [
        ("\"a\"", true),
        ("W/\"a\"", true),
        ("\"b\", \"a\"", true),
        ("*", true),
        ("\"b\"", false),
        ("a", false),
        ("", false),
    ] {
        assert_eq!(is_unchanged(&headers("if-none-match", value), "\"a\""), unchanged, "{value}");
    }
}

#[test]
fn gzip_is_sent_to_clients_that_accept_it() {
    for (value, takes) in [
        ("gzip", true),
        ("br, GZIP;q=0.5", true),
        ("gzip;q=1.0", true),
        ("gzip;q=0", false),
        ("gzip;q=0.000", false),
        ("br", false),
        ("", false),
        ("xgzip", false),
    ] {
        assert_eq!(accepts_gzip(&headers("accept-encoding", value)), takes, "{value}");
    }
}
