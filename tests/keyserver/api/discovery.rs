use dockpass_tests::scripted::{Request, Response, Scripted, respond};
use http::StatusCode;
use serde_json::{Value, json};

use crate::api::{NOW_MS, TestServer, jwt, upstream};

fn token_request(fake: &Scripted, scope: &str) -> Value {
    json!({"registry": fake.authority, "scopes": [scope]})
}

/// Answers anonymous callers, slowly.
fn slow_hub(own: &str, received: &Request) -> Response {
    std::thread::sleep(std::time::Duration::from_millis(20));
    if received.path() == "/token" {
        let token =
            jwt(&json!({"iat": NOW_MS / 1_000, "exp": NOW_MS / 1_000 + 300, "aud": "hub", "access": []}));
        return respond(200, &[("content-type", "application/json")], &json!({"token": token}).to_string());
    }
    respond(
        401,
        &[("www-authenticate", &format!("Bearer realm=\"http://{own}/token\",service=\"hub\""))],
        "{}",
    )
}

/// CON-02: a cold herd without sessions learns how a registry authenticates by one question.
#[tokio::test]
async fn concurrent_anonymous_requests_discover_the_registry_once() {
    let fake = upstream(slow_hub).await;
    let server = TestServer::with(&[&fake]);
    let body = token_request(&fake, "repository:a/b:pull");
    let all = futures_util::future::join_all((0..50).map(|_| server.post("/v1/token", &[], &body))).await;
    assert!(all.iter().all(|response| response.status == StatusCode::OK), "{:?}", all.first());
    assert_eq!((fake.count("/v2/"), fake.count("/token")), (1, 1));
}

/// CON-02: a failure is told to all who waited for it, by one question; who comes later asks anew.
// Threats: UPS-10.
#[tokio::test]
async fn concurrent_requests_share_a_failed_discovery() {
    let fake = upstream(|_, _| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        respond(503, &[], "")
    })
    .await;
    let server = TestServer::with(&[&fake]);
    let body = token_request(&fake, "repository:a/b:pull");
    let all = futures_util::future::join_all((0..20).map(|_| server.post("/v1/token", &[], &body))).await;
    assert!(all.iter().all(|response| response.status.is_server_error()), "{:?}", all.first());
    assert_eq!(fake.count("/v2/"), 1);
    server.post("/v1/token", &[], &body).await;
    assert_eq!(fake.count("/v2/"), 2);
}

/// CON-06: what a caller claims to have seen makes the server look again, but not each time.
#[tokio::test]
async fn a_challenge_made_up_by_the_page_causes_no_requests() {
    let fake = upstream(slow_hub).await;
    let server = TestServer::with(&[&fake]);
    let mut body = token_request(&fake, "repository:a/b:pull");
    body["challenge"] = json!({"realm": format!("http://{}/other", fake.authority), "service": "hub"});
    for _ in 0..10 {
        server.post("/v1/token", &[], &body).await.assert_problem("realm_changed");
    }
    assert_eq!(fake.count("/v2/"), 1);
    server.clock.advance_ms(5_000);
    server.post("/v1/token", &[], &body).await.assert_problem("realm_changed");
    assert_eq!((fake.count("/v2/"), fake.count("/token")), (2, 0));
}

/// BRU-09: what one address makes this server ask without a session is bounded; answers from the cache are not.
#[tokio::test]
async fn anonymous_token_requests_are_limited_per_address() {
    let fake = upstream(slow_hub).await;
    let server =
        TestServer::configured(&[&fake], |config| config.limits.anonymous_per_minute = 3.try_into().unwrap());
    let scope = |number: u32| token_request(&fake, &format!("repository:a/b{number}:pull"));
    for number in 0..3 {
        assert_eq!(server.post("/v1/token", &[], &scope(number)).await.status, StatusCode::OK);
    }
    let refused = server.post("/v1/token", &[], &scope(3)).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    refused.assert_problem("rate_limited");
    assert!(refused.header("retry-after").unwrap().parse::<u64>().unwrap() <= 21);
    assert_eq!(server.post("/v1/token", &[], &scope(0)).await.status, StatusCode::OK, "from the cache");
    assert_eq!(fake.count("/token"), 3);
    server.clock.advance_ms(20_000);
    assert_eq!(server.post("/v1/token", &[], &scope(3)).await.status, StatusCode::OK);
}

/// A registry that forbids `/v2/` to whoever has no login is not one that takes Basic, and is not remembered as one.
#[tokio::test]
async fn a_registry_that_responds_403_is_not_taken_for_basic() {
    let fake = upstream(|_, _| respond(403, &[], "")).await;
    let server = TestServer::with(&[&fake]);
    let body = token_request(&fake, "repository:a/b:pull");
    for count in 1..=2 {
        server.post("/v1/token", &[], &body).await.assert_problem("login_required");
        assert_eq!(fake.count("/v2/"), count);
    }
}
