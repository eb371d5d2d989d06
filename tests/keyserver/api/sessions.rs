use axum::body::Body;
use dockpass_keyserver::carrier;
use dockpass_keyserver::clock::{Randomness, SystemRandomness};
use dockpass_tests::scripted::{Request, Response, respond};
use http::StatusCode;
use serde_json::json;

use crate::api::{ApiResponse, PASSWORD, TestServer, USER, login_body, request, token_registry, upstream};

const OWN_PAGE: [(&str, &str); 2] = [("origin", "http://127.0.0.1:8780"), ("x-dockpass", "1")];

#[tokio::test]
async fn a_login_returns_a_session_and_closes_its_connection() {
    let fake = upstream(token_registry).await;
    let server = TestServer::with(&[&fake]);
    let response = server.post("/v1/sessions", &[], &login_body(&fake)).await;
    assert_eq!(response.status, StatusCode::OK);
    let info = response.json();
    assert_eq!(info["registry"], fake.authority);
    assert_eq!(info["username"], USER);
    assert_eq!(info["auth"], "bearer");
    assert_eq!(info["realm"], format!("http://{}/token", fake.authority));
    assert_eq!(info["expires_at"], crate::api::NOW_MS + 28_800_000);
    assert_eq!(info["session"].as_str().unwrap().split('.').count(), 6);
    assert!(info.get("steps").is_none());
    assert_eq!(response.header("connection"), Some("close"));
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
    assert!(!response.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn login_requests_carry_no_headers_of_the_page_upstream() {
    let fake = upstream(token_registry).await;
    let server = TestServer::with(&[&fake]);
    let page = [
        ("origin", "http://127.0.0.1:8780"),
        ("referer", "http://127.0.0.1:8780/x"),
        ("cookie", "a=b"),
        ("x-forwarded-for", "1.2.3.4"),
    ];
    server.post("/v1/sessions", &page, &login_body(&fake)).await;
    let received = fake.received();
    assert!(!received.is_empty());
    for request in &received {
        let mut names: Vec<&str> = request.headers.keys().map(http::HeaderName::as_str).collect();
        names.sort_unstable();
        names.retain(|name| *name != "authorization");
        assert_eq!(names, ["accept", "accept-encoding", "host", "user-agent"]);
        assert_eq!(request.header("accept-encoding"), Some("identity"));
        assert_eq!(request.header("host"), Some(fake.authority.as_str()));
        assert!(!request.target.contains(PASSWORD));
    }
}

// Threats: SES-01, SES-10, SES-13.
#[tokio::test]
async fn a_cookie_login_is_accepted_from_the_own_origin_only() {
    let fake = upstream(token_registry).await;
    let server = TestServer::with(&[&fake]);
    let mut body = login_body(&fake);
    body["carrier"] = json!("cookie");
    server.post("/v1/sessions", &[], &body).await.assert_problem("origin_not_allowed");
    server.post("/v1/sessions", &OWN_PAGE[..1], &body).await.assert_problem("csrf_required");
    let no_origin = [("sec-fetch-site", "same-origin"), OWN_PAGE[1]];
    server.post("/v1/sessions", &no_origin, &body).await.assert_problem("origin_not_allowed");
    for foreign in ["cross-site", "same-site", "none", "garbage"] {
        let headers = [("sec-fetch-site", foreign), ("x-dockpass", "1")];
        server.post("/v1/sessions", &headers, &body).await.assert_problem("origin_not_allowed");
    }
    assert!(fake.received().is_empty());

    let response = server.post("/v1/sessions", &OWN_PAGE, &body).await;
    assert_eq!(response.status, StatusCode::OK);
    assert!(response.json().get("session").is_none());
    let cookie = response.header("set-cookie").unwrap();
    let name = carrier::CookieScope::default().name(&fake.authority);
    let rest = cookie.strip_prefix(&format!("{name}=")).unwrap();
    let (value, attributes) = rest.split_once(';').unwrap();
    assert_eq!(value.split('.').count(), 6);
    assert_eq!(attributes, " Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=28800");

    let own = [("origin", "http://127.0.0.1:8780"), ("x-dockpass", "1")];
    assert_eq!(server.post("/v1/sessions", &own, &body).await.status, StatusCode::OK);
}

// Threats: SES-02, INJ-06.
#[tokio::test]
async fn credentials_that_are_too_large_are_refused_and_not_truncated() {
    let fake = upstream(any_password).await;
    let server = TestServer::with(&[&fake]);
    let login = |length: usize, carrier: &str| json!({"registry": fake.authority, "username": USER, "password": "p".repeat(length), "carrier": carrier});
    for length in [1, 64, 1_400, 4_096] {
        let response = server.post("/v1/sessions", &OWN_PAGE, &login(length, "cookie")).await;
        assert_eq!(response.status, StatusCode::OK, "{length}");
    }
    assert_eq!(server.post("/v1/sessions", &[], &login(8_192, "bearer")).await.status, StatusCode::OK);
    for carrier in ["bearer", "cookie"] {
        let page = if carrier == "bearer" { &[][..] } else { &OWN_PAGE };
        server
            .post("/v1/sessions", page, &login(8_193, carrier))
            .await
            .assert_problem("credentials_too_large");
    }
    // What does not get shorter is too long for cookies, and only for those.
    let mut body = login(1, "cookie");
    body["password"] = json!(noise(7_000));
    server.post("/v1/sessions", &OWN_PAGE, &body).await.assert_problem("credentials_too_large");
    body["carrier"] = json!("bearer");
    assert_eq!(server.post("/v1/sessions", &[], &body).await.status, StatusCode::OK);
}

/// A password of 4 KiB, in as many cookies as it takes: each response stays below what nginx gives its headers.
// Threats: SES-02.
#[tokio::test]
async fn a_long_session_is_put_into_its_cookies_part_by_part() {
    let fake = upstream(any_password).await;
    let server = TestServer::with(&[&fake]);
    let body =
        json!({"registry": fake.authority, "username": USER, "password": noise(4_096), "carrier": "cookie"});
    let response = server.post("/v1/sessions", &OWN_PAGE, &body).await;
    assert_eq!(response.status, StatusCode::OK, "{response:?}");
    let head = |response: &ApiResponse| -> usize {
        response.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
    };
    assert!(head(&response) < 4_000, "{}", head(&response));
    let pair = |field: &str| field.split(';').next().unwrap().to_owned();
    let mut cookie = pair(response.header("set-cookie").unwrap());
    let parts: Vec<String> = serde_json::from_value(response.json()["parts"].clone()).unwrap();
    assert!(!parts.is_empty());
    let me = format!("/v1/session?registry={}", fake.authority);
    let [site, header] = OWN_PAGE;
    for (index, text) in parts.iter().enumerate() {
        let page = [site, header, ("cookie", cookie.as_str()), ("content-type", "application/json")];
        server.send(request("GET", &me, &page, Body::empty())).await.assert_problem("invalid_session");
        let part = json!({
            "registry": fake.authority, "number": index + 2, "text": text, "is_last": index + 1 == parts.len(),
        });
        let put = |part: &serde_json::Value, headers: &[(&str, &str)]| {
            request("PUT", "/v1/session", headers, Body::from(part.to_string()))
        };
        // Not from elsewhere, and not what no login returned.
        server.send(put(&part, &page[1..])).await.assert_problem("origin_not_allowed");
        for (name, value) in [
            ("number", json!(1)),
            ("number", json!(4)),
            ("text", json!("")),
            ("text", json!("x; Domain=test")),
            ("text", json!("x".repeat(2_401))),
        ] {
            let mut bad = part.clone();
            bad[name] = value;
            server.send(put(&bad, &page)).await.assert_problem("invalid_request");
        }
        if index + 1 == parts.len() {
            let mut wrong = part.clone();
            wrong["text"] = json!(text.chars().rev().collect::<String>());
            let refused = server.send(put(&wrong, &page)).await;
            refused.assert_problem("invalid_session");
            assert!(refused.headers.get_all("set-cookie").iter().count() >= 1, "all or nothing");
        }
        let response = server.send(put(&part, &page)).await;
        assert_eq!(response.status, StatusCode::NO_CONTENT, "{response:?}");
        assert!(head(&response) < 4_000, "{}", head(&response));
        cookie = format!("{cookie}; {}", pair(response.header("set-cookie").unwrap()));
    }
    assert!(cookie.len() < 7_680, "{}", cookie.len());
    let page = [site, header, ("cookie", cookie.as_str())];
    assert_eq!(server.send(request("GET", &me, &page, Body::empty())).await.status, StatusCode::OK);
    let out = server.send(request("DELETE", &me, &page, Body::empty())).await;
    assert_eq!(out.headers.get_all("set-cookie").iter().count(), 1 + parts.len());
}

/// A registry that takes every password but that of the probe.
fn any_password(_own: &str, received: &Request) -> Response {
    match received.header("authorization") {
        Some(value) if !value.contains("ZG9ja3Bhc3MtcHJvYmUt") => {
            respond(200, &[("docker-distribution-api-version", "registry/2.0")], "{}")
        }
        _ => respond(401, &[("www-authenticate", "Basic realm=\"x\"")], "{}"),
    }
}

/// A password that deflate does not make much shorter.
fn noise(length: usize) -> String {
    let mut bytes = vec![0; length];
    SystemRandomness::default().fill(&mut bytes).unwrap();
    bytes.iter().map(|byte| char::from(33 + byte % 94)).collect()
}

// Threats: INJ-01, INJ-02, INJ-03, INJ-04, INJ-06, INJ-07, JSN-01.
#[tokio::test]
async fn invalid_bodies_are_refused_before_any_upstream_request() {
    let fake = upstream(token_registry).await;
    let server = TestServer::with(&[&fake]);
    let registry = fake.authority.as_str();
    let cases = [
        (json!({"registry": registry, "username": "a:b", "password": "p"}), "invalid_username"),
        (json!({"registry": registry, "username": "a\nb", "password": "p"}), "invalid_username"),
        (json!({"registry": registry, "username": "", "password": "p"}), "invalid_username"),
        (json!({"registry": registry, "username": "a", "password": ""}), "invalid_request"),
        (json!({"registry": registry, "username": "a", "password": "a\u{0}b"}), "invalid_request"),
        (json!({"registry": registry, "username": "a"}), "invalid_request"),
        (
            json!({"registry": registry, "username": "a", "password": "b", "identity_token": "c"}),
            "invalid_request",
        ),
        (json!({"registry": registry, "username": "a", "password": "b", "extra": 1}), "invalid_request"),
        (json!({"registry": registry, "username": 1, "password": "b"}), "invalid_request"),
        (json!([1, 2]), "invalid_request"),
        (json!({"registry": "evil.test", "username": "a", "password": "b"}), "registry_not_allowed"),
        (json!({"registry": "http://x", "username": "a", "password": "b"}), "invalid_registry"),
        (json!({"registry": "r:0", "username": "a", "password": "b"}), "invalid_registry"),
        (json!({"registry": "r\r\nX: 1", "username": "a", "password": "b"}), "invalid_registry"),
        (json!({"registry": "127。0。0。1", "username": "a", "password": "b"}), "non_ascii_host"),
    ];
    for (body, code) in cases {
        let response = server.post("/v1/sessions", &[], &body).await;
        assert_eq!(response.json()["code"], code, "{body}");
        response.assert_problem(code);
    }
    let duplicate =
        format!("{{\"registry\":\"{registry}\",\"registry\":\"x\",\"username\":\"a\",\"password\":\"b\"}}");
    let json = [("content-type", "application/json")];
    server
        .send(request("POST", "/v1/sessions", &json, Body::from(duplicate)))
        .await
        .assert_problem("invalid_request");
    assert!(fake.received().is_empty());
}

// Threats: SES-05, SES-10, LIM-04, LIM-05.
#[tokio::test]
async fn only_json_of_limited_size_is_accepted() {
    let server = TestServer::with(&[]);
    let post = |headers: &'static [(&'static str, &'static str)], body: Body| {
        request("POST", "/v1/sessions", headers, body)
    };
    for kind in [
        &[("content-type", "text/plain")][..],
        &[("content-type", "application/x-www-form-urlencoded")],
        &[("content-type", "multipart/form-data")],
        &[],
        &[("content-type", "application/json"), ("content-encoding", "gzip")],
    ] {
        server.send(post(kind, Body::from("{}"))).await.assert_problem("unsupported_media_type");
    }
    let json = &[("content-type", "application/json; charset=utf-8")];
    let large = format!("{{\"registry\":\"{}\"}}", "x".repeat(70_000));
    server.send(post(json, Body::from(large.clone()))).await.assert_problem("payload_too_large");
    let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>(bytes::Bytes::from(large))]);
    server.send(post(json, Body::from_stream(chunks))).await.assert_problem("payload_too_large");
    server.send(post(json, Body::from("{\"registry\":12}"))).await.assert_problem("invalid_request");
    server
        .send(request("POST", "/v1/sessions?session=x", json, Body::from("{}")))
        .await
        .assert_problem("invalid_request");
}
