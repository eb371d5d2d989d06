use axum::body::Body;
use dockpass_keyserver::carrier;
use http::StatusCode;

use crate::api::{TestServer, request, token_registry, upstream};

/// SES-20: a logout that could not be done keeps its cookie, since nobody else could end the session any more.
#[tokio::test]
async fn a_failed_logout_keeps_the_cookie() {
    let fake = upstream(token_registry).await;
    let bearer = TestServer::with(&[&fake]).login(&fake).await;
    let session = bearer.strip_prefix("Bearer ").unwrap();
    let cookie = format!("{}={session}", carrier::CookieScope::default().name(&fake.authority));
    let page = [("origin", "http://127.0.0.1:8780"), ("x-dockpass", "1"), ("cookie", cookie.as_str())];
    let path = format!("/v1/session?registry={}", fake.authority);
    let delete = || request("DELETE", &path, &page, Body::empty());
    // Another instance, which has not seen the session, and has no time to open it.
    let busy = TestServer::configured(&[&fake], |config| config.limits.rsa_queue = 0);
    let response = busy.send(delete()).await;
    response.assert_problem("overloaded");
    assert!(!response.headers.contains_key("set-cookie"), "{response:?}");
    let response = TestServer::with(&[&fake]).send(delete()).await;
    assert_eq!(response.status, StatusCode::NO_CONTENT);
    assert!(response.header("set-cookie").unwrap().contains("Max-Age=0"));
}
