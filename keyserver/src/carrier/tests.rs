use dockpass_protocol::api::Carrier;
use dockpass_protocol::code::ErrorCode;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderValue, Method};

use super::{Bearer, CarrierPolicy, CookieScope, bearer};
use crate::own_address::OwnAddress;
use crate::session::{ID_LENGTH, SealedText};

const OWN: &str = "https://ks.test";

fn policy(allowed: &[Carrier]) -> CarrierPolicy {
    let own = OwnAddress::new(&OWN.parse().unwrap(), "127.0.0.1:8780".parse().unwrap());
    CarrierPolicy::new(own, allowed, CookieScope::default())
}

fn both() -> CarrierPolicy {
    policy(&[Carrier::Bearer, Carrier::Cookie])
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
        assert_eq!(both().guard(&Method::GET, &headers(pairs)), *expected, "{pairs:?}");
    }
    let (site, origin, csrf) = (("sec-fetch-site", "same-origin"), ("origin", OWN), ("x-dockpass", "1"));
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        let guard = |pairs: &[(&'static str, &str)]| both().guard(&method, &headers(pairs));
        assert_eq!(guard(&[site, origin]), Err(ErrorCode::CsrfRequired));
        assert_eq!(guard(&[site, origin, csrf]), Ok(()));
        assert_eq!(guard(&[origin, csrf]), Ok(()));
        for without in [&[site, csrf][..], &[site, csrf, ("origin", "null")], &[csrf]] {
            assert_eq!(guard(without), Err(ErrorCode::OriginNotAllowed), "{without:?}");
        }
    }
}

// Threats: WEB-11.
#[test]
fn a_page_acts_for_the_session_that_it_shows_and_for_no_other() {
    let id = |text: &str| SealedText::new(text).id();
    assert_eq!(id("a.b.c.d.e").len(), ID_LENGTH);
    assert_ne!(id("a.b.c.d.e"), id("a.b.c.d.f"));
    let sent = |meant: &str, cookie: Option<&str>| {
        let headers = headers(&[("sec-fetch-site", "same-origin"), ("origin", OWN), ("x-dockpass", meant)]);
        both().by_cookie(&Method::POST, &headers, cookie).map(|sealed| sealed.is_some())
    };
    assert_eq!(sent("1", Some("a.b.c.d.e")), Ok(true));
    assert_eq!(sent("1", None), Ok(false));
    assert_eq!(sent(&id("a.b.c.d.e"), Some("a.b.c.d.e")), Ok(true));
    // Somebody else is logged in by now, or nobody.
    assert_eq!(sent(&id("a.b.c.d.e"), Some("a.b.c.d.f")), Err(ErrorCode::SessionChanged));
    assert_eq!(sent(&id("a.b.c.d.e"), None), Err(ErrorCode::SessionChanged));
    // A foreign page does not learn which session there is.
    let foreign = headers(&[("sec-fetch-site", "cross-site"), ("x-dockpass", &id("a.b.c.d.e"))]);
    let refused = both().by_cookie(&Method::POST, &foreign, Some("a.b.c.d.f"));
    assert_eq!(refused.map(|_| ()), Err(ErrorCode::OriginNotAllowed));
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
    assert_eq!(both().session(&Method::GET, &bytes, None).unwrap_err(), ErrorCode::InvalidSession);
    let mut cookie = HeaderMap::new();
    cookie.insert(COOKIE, HeaderValue::from_bytes(b"a=\xff").unwrap());
    assert!(both().session(&Method::GET, &cookie, None).unwrap().is_none());
}

/// A server that allows one carrier issues and accepts no session in the other.
// Threats: SES-11.
#[test]
fn a_carrier_that_is_not_allowed_is_refused() {
    let session = "eyJhbGciOiJSU0EtT0FFUC0yNTYiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiX.b.c.d.e.f";
    let bearer = headers(&[("authorization", &format!("Bearer {session}"))]);
    let pair = format!("{}={session}", CookieScope::default().name("r.test"));
    let cookie = headers(&[("cookie", &pair), ("sec-fetch-site", "same-origin")]);
    for (allowed, headers, other) in
        [(Carrier::Cookie, &bearer, &cookie), (Carrier::Bearer, &cookie, &bearer)]
    {
        let policy = policy(&[allowed]);
        let refused = policy.session(&Method::GET, headers, Some("r.test")).unwrap_err();
        let expected = ErrorCode::CarrierNotAllowed;
        assert_eq!(refused, expected, "{allowed:?}");
        assert!(policy.session(&Method::GET, other, Some("r.test")).is_ok());
    }
}
