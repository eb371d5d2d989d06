use axum::body::Body;
use http::StatusCode;

use crate::api::{TestServer, request};

/// A binary has a page or not, as `target/www` was there or not when it was built; both are fine, and each is tested
/// where it is so.
#[tokio::test]
async fn the_page_is_served_or_a_missing_page_is_reported() {
    let server = TestServer::with(&[]);
    let response = server.get("/", &[]).await;
    if response.status == StatusCode::NOT_FOUND {
        response.assert_problem("page_not_built");
        assert!(response.json()["title"].as_str().unwrap().contains("cargo xtask dist"));
        return;
    }
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(
        response.header("content-security-policy"),
        Some(
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
             connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'"
        )
    );
    assert_eq!(response.header("x-frame-options"), Some("DENY"));
    let etag = response.header("etag").unwrap().to_owned();
    let again = server.get("/index.html", &[("if-none-match", &etag)]).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    assert!(again.body.is_empty());
    let packed = server.get("/", &[("accept-encoding", "br, gzip")]).await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.body.len() < response.body.len());
    assert_ne!(packed.header("etag"), Some(etag.as_str()), "other bytes, another validator");
    let head = server.send(request("HEAD", "/", &[], Body::empty())).await;
    assert_eq!(head.header("content-length"), Some(response.body.len().to_string().as_str()));
    server.send(request("POST", "/", &[], Body::empty())).await.assert_problem("method_not_allowed");
    for path in ["/nowhere.js", "/../Cargo.toml", "/%2e%2e/Cargo.toml", "//index.html", "/index.html/"] {
        server.get(path, &[]).await.assert_problem("not_found");
    }
}
