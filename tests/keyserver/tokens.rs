//! `POST /v1/token`: the upstream requests, the cache, and the separation of users.

use std::time::Duration;

use dockpass_tests::demo::{Action, DemoConfig, Kind, Role, Script};
use serde_json::json;

use crate::harness::{Stack, Upstream, problem};
use crate::server::ManualTime;

const PRIVATE: &str = "repository:vault/keys:pull";

fn slow(kind: Kind) -> Script {
    Script::once(kind, Role::TokenService, Action::Nothing).after(Duration::from_millis(150))
}

/// Concurrent requests for one key share one upstream request, and the session is opened once.
// Threats: CON-02.
#[tokio::test]
async fn fifty_concurrent_requests_make_one_upstream_request() {
    let stack = Stack::of([Kind::Token]).await;
    let session = stack.login(Kind::Token, "ada").await;
    stack.reset();
    let before = stack.server.rsa_operations();
    stack.demo.script(slow(Kind::Token));
    let calls = (0..50).map(|_| stack.token(Some(&session), Kind::Token, &[PRIVATE]));
    let tokens = futures_util::future::join_all(calls).await;
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    assert_eq!(stack.upstream(Kind::Token), Upstream::of(0, 1));
    assert_eq!(stack.server.rsa_operations(), before + 1);
    stack.end().await;
}

// Threats: LIM-09, CON-02, UPS-12.
#[tokio::test]
async fn a_disconnected_client_does_not_cancel_the_shared_request() {
    let stack = Stack::of([Kind::Token]).await;
    let session = stack.login(Kind::Token, "ada").await;
    stack.reset();
    stack.demo.script(slow(Kind::Token));
    let impatient = stack.ask(Some(&session), Kind::Token, &[PRIVATE]);
    assert!(tokio::time::timeout(Duration::from_millis(60), impatient).await.is_err());
    stack.token(Some(&session), Kind::Token, &[PRIVATE]).await;
    assert_eq!(stack.upstream(Kind::Token), Upstream::of(0, 1));
    stack.end().await;
}

/// CON-01, CCH-03: concurrent requests of several users for the same scope return each user's own token.
#[tokio::test]
async fn tokens_are_never_shared_between_sessions() {
    let stack = Stack::of([Kind::Token]).await;
    let mut sessions = Vec::new();
    for round in 0..10 {
        let user = if round % 2 == 0 { "ada" } else { "bob" };
        sessions.push((user, stack.login(Kind::Token, user).await));
    }
    stack.reset();
    let scope = ["repository:library/alpine:pull"];
    let calls = sessions.iter().map(|(_, session)| stack.token(Some(session), Kind::Token, &scope));
    let tokens = futures_util::future::join_all(calls).await;
    for ((user, _), token) in sessions.iter().zip(&tokens) {
        assert_eq!(claims(token)["sub"], *user);
    }
    let distinct: std::collections::BTreeSet<_> = tokens.iter().collect();
    assert_eq!(distinct.len(), sessions.len());
    assert_eq!(stack.upstream(Kind::Token), Upstream::of(0, sessions.len()));
    let anonymous = stack.token(None, Kind::Token, &scope).await;
    assert_eq!(claims(&anonymous)["sub"], "");
    stack.end().await;
}

#[tokio::test]
async fn tokens_are_cached_by_canonical_scopes() {
    let stack = Stack::of([Kind::Token]).await;
    let session = stack.login(Kind::Token, "ada").await;
    stack.reset();
    // CCH-06: order and repetition do not matter.
    let first = stack.token(Some(&session), Kind::Token, &["repository:a/b:pull,push", PRIVATE]).await;
    let second = stack.token(Some(&session), Kind::Token, &[PRIVATE, "repository:a/b:push,pull,push"]).await;
    assert_eq!(first, second);
    assert_eq!(stack.upstream(Kind::Token), Upstream::of(0, 1));
    // CCH-05: a cached token with more scopes is not returned for fewer scopes.
    stack.reset();
    let less = stack.token(Some(&session), Kind::Token, &["repository:a/b:pull"]).await;
    assert_ne!(less, first);
    assert_eq!(
        claims(&less)["access"],
        json!([{ "type": "repository", "name": "a/b", "actions": ["pull"] }])
    );
    assert_eq!(stack.upstream(Kind::Token), Upstream::of(0, 1));
    stack.end().await;
}

#[tokio::test]
async fn cache_hits_cost_no_rsa_operation() {
    let stack = Stack::of([Kind::Token]).await;
    let session = stack.login(Kind::Token, "ada").await;
    stack.token(Some(&session), Kind::Token, &[PRIVATE]).await;
    let before = stack.server.rsa_operations();
    assert!(before > 0);
    for _ in 0..20 {
        stack.token(Some(&session), Kind::Token, &[PRIVATE]).await;
    }
    assert_eq!(stack.server.rsa_operations(), before);
    stack.end().await;
}

#[tokio::test]
async fn fresh_replaces_a_rejected_token() {
    let stack = Stack::of([Kind::Token]).await;
    let session = stack.login(Kind::Token, "ada").await;
    let first = stack.token(Some(&session), Kind::Token, &[PRIVATE]).await;
    stack.reset();
    let body = json!({ "registry": stack.name(Kind::Token), "scopes": [PRIVATE], "fresh": true });
    let fresh = stack.post("/v1/token", Some(&session), &body).await.json()["token"].clone();
    assert_ne!(fresh, first);
    assert_eq!(stack.upstream(Kind::Token), Upstream::of(0, 1));
    assert_eq!(stack.token(Some(&session), Kind::Token, &[PRIVATE]).await, fresh.as_str().unwrap());
    assert_eq!(stack.upstream(Kind::Token), Upstream::of(0, 1));
    stack.end().await;
}

