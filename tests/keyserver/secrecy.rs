//! Secrecy of credentials and sessions. [`Stack::end`] of every test searches logs and responses for its password.

use dockpass_tests::demo::Kind;
use http::Method;
use serde_json::{Value, json};

use crate::harness::{Stack, log_text, problem};

/// LOG-01: checks that the log is complete, because an empty log contains no secret either.
#[tokio::test]
async fn the_log_at_trace_level_holds_no_secret() {
    let stack = Stack::of([Kind::Token, Kind::Basic, Kind::Hub]).await;
    for kind in [Kind::Token, Kind::Basic, Kind::Hub] {
        let session = stack.login(kind, "ada").await;
        stack.get(&stack.gateway(kind, "vault/keys/tags/list"), Some(&session)).await;
        stack.try_login(kind, "ada", "not-the-password").await;
    }
    let response = stack.get(&stack.gateway(Kind::Token, "no/such/place/at/all"), None).await;
    let request_id = response.json()["request_id"].as_str().unwrap().to_owned();
    let log = log_text();
    assert!(log.contains(" TRACE ") && log.contains("dockpass_keyserver"), "{} bytes of log", log.len());
    assert!(log.contains(&request_id), "the request id ties an answer to the log");
    // `end` searches for the password and the sessions.
    stack.end().await;
}

// Threats: KEY-07.
#[tokio::test]
async fn the_published_keys_are_public_keys() {
    let stack = Stack::of([Kind::Open]).await;
    let keys = stack.get(&stack.url("/v1/keys"), None).await;
    assert_eq!(keys.status, 200);
    let keys = keys.json();
    let key = keys["keys"][0].as_object().unwrap();
    assert_eq!((&key["kty"], &key["alg"]), (&json!("RSA"), &json!("RSA-OAEP-256")));
    for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        assert!(!key.contains_key(private), "{private}");
    }
    stack.end().await;
}

/// The readable part of a session contains neither user nor registry.
// Threats: JWE-22.
#[tokio::test]
async fn a_sealed_session_reveals_no_credentials() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let stack = Stack::of([Kind::Token]).await;
    let session = stack.login(Kind::Token, "ada").await;
    let parts: Vec<&str> = session.split('.').collect();
    assert_eq!(parts.len(), 6);
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[0]).unwrap()).unwrap();
    let mut names: Vec<&str> = header.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert!(names.iter().all(|name| ["alg", "cty", "enc", "kid", "typ"].contains(name)), "{header}");
    assert_eq!((&header["alg"], &header["enc"]), (&json!("RSA-OAEP-256"), &json!("A256GCM")));
    let keys = stack.get(&stack.url("/v1/keys"), None).await.json();
    assert_eq!(header["kid"], keys["keys"][0]["kid"]);
    // Two sessions of the same login have only the header in common.
    let again = stack.login(Kind::Token, "ada").await;
    for (one, other) in parts.iter().zip(again.split('.')).skip(1) {
        assert_ne!(*one, other);
    }
    stack.end().await;
}

#[tokio::test]
async fn the_configured_registries_are_listed() {
    let stack = Stack::of([Kind::Open, Kind::Token]).await;
    let list = stack.get(&stack.url("/v1/registries"), None).await.json();
    let list = list["registries"].as_array().unwrap();
    assert_eq!(list.len(), 2);
    assert_eq!(list[0]["name"], "open");
    assert_eq!(list[1]["registry"], stack.name(Kind::Token));
    assert_eq!(list[1]["gateway"], format!("r/{}/v2/", stack.name(Kind::Token)));
    stack.end().await;
}

// Threats: SES-05, SES-14.
#[tokio::test]
async fn every_error_is_a_problem_document() {
    let stack = Stack::of([Kind::Token]).await;
    for (method, path, status, code) in [
        (Method::GET, "/v1/sessions", 405, "method_not_allowed"),
        (Method::PATCH, "/v1/session", 405, "method_not_allowed"),
        (Method::GET, "/v1/token", 405, "method_not_allowed"),
        (Method::POST, "/v1/registries", 405, "method_not_allowed"),
        (Method::POST, "/v1/keys", 405, "method_not_allowed"),
        (Method::GET, "/v1/nothing", 404, "not_found"),
        (Method::GET, "/v1/session?session=abc", 400, "invalid_request"),
    ] {
        let response = stack.send(stack.client.call(method, &stack.url(path))).await;
        problem(&response, status, code);
    }
    stack.end().await;
}
