use dockpass_protocol::code::ErrorCode;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderValue, Method};

use super::{Bearer, bearer, cookie, cookie_capacity, cookie_name, guard, session, set_cookie};

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

// Threats: SES-02.
#[test]
fn cookie_names_are_safe_and_distinct_per_registry() {
    let name = cookie_name("docker.io");
    let hash = name.strip_prefix("__Host-dockpass-").unwrap();
    assert!(hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_ne!(name, cookie_name("ghcr.io"));
    let cookie =
        set_cookie("docker.io", &"x".repeat(cookie_capacity("docker.io")), std::time::Duration::from_mins(1))
            .unwrap();
    let pair = cookie.to_str().unwrap().split(';').next().unwrap();
    assert_eq!(pair.len(), 4_096);
    assert!(cookie.is_sensitive());
}

// Threats: SES-03.
#[test]
fn a_cookie_is_found_by_its_exact_name_and_duplicates_are_refused() {
    let name = cookie_name("docker.io");
    let find = |text: &str, registry: Option<&str>| {
        let headers = headers(&[("cookie", text)]);
        cookie(&headers, registry).map(|found| found.map(str::to_owned))
    };
    assert_eq!(find(&format!("a=b; {name}=v; c=d"), Some("docker.io")), Ok(Some("v".to_owned())));
    assert_eq!(find(&format!("{name}=v"), None), Ok(Some("v".to_owned())));
    assert_eq!(find(&format!("{name}=v"), Some("ghcr.io")), Ok(None));
    for other in [
        name.to_lowercase().replace("__host", "__Host").replacen('d', "D", 1),
        format!("x{name}"),
        format!("{name}x"),
        name.replace("__Host-", "__host-"),
        format!("$Version=1; \u{a0}{name}"),
    ] {
        assert_eq!(find(&format!("{other}=v"), Some("docker.io")), Ok(None), "{other}");
    }
    assert_eq!(find(&format!("{name}=v; {name}=w"), Some("docker.io")), Err(ErrorCode::InvalidRequest));
    let second = cookie_name("ghcr.io");
    assert_eq!(find(&format!("{name}=v; {second}=w"), None), Err(ErrorCode::InvalidRequest));
    assert_eq!(find(&format!("{name}=v; {second}=w"), Some("ghcr.io")), Ok(Some("w".to_owned())));
    let two_lines = headers(&[("cookie", &format!("{name}=v")), ("cookie", &format!("{name}=w"))]);
    assert_eq!(cookie(&two_lines, Some("docker.io")), Err(ErrorCode::InvalidRequest));
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