/// CCH-12: a cached token is not returned shortly before it expires or later.
// Threats: CCH-10.
#[tokio::test]
async fn tokens_are_not_cached_beyond_their_lifetime() {
    let time = ManualTime::new();
    let demo = DemoConfig::only([Kind::Token, Kind::Opaque]);
    let stack = Stack::with_time(demo, time.clone(), |_| ()).await;
    for (kind, kept) in [(Kind::Token, 200), (Kind::Opaque, 20)] {
        let session = stack.login(kind, "ada").await;
        stack.token(Some(&session), kind, &[PRIVATE]).await;
        stack.reset();
        time.advance(Duration::from_secs(kept));
        let response = stack.ask(Some(&session), kind, &[PRIVATE]).await.json();
        assert_eq!(stack.upstream(kind), Upstream::of(0, 0), "{kind:?}: still good");
        let left = response["expires_in"].as_u64().unwrap();
        assert!(left > 0 && left + kept <= 300, "{kind:?}: {response}");
        time.advance(Duration::from_secs(300 - kept));
        stack.token(Some(&session), kind, &[PRIVATE]).await;
        assert_eq!(stack.upstream(kind), Upstream::of(0, 1), "{kind:?}: over");
    }
    stack.end().await;
}

/// CCH-11: a cached denial of an anonymous user does not apply to a session.
#[tokio::test]
async fn denials_of_anonymous_users_do_not_affect_sessions() {
    let stack = Stack::of([Kind::Token]).await;
    for _ in 0..3 {
        problem(&stack.ask(None, Kind::Token, &[PRIVATE]).await, 401, "login_required");
    }
    assert!(stack.upstream(Kind::Token).tokens <= 1, "a refusal is kept for a moment");
    let session = stack.login(Kind::Token, "ada").await;
    stack.token(Some(&session), Kind::Token, &[PRIVATE]).await;
    stack.end().await;
}

/// SCP-02, SCP-03: Docker Hub grants fewer scopes than requested, which only the token shows.
#[tokio::test]
async fn partly_granted_scopes_are_reported() {
    let stack = Stack::of([Kind::Hub]).await;
    let bob = stack.login(Kind::Hub, "bob").await;
    let public = "repository:library/alpine:pull";
    let response =
        stack.ask(Some(&bob), Kind::Hub, &[public, PRIVATE, "repository:library/redis:pull,push"]).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let response = response.json();
    assert_eq!(response["granted"], json!([public]));
    assert_eq!(response["denied"], json!(["repository:library/redis:pull,push", PRIVATE]));
    stack.end().await;
}

/// SCP-10: scopes of another grammar, one that is too long, and one more than a hundred.
// Threats: INJ-01.
#[tokio::test]
async fn malformed_scopes_are_refused_before_any_upstream_request() {
    let stack = Stack::of([Kind::Token]).await;
    let session = stack.login(Kind::Token, "ada").await;
    stack.reset();
    let long = format!("repository:{}:pull", "a".repeat(2_000));
    for scope in [
        "a\r\nb:c:d",
        "repository:a",
        "repository:::pull",
        "repository:a:",
        "repository:../a:pull",
        "repository:a/B:pull",
        "repository:a b:pull",
        "repository:a:pull repository:b:pull",
        "repository:a:pull&scope=registry:catalog:*",
        "repository:a:pull\r\nx: y",
        "",
        &long,
    ] {
        let response = stack.ask(Some(&session), Kind::Token, &[scope]).await;
        assert_eq!(response.status, 400, "{scope:?}: {}", response.text());
        problem(&response, 400, "invalid_scope");
    }
    let many: Vec<String> = (0..101).map(|number| format!("repository:r{number}:pull")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    problem(&stack.ask(Some(&session), Kind::Token, &many).await, 400, "invalid_scope");
    assert_eq!(stack.upstream(Kind::Token), Upstream::NOTHING);
    stack.end().await;
}

/// Registries state scopes without a resource (Gitea, ECR Public, zot), and their token services accept them. The demo's
/// does not, and reports each as a violation.
#[tokio::test]
async fn scopes_without_a_resource_are_requested_unchanged() {
    let mut stack = Stack::of([Kind::Token]).await;
    let session = stack.login(Kind::Token, "ada").await;
    stack.forgives_violations = true;
    for scope in ["*", "aws", "repository::pull"] {
        stack.reset();
        let response = stack.ask(Some(&session), Kind::Token, &[scope]).await;
        problem(&response, 502, "token_request_refused");
        assert_eq!(stack.upstream(Kind::Token).tokens, 1, "{scope}");
        let violations = stack.demo.violations();
        let expected = format!("scope {scope:?}");
        assert!(
            violations.iter().all(|violation| violation.detail.starts_with(&expected)),
            "{scope}: {violations:?}"
        );
    }
    stack.end().await;
}

/// CCH-14.
#[tokio::test]
async fn no_response_with_a_token_may_be_stored() {
    let stack = Stack::of([Kind::Token]).await;
    let session = stack.login(Kind::Token, "ada").await;
    for response in [
        stack.try_login(Kind::Token, "ada", &stack.password).await,
        stack.ask(Some(&session), Kind::Token, &[PRIVATE]).await,
        stack.get(&stack.url("/v1/session"), Some(&session)).await,
    ] {
        assert_eq!(response.header("cache-control"), "no-store");
        assert_eq!((&*response.header("etag"), &*response.header("last-modified")), ("", ""));
    }
    stack.end().await;
}

fn claims(token: &str) -> serde_json::Value {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap())
        .unwrap()
}
