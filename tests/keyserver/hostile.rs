//! Malicious token services: wrong lifetimes, grants and responses. Ids as in the threat list (SCP, CCH).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dockpass_tests::client::HttpResponse;
use dockpass_tests::demo::{Kind, Role, Script};
use serde_json::{Value, json};

use crate::harness::{Stack, problem};
use crate::upstream::token_reply;

/// The result for a token: its scope is granted or denied.
const GRANTED: &str = "granted";
const DENIED: &str = "denied";

const PRIVATE: &str = "repository:vault/keys:pull";

/// A JWT with these claims and an invalid signature, which only a registry would check.
pub(crate) fn jwt(claims: &Value) -> String {
    let part = |text: String| URL_SAFE_NO_PAD.encode(text);
    format!(
        "{}.{}.{}",
        part(json!({ "alg": "RS256", "typ": "JWT" }).to_string()),
        part(claims.to_string()),
        part("x".repeat(64))
    )
}

pub(crate) fn now() -> u64 {
    dockpass_tests::demo::Clock::system().now()
}

/// Valid claims with these changes.
pub(crate) fn claims(changes: &Value) -> Value {
    let now = now();
    let mut claims = json!({
        "iss": "demo", "sub": "ada", "aud": "registry.demo", "iat": now, "nbf": now - 10, "exp": now + 300,
        "access": [{ "type": "repository", "name": "vault/keys", "actions": ["pull"] }],
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

/// Requests the private scope, with its steps, while the token service responds with this document. Each call has its own
/// session, so that nothing is cached.
pub(crate) async fn token_with(stack: &Stack, document: &Value) -> HttpResponse {
    stack.reset();
    let session = stack.login(Kind::Token, "ada").await;
    let response = token_reply(&document.to_string());
    stack.demo.script(Script::always(Kind::Token, Role::TokenService, response));
    let body = json!({ "registry": stack.name(Kind::Token), "scopes": [PRIVATE], "trace": true });
    stack.post("/v1/token", Some(&session), &body).await
}

/// SCP-01, SCP-02, SCP-03, SCP-04: a scope is granted only by an entry with the same type and name and every action.
#[tokio::test]
async fn only_scopes_in_the_token_are_granted() {
    let stack = Stack::of([Kind::Token]).await;
    let entry =
        |kind: &str, name: &str, actions: Value| json!({ "type": kind, "name": name, "actions": actions });
    for (access, outcome) in [
        (json!([entry("repository", "vault/keys", json!(["pull"]))]), GRANTED),
        (json!([entry("repository", "vault/keys", json!(["delete", "pull", "push"]))]), GRANTED),
        (json!([]), DENIED),
        (json!([entry("repository", "vault/keys", json!([]))]), DENIED),
        (json!([entry("repository", "vault/keys", Value::Null)]), DENIED),
        (json!([entry("repository", "vault/keys", json!(["push"]))]), DENIED),
        (json!([entry("repository", "vault/other", json!(["pull"]))]), DENIED),
        (json!([entry("repository", "vault", json!(["pull"]))]), DENIED),
        (json!([entry("repository", "vault/keys2", json!(["pull"]))]), DENIED),
        (json!([entry("repository", "VAULT/keys", json!(["pull"]))]), DENIED),
        (json!([entry("repository", "vault/*", json!(["pull"]))]), DENIED),
        (json!([entry("repository", "*", json!(["pull"]))]), DENIED),
        (json!([entry("registry", "vault/keys", json!(["pull"]))]), DENIED),
        (json!([entry("repository", "vault/keys", json!(["PULL"]))]), DENIED),
        // As the reference registry reads them: `*` is every action, entries of one resource add up.
        (json!([entry("repository", "vault/keys", json!(["*"]))]), GRANTED),
        (
            json!([
                entry("repository", "vault/keys", json!(["push"])),
                entry("repository", "vault/keys", json!(["pull"]))
            ]),
            GRANTED,
        ),
        // What is not of the form grants nothing, and does not affect the rest.
        (json!([entry("repository", "vault/keys", json!("pull"))]), DENIED),
        (json!("all"), DENIED),
        (json!({ "repository": "vault/keys" }), DENIED),
        (json!([5, { "actions": ["pull"] }, entry("repository", "vault/keys", json!(["pull"]))]), GRANTED),
        (json!(null), DENIED),
    ] {
        let token = jwt(&claims(&json!({ "access": access })));
        let response = token_with(&stack, &json!({ "token": token })).await;
        let said = response.json();
        let listed = |list: &[&str]| json!(list);
        let (granted, denied) = if outcome == GRANTED {
            (listed(&[PRIVATE]), listed(&[]))
        } else {
            (listed(&[]), listed(&[PRIVATE]))
        };
        let outcome = (&said["granted"], &said["denied"], &said["unknown"]);
        assert_eq!(response.status, 200, "{access}: {said}");
        assert_eq!(outcome, (&granted, &denied, &listed(&[])), "{access}: {said}");
    }
    stack.end().await;
}

/// SCP-05, SCP-06: a JWT that cannot be decoded grants nothing; it is not treated as opaque.
#[tokio::test]
async fn broken_tokens_grant_nothing() {
    let stack = Stack::of([Kind::Token]).await;
    let good = jwt(&claims(&json!({})));
    let parts: Vec<&str> = good.split('.').collect();
    let text = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let deep = "[".repeat(10_000);
    for token in [
        format!("{}.{}.{}", parts[0], text("not json"), parts[2]),
        format!("{}.{}.{}", parts[0], text("[]"), parts[2]),
        format!("{}.{}.{}", parts[0], text(&deep), parts[2]),
        format!("{}.{}x!.{}", parts[0], parts[1], parts[2]),
        format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode([0xff, 0xfe]), parts[2]),
        jwt(&claims(&json!({ "exp": "tomorrow" }))),
        jwt(&claims(&json!({ "exp": -1 }))),
        jwt(&claims(&json!({ "exp": now() - 3_600 }))),
        jwt(&claims(&json!({ "nbf": now() + 3_600 }))),
    ] {
        let response = token_with(&stack, &json!({ "token": token })).await;
        if response.status == 200 {
            let said = response.json();
            let grants = (&said["granted"], &said["denied"], &said["unknown"]);
            assert_eq!(grants, (&json!([]), &json!([PRIVATE]), &json!([])), "{token}: {said}");
        } else {
            problem(&response, 502, "upstream_invalid");
        }
    }
    stack.end().await;
}

/// The longest lifetime that is returned, in seconds: 32 bits.
const LONGEST: u64 = i32::MAX as u64;

/// CCH-12: absent, invalid and very long lifetimes.
#[tokio::test]
async fn lifetimes_of_tokens_are_clamped() {
    let stack = Stack::of([Kind::Token]).await;
    for (expires_in, most) in [
        (json!(0), 60),
        (json!(-1), 60),
        (json!("60"), 60),
        (json!(null), 60),
        // olareg sends nanoseconds: reduced, not refused.
        (json!(300_000_000_000_u64), LONGEST),
        (json!(1e18), LONGEST),
        (json!(u64::MAX), LONGEST),
        (json!(1.5), 300),
        (json!([1]), 60),
        // Returned unchanged; the cache has its own limit.
        (json!(86_400), 86_400),
    ] {
        let response =
            token_with(&stack, &json!({ "token": "opaque-token-0", "expires_in": expires_in })).await;
        if response.status == 200 {
            let issued = response.json()["expires_in"].as_u64().unwrap();
            assert!(issued <= most, "{expires_in}: {issued} s");
        } else {
            assert_ne!(most, LONGEST, "{expires_in}: {}", response.text());
            problem(&response, 502, "upstream_invalid");
        }
    }
    // The shorter lifetime of response and token.
    let token = jwt(&claims(&json!({ "exp": now() + 120 })));
    let issued = token_with(&stack, &json!({ "token": token, "expires_in": 86_400 })).await.json();
    assert!(issued["expires_in"].as_u64().unwrap() <= 120, "{issued}");
    stack.end().await;
}

/// SCP-07: no token in the response, or one that is not a valid header value.
#[tokio::test]
async fn unusable_replies_are_refused() {
    let stack = Stack::of([Kind::Token]).await;
    for document in [
        json!({ "token": "line\nbreak" }),
        json!({ "token": "nul\0byte" }),
        json!({ "token": "ünïcode" }),
        json!({ "token": { "value": "x" } }),
        json!({ "token": null, "access_token": null }),
        json!({ "refresh_token": "only-a-refresh-token" }),
        json!({ "id_token": "only-an-id-token" }),
    ] {
        let response = token_with(&stack, &document).await;
        assert_eq!(response.status, 502, "{document}: {}", response.text());
        problem(&response, 502, "upstream_invalid");
    }
    // Two tokens are allowed for compatibility; of two different ones `access_token` counts, as for docker. An empty one
    // counts as absent, as Harbor sends it.
    for document in [
        json!({ "token": "another-token", "access_token": "one-token-here" }),
        json!({ "token": "one-token-here", "access_token": "one-token-here" }),
        json!({ "token": "one-token-here", "access_token": "" }),
        json!({ "access_token": "one-token-here" }),
    ] {
        let response = token_with(&stack, &document).await;
        assert_eq!(
            (response.status, &response.json()["token"]),
            (200, &json!("one-token-here")),
            "{document}"
        );
    }
    stack.end().await;
}

/// RLM-18: unrequested refresh tokens are not returned.
#[tokio::test]
async fn refresh_tokens_are_never_returned() {
    let stack = Stack::of([Kind::Token]).await;
    let canary = "refresh-canary-0123456789";
    stack.keep_secret(canary);
    let document = json!({ "token": "one-token-here", "refresh_token": canary, "id_token": canary });
    let response = token_with(&stack, &document).await;
    assert_eq!(response.status, 200);
    assert!(!response.text().contains(canary), "{}", response.text());
    stack.end().await;
}
