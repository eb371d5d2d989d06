use dockpass_protocol::code::ErrorCode;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderValue, Method};

use super::{Bearer, bearer, guard, session};

const OWN: &str = "https://ks.test";

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .fold(HeaderMap::new(), |mut map, (name, value)| {
            map.append(name, value);
            map
        })
}

// Threats: SES-11, SES-12.
#[test]
fn cookies_are_accepted_from_the_own_origin_only() {
    type Case<'a> = (&'a [(&'static str, &'a str)], Result<(), ErrorCode>);
    let cases: &[Case<'_>] = &[
        (&[("sec-fetch-site", "same-origin")], Ok(())),
        (&[("sec-fetch-site", "same-origin"), ("origin", "null")], Ok(())),
        (&[("origin", OWN)], Ok(())),
        (&[], Err(ErrorCode::OriginNotAllowed)),
        (&[("origin", "https://evil.test")], Err(ErrorCode::OriginNotAllowed)),
        (&[("origin", "null")], Err(ErrorCode::OriginNotAllowed)),
        (&[("origin", "https://ks.test/")], Err(ErrorCode::OriginNotAllowed)),
        (&[("origin", "https://KS.test")], Err(ErrorCode::OriginNotAllowed)),
        (&[("origin", "https://ks.test.evil.test")], Err(ErrorCode::OriginNotAllowed)),
        (&[("origin", "http://ks.test")], Err(ErrorCode::OriginNotAllowed)),
        (&[("origin", OWN), ("origin", OWN)], Err(ErrorCode::OriginNotAllowed)),
        (&[("sec-fetch-site", "cross-site"), ("origin", OWN)], Err(ErrorCode::OriginNotAllowed)),
        (&[("sec-fetch-site", "same-site"), ("origin", OWN)], Err(ErrorCode::OriginNotAllowed)),
        (&[("sec-fetch-site", "none")], Err(ErrorCode::OriginNotAllowed)),
        (
            &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")],
            Err(ErrorCode::OriginNotAllowed),
        ),
        (&[("sec-fetch-site", "Same-Origin")], Err(ErrorCode::OriginNotAllowed)),
    ];
    for (pairs, expected) in cases {
        assert_eq!(guard(&Method::GET, &headers(pairs), OWN), *expected, "{pairs:?}");
    }
    let page = [("sec-fetch-site", "same-origin")];
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        assert_eq!(guard(&method, &headers(&page), OWN), Err(ErrorCode::CsrfRequired));
        assert_eq!(guard(&method, &headers(&[page[0], ("x-dockpass", "1")]), OWN), Ok(()));
    }
}

// Threats: INJ-02.
#[test]
fn only_a_single_bearer_authorization_is_accepted() {
    assert!(matches!(bearer(&HeaderMap::new()), Bearer::None));
    for (text, other) in [
        ("Bearer x", true),
        ("bearer  x ", true),
        ("Bearer", false),
        ("Bearer ", false),
        ("Basic YTpi", false),
        ("Bearer x, x", false),
        ("Bearer x,x", false),
        ("Bearer x x", false),
        ("Bearer =", false),
        ("Bearer x;y", false),
        ("x", false),
        ("", false),
    ] {
        let headers = headers(&[("authorization", text)]);
        assert_eq!(matches!(bearer(&headers), Bearer::Other("x")), other, "{text}");
        assert_eq!(matches!(bearer(&headers), Bearer::Unreadable), !other, "{text}");
    }
    let two = headers(&[("authorization", "Bearer x"), ("authorization", "Bearer x")]);
    assert!(matches!(bearer(&two), Bearer::Unreadable));
    let mut bytes = HeaderMap::new();
    bytes.insert(AUTHORIZATION, HeaderValue::from_bytes(b"Bearer \xff").unwrap());
    assert!(matches!(bearer(&bytes), Bearer::Unreadable));
    assert_eq!(session(&Method::GET, &bytes, None, OWN).unwrap_err(), ErrorCode::InvalidSession);
    let mut cookie = HeaderMap::new();
    cookie.insert(COOKIE, HeaderValue::from_bytes(b"a=\xff").unwrap());
    assert!(session(&Method::GET, &cookie, None, OWN).unwrap().is_none());
}
