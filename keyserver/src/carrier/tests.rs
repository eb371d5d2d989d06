use dockpass_protocol::code::ErrorCode;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderValue, Method};

use super::{Bearer, bearer, guard, session};
use crate::own_address::OwnAddress;

const OWN: &str = "https://ks.test";

fn own() -> OwnAddress {
    OwnAddress::new(&OWN.parse().unwrap(), "127.0.0.1:8780".parse().unwrap())
}

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
        assert_eq!(guard(&Method::GET, &headers(pairs), &own()), *expected, "{pairs:?}");
    }
    let (site, origin, csrf) = (("sec-fetch-site", "same-origin"), ("origin", OWN), ("x-dockpass", "1"));
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        let guard = |pairs: &[(&'static str, &str)]| guard(&method, &headers(pairs), &own());
        assert_eq!(guard(&[site, origin]), Err(ErrorCode::CsrfRequired));
        assert_eq!(guard(&[site, origin, csrf]), Ok(()));
        assert_eq!(guard(&[origin, csrf]), Ok(()));
        for without in [&[site, csrf][..], &[site, csrf, ("origin", "null")], &[csrf]] {
            assert_eq!(guard(without), Err(ErrorCode::OriginNotAllowed), "{without:?}");
        }
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
    assert_eq!(session(&Method::GET, &bytes, None, &own()).unwrap_err(), ErrorCode::InvalidSession);
    let mut cookie = HeaderMap::new();
    cookie.insert(COOKIE, HeaderValue::from_bytes(b"a=\xff").unwrap());
    assert!(session(&Method::GET, &cookie, None, &own()).unwrap().is_none());
}
