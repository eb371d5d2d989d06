use axum::body::Body;
use http::StatusCode;

use crate::api::{TestServer, request};

// Threats: SES-05, SES-14, COR-05, CLK-01, KEY-07, LOG-05, SUP-03.
#[tokio::test]
async fn every_response_has_the_security_headers() {
    let server = TestServer::with(&[]);
    for (method, path, code) in [
        ("GET", "/nowhere", "not_found"),
        ("GET", "/v1/nowhere", "not_found"),
        ("GET", "/v1/token", "method_not_allowed"),
        ("PATCH", "/v1/session", "method_not_allowed"),
        ("TRACE", "/v1/sessions", "method_not_allowed"),
        ("FOO", "/v1/keys", "method_not_allowed"),
        ("GET", "/metrics", "not_found"),
        ("GET", "/debug", "not_found"),
        ("GET", "/.well-known/jwks.json", "not_found"),
    ] {
        let response = server.send(request(method, path, &[], Body::empty())).await;
        response.assert_problem(code);
        assert_eq!(response.headers.contains_key("allow"), code == "method_not_allowed", "{method} {path}");
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(response.header("x-frame-options"), Some("DENY"));
        assert_eq!(response.header("referrer-policy"), Some("no-referrer"));
        assert!(response.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
        assert!(response.header("server").is_none());
    }
    let allow = server.send(request("GET", "/v1/token", &[], Body::empty())).await;
    assert_eq!(allow.header("allow"), Some("POST"));
}

// Threats: LIM-06.
#[tokio::test]
async fn long_targets_and_absolute_ones_are_refused() {
    let server = TestServer::with(&[]);
    server.get(&format!("/{}", "x".repeat(9_000)), &[]).await.assert_problem("uri_too_long");
    server.get("http://evil.test/healthz", &[]).await.assert_problem("invalid_request");
}

// Threats: ORG-02.
#[tokio::test]
async fn a_server_on_loopback_accepts_loopback_host_names_only() {
    let server = TestServer::with(&[]);
    for host in ["127.0.0.1:8780", "localhost:8780", "[::1]:8780", "127.0.0.1", "LOCALHOST"] {
        assert_eq!(server.get("/v1/keys", &[("host", host)]).await.status, StatusCode::OK, "{host}");
    }
    for host in ["evil.test", "127.0.0.1.evil.test", "localhost.evil.test", "10.0.0.1", "@", ""] {
        server.get("/v1/keys", &[("host", host)]).await.assert_problem("invalid_request");
    }
    server
        .get("/v1/keys", &[("host", "localhost"), ("host", "localhost")])
        .await
        .assert_problem("invalid_request");
    let public =
        TestServer::configured(&[], |config| config.public_origin = Some("https://ks.test".parse().unwrap()));
    // Its name by the default port, and the listener behind a proxy that sends its own idea of the host.
    for host in ["ks.test", "ks.test:443", "KS.test", "127.0.0.1:8780"] {
        assert_eq!(public.get("/v1/keys", &[("host", host)]).await.status, StatusCode::OK, "{host}");
    }
    let page = [("sec-fetch-site", "same-origin"), ("host", "evil.test")];
    for host in ["evil.test", "ks.test:444", "ks.test.evil.test", "10.0.0.1:8780"] {
        public.get("/v1/keys", &[("host", host), page[0]]).await.assert_problem("invalid_request");
    }
    public.post("/v1/token", &page, &serde_json::json!({})).await.assert_problem("invalid_request");
    assert_eq!(public.get("/healthz", &[("host", "10.1.2.3:8780")]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_page_of_any_origin_can_tell_that_the_server_is_there() {
    for origins in [vec![], vec!["https://ui.test".parse().unwrap()]] {
        let server = TestServer::configured(&[], |config| config.cors.allowed_origins = origins);
        let response =
            server.get("/healthz", &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")]).await;
        assert_eq!(response.status, StatusCode::OK);
        // Otherwise the browser keeps the response from the page, as if there were no server.
        assert_eq!(response.header("cross-origin-resource-policy"), Some("cross-origin"));
        assert!(response.header("access-control-allow-origin").is_none());
        let response = server.get("/readyz", &[("sec-fetch-site", "cross-site")]).await;
        response.assert_problem("origin_not_allowed");
        assert_eq!(response.header("cross-origin-resource-policy"), Some("same-origin"));
    }
}

// Threats: COR-01, COR-03, COR-04.
#[tokio::test]
async fn requests_of_other_origins_are_refused() {
    let server = TestServer::configured(&[], |config| {
        config.cors.allowed_origins = vec!["https://ui.test".parse().unwrap()];
    });
    for origin in [
        "null",
        "https://ui.test.evil.test",
        "https://evilui.test",
        "http://ui.test",
        "https://ui.test:8443",
        "https://UI.test",
        "https://ui.test/",
        "https://evil@ui.test",
        "https://ui.test https://ui.test",
        "file://",
        "chrome-extension://x",
    ] {
        let response = server.get("/v1/registries", &[("origin", origin)]).await;
        response.assert_problem("origin_not_allowed");
        assert!(response.header("access-control-allow-origin").is_none(), "{origin}");
        assert!(response.headers.get_all("vary").iter().any(|vary| vary == "Origin"));
        let preflight = [("origin", origin), ("access-control-request-method", "POST")];
        let response = server.send(request("OPTIONS", "/v1/token", &preflight, Body::empty())).await;
        assert!(response.header("access-control-allow-origin").is_none(), "{origin}");
    }
    let response = server
        .get("/v1/registries", &[("origin", "https://ui.test"), ("sec-fetch-site", "cross-site")])
        .await;
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(response.header("access-control-allow-origin"), Some("https://ui.test"));
    assert!(response.header("access-control-allow-credentials").is_none());
    assert!(response.header("access-control-expose-headers").unwrap().contains("docker-content-digest"));
    let error =
        server.send(request("DELETE", "/v1/session", &[("origin", "https://ui.test")], Body::empty())).await;
    error.assert_problem("login_required");
    assert_eq!(error.header("access-control-allow-origin"), Some("https://ui.test"));

    let preflight = [
        ("origin", "https://ui.test"),
        ("access-control-request-method", "POST"),
        ("access-control-request-private-network", "true"),
    ];
    let response = server.send(request("OPTIONS", "/v1/token", &preflight, Body::empty())).await;
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(response.header("access-control-allow-methods"), Some("GET,HEAD,POST,DELETE"));
    assert!(response.header("access-control-allow-headers").unwrap().contains("authorization"));
    assert_eq!(response.header("access-control-max-age"), Some("600"));
    assert!(response.header("access-control-allow-private-network").is_none());
}

// Threats: SES-11, ORG-02.
#[tokio::test]
async fn fetch_metadata_is_enforced() {
    let server = TestServer::with(&[]);
    let (own, alias) = ("http://127.0.0.1:8780", "http://localhost:8780");
    for (site, origin, method, good) in [
        ("same-origin", None, "GET", true),
        ("same-origin", None, "HEAD", true),
        ("same-origin", None, "DELETE", false),
        ("same-origin", None, "PUT", false),
        ("same-origin", Some("null"), "DELETE", false),
        ("same-origin", Some("http://127.0.0.1:8781"), "DELETE", false),
        ("same-origin", Some(own), "DELETE", true),
        ("same-origin", Some(alias), "DELETE", true),
        ("none", None, "GET", true),
        ("none", None, "DELETE", false),
        ("cross-site", None, "GET", false),
        ("same-site", None, "GET", false),
        ("x", None, "GET", false),
    ] {
        let mut headers = vec![("sec-fetch-site", site)];
        headers.extend(origin.map(|origin| ("origin", origin)));
        if method == "PUT" {
            headers.push(("content-type", "application/json"));
        }
        let response = server.send(request(method, "/v1/session", &headers, Body::empty())).await;
        let expected = match (good, method) {
            (true, "GET" | "HEAD") => StatusCode::NO_CONTENT,
            (true, _) => StatusCode::UNAUTHORIZED,
            (false, _) => StatusCode::FORBIDDEN,
        };
        assert_eq!(response.status, expected, "{site} {origin:?} {method}");
    }
    // A client that is no browser says nothing of origins.
    server.send(request("DELETE", "/v1/session", &[], Body::empty())).await.assert_problem("login_required");
}

// Threats: LIM-03.
#[tokio::test]
async fn the_headers_of_a_request_are_limited_to_the_octet() {
    let server = TestServer::configured(&[], |config| config.limits.header_bytes = 8_192);
    // "x-filler" and the value, with the colon, the space and the end of the line.
    let longest = 8_192 - "x-filler: \r\n".len();
    for (length, status) in [(longest, 200), (longest + 1, 431)] {
        let response = server.get("/healthz", &[("x-filler", &"x".repeat(length))]).await;
        assert_eq!(response.status, status, "{length}");
    }
    server.get("/healthz", &[("x-filler", &"x".repeat(9_000))]).await.assert_problem("headers_too_large");
}

#[tokio::test]
async fn health_and_readiness_are_reported_and_readiness_ends_first() {
    let server = TestServer::with(&[]);
    assert_eq!(server.get("/readyz", &[]).await.status, StatusCode::OK);
    server.state.stop_being_ready();
    server.get("/readyz", &[]).await.assert_problem("overloaded");
    assert_eq!(server.get("/healthz", &[]).await.body, "ok\n");
}
