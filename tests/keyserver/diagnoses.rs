//! The diagnosis in the log after a failed flow: code, hop, evidence and fix, with the id of the request.

use dockpass_tests::client::HttpResponse;
use dockpass_tests::demo::{Action, Kind, Role, Script};
use serde_json::{Value, json};

use crate::harness::{Stack, log_text, problem};
use crate::hostile::{claims, jwt, now, token_with};
use crate::upstream::token_reply;

/// The log line with the diagnosis for the request of this response.
fn diagnosis(response: &HttpResponse) -> String {
    let id = response.header("x-request-id");
    let log = log_text();
    let mut lines = log.lines().filter(|line| line.contains(&*id) && line.contains(" diagnosis="));
    let line = lines.next().unwrap_or_else(|| panic!("no diagnosis for {id}")).to_owned();
    assert_eq!(lines.next(), None, "more than one");
    line
}

fn assert_says(line: &str, parts: &[&str]) {
    for part in parts {
        assert!(line.contains(part), "{part} is not in: {line}");
    }
}

#[tokio::test]
async fn a_wrong_password_and_a_denied_scope_are_diagnosed() {
    let stack = Stack::of([Kind::OwnRealm, Kind::Token]).await;
    let response = stack.try_login(Kind::OwnRealm, "ada", "not-the-password").await;
    problem(&response, 401, "bad_credentials");
    let evidence = "status=401 code=bad_credentials sent=Basic";
    assert_says(
        &diagnosis(&response),
        &["=wrong_password", "hop=token_service", evidence, "fix=\"Log in again"],
    );
    let session = stack.login(Kind::Token, "bob").await;
    let response = stack.get(&stack.gateway(Kind::Token, "vault/keys/tags/list"), Some(&session)).await;
    assert_says(
        &diagnosis(&response),
        &["=scope_denied", "denied_by=token_service", "scope=repository:vault/keys:pull"],
    );
    stack.demo.script(Script::always(Kind::Token, Role::Registry, Action::Close));
    let response = stack.get(&stack.gateway(Kind::Token, "library/alpine/tags/list"), Some(&session)).await;
    assert_says(&diagnosis(&response), &["=unreachable", "hop=registry", "code=upstream_unreachable"]);
    stack.end().await;
}

#[tokio::test]
async fn an_expired_or_foreign_token_is_diagnosed() {
    let stack = Stack::of([Kind::Token]).await;
    let long_ago = now() - 7_200;
    for (changes, says) in [
        (json!({ "exp": "soon" }), ["=token_broken", "problem=jwt_claim_type"]),
        (json!({ "aud": "mirror.demo" }), ["=wrong_audience", "service=registry.demo audience=mirror.demo"]),
        (json!({ "exp": long_ago, "nbf": long_ago - 300 }), ["=token_expired", "expires_in_seconds=-7"]),
        (json!({ "nbf": now() + 3_000 }), ["=clock_skew", "begins_in_seconds=2"]),
    ] {
        let response = token_with(&stack, &json!({ "token": jwt(&claims(&changes)) })).await;
        problem(&response, 502, "upstream_invalid");
        assert_says(&diagnosis(&response), &[&says[..], &["hop=token_service"]].concat());
        // The page gets the same facts for its own doctor, and not the token.
        let context = &response.json()["context"];
        assert_eq!(context["service"], "registry.demo", "{context}");
        assert!(context["now_ms"].is_i64() && context["skew_ms"].is_i64(), "{context}");
        for (claim, member) in [("aud", "audience"), ("exp", "expires_at"), ("nbf", "not_before")] {
            if changes.get(claim).is_some_and(|value| *value != "soon") {
                assert!(context["token"][member] != Value::Null, "{member}: {context}");
            }
        }
        assert!(!response.text().contains("eyJ"), "no token");
    }
    let response = token_with(&stack, &json!({ "ticket": "another protocol" })).await;
    assert_says(&diagnosis(&response), &["=token_service_invalid", "hop=token_service"]);
    stack.end().await;
}

#[tokio::test]
async fn a_broken_token_at_login_is_diagnosed() {
    let stack = Stack::of([Kind::Token]).await;
    let document = json!({ "token": jwt(&claims(&json!({ "exp": "soon" }))) });
    let response = token_reply(&document.to_string());
    stack.demo.script(Script::always(Kind::Token, Role::TokenService, response));
    let response = stack.try_login(Kind::Token, "ada", &stack.password).await;
    problem(&response, 502, "upstream_invalid");
    assert_says(&diagnosis(&response), &["=token_broken", "problem=jwt_claim_type", "hop=token_service"]);
    stack.end().await;
}

/// Times and audience of the token are correct, so the cause is the issuer or its key.
#[tokio::test]
async fn a_rejected_token_is_diagnosed() {
    let stack = Stack::of([Kind::Token]).await;
    let session = stack.login(Kind::Token, "ada").await;
    let realm = stack.registry(Kind::Token).realm().unwrap();
    let line = format!("Bearer realm=\"{realm}\",service=\"registry.demo\",error=\"invalid_token\"");
    stack.demo.script(Script::always(Kind::Token, Role::Registry, Action::Challenge { lines: vec![line] }));
    let response = stack.get(&stack.gateway(Kind::Token, "vault/keys/tags/list"), Some(&session)).await;
    problem(&response, 502, "token_rejected");
    assert_says(&diagnosis(&response), &["=untrusted_issuer", "hop=registry", "issuer=", "algorithm=RS256"]);
    stack.end().await;
}
