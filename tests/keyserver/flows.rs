//! Each flow from login to tags, with the number of its upstream requests.

use dockpass_tests::demo::Kind;
use serde_json::json;

use crate::harness::{Stack, Upstream, problem};

const PRIVATE: &str = "repository:vault/keys:pull";
const PRIVATE_TAGS: &str = "vault/keys/tags/list";
const PUBLIC_TAGS: &str = "library/alpine/tags/list";

/// All kinds with a token service.
const TOKEN_KINDS: [Kind; 4] = [Kind::Token, Kind::Opaque, Kind::OwnRealm, Kind::Hub];

#[tokio::test]
async fn an_open_registry_needs_no_session_and_gets_no_password() {
    let stack = Stack::of([Kind::Open]).await;
    let tags = stack.get(&stack.gateway(Kind::Open, PRIVATE_TAGS), None).await;
    assert_eq!(
        (tags.status, tags.json()),
        (200, json!({ "name": "vault/keys", "tags": ["2.1.0", "latest"] }))
    );
    assert_eq!(stack.upstream(Kind::Open), Upstream::of(1, 0));

    // SCP-09: an open registry never gets the password.
    problem(&stack.try_login(Kind::Open, "ada", &stack.password).await, 409, "registry_open");
    assert!(stack.demo.journal().iter().all(|record| record.authorization.is_none()));
    stack.end().await;
}

#[tokio::test]
async fn login_token_and_tags_work_with_every_token_service() {
    for kind in TOKEN_KINDS {
        let stack = Stack::of([kind]).await;
        let session = stack.login(kind, "ada").await;
        stack.reset();

        // Cold: one request to the token service, one for the resource.
        let token = stack.token(Some(&session), kind, &[PRIVATE]).await;
        let tags = stack.get(&stack.gateway(kind, PRIVATE_TAGS), Some(&token)).await;
        assert_eq!((tags.status, &tags.json()["tags"]), (200, &json!(["2.1.0", "latest"])), "{kind:?}");
        assert_eq!(stack.upstream(kind), Upstream::of(1, 1), "{kind:?}: cold");

        // Warm: only the resource.
        stack.reset();
        let again = stack.token(Some(&session), kind, &[PRIVATE]).await;
        assert_eq!(again, token);
        assert_eq!(stack.get(&stack.gateway(kind, PRIVATE_TAGS), Some(&again)).await.status, 200);
        assert_eq!(stack.upstream(kind), Upstream::of(1, 0), "{kind:?}: warm");
        stack.end().await;
    }
}

#[tokio::test]
async fn the_gateway_runs_the_flow_itself_with_a_session() {
    for kind in TOKEN_KINDS.into_iter().chain([Kind::Basic]) {
        let stack = Stack::of([kind]).await;
        let session = stack.login(kind, "ada").await;
        stack.reset();
        let url = stack.gateway(kind, PRIVATE_TAGS);
        let cold = stack.get(&url, Some(&session)).await;
        assert_eq!((cold.status, &cold.json()["tags"]), (200, &json!(["2.1.0", "latest"])), "{kind:?}");
        let costs = stack.upstream(kind);
        let allowed = if kind == Kind::Basic { 1 } else { 2 };
        assert!(costs.registry + costs.tokens <= allowed, "{kind:?} cold: {costs:?}");
        stack.reset();
        assert_eq!(stack.get(&url, Some(&session)).await.status, 200);
        assert_eq!(stack.upstream(kind), Upstream::of(1, 0), "{kind:?}: warm");
        stack.end().await;
    }
}

#[tokio::test]
async fn anonymous_users_read_public_repositories_only() {
    for kind in TOKEN_KINDS {
        let stack = Stack::of([kind]).await;
        let public = stack.ask(None, kind, &["repository:library/alpine:pull"]).await;
        assert_eq!(public.status, 200, "{kind:?}: {}", public.text());
        let token = public.json()["token"].as_str().unwrap().to_owned();
        let tags = stack.get(&stack.gateway(kind, PUBLIC_TAGS), Some(&token)).await;
        assert_eq!(tags.status, 200, "{kind:?}");
        assert_eq!(
            stack.get(&stack.gateway(kind, PUBLIC_TAGS), None).await.status,
            401,
            "{kind:?}: the page runs the flow"
        );

        let private = stack.ask(None, kind, &[PRIVATE]).await;
        if kind == Kind::Hub {
            // Docker Hub responds with 200 and a token that grants nothing, which must be reported as denied (SCP-02).
            let response = private.json();
            let granted = response["granted"].as_array().map_or(0, Vec::len);
            assert!(private.status == 403 || granted == 0, "{}", private.text());
        } else {
            problem(&private, 401, "login_required");
        }
        stack.end().await;
    }
}

#[tokio::test]
async fn a_basic_registry_issues_no_tokens() {
    let stack = Stack::of([Kind::Basic]).await;
    let login = stack.try_login(Kind::Basic, "ada", &stack.password).await;
    assert_eq!((login.status, &login.json()["auth"]), (200, &json!("basic")));
    let session = stack.login(Kind::Basic, "ada").await;
    stack.reset();
    problem(&stack.ask(Some(&session), Kind::Basic, &[PRIVATE]).await, 409, "basic_only");
    assert_eq!(stack.upstream(Kind::Basic), Upstream::NOTHING);
    problem(&stack.ask(None, Kind::Basic, &[PRIVATE]).await, 409, "basic_only");
    // RLM-16: without a session, the challenge is relayed under another name.
    let refused = stack.get(&stack.gateway(Kind::Basic, PRIVATE_TAGS), None).await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.header("registry-challenge"), "Basic realm=\"Demo Registry\"");
    assert_eq!(refused.header("www-authenticate"), "");
    stack.end().await;
}

#[tokio::test]
async fn permissions_of_the_registry_apply_to_each_user() {
    let stack = Stack::of([Kind::Token, Kind::Basic]).await;
    let bob = stack.login(Kind::Token, "bob").await;
    let response = stack.ask(Some(&bob), Kind::Token, &["repository:team-b/app:pull", PRIVATE]).await;
    let token = response.json();
    assert_eq!(response.status, 200, "{token}");
    assert_eq!(token["granted"], json!(["repository:team-b/app:pull"]));
    assert_eq!(token["denied"], json!([PRIVATE]));
    assert_eq!(token["unknown"], json!([]));
    assert_eq!(token["kind"], "jwt");
    assert_eq!(token["token_type"], "Bearer");

    let catalog = stack.get(&stack.gateway(Kind::Token, "_catalog"), Some(&bob)).await;
    assert_eq!(catalog.status, 200, "{}", catalog.text());
    assert!(catalog.text().contains("team-b/app") && !catalog.text().contains("vault/keys"));

    let basic = stack.login(Kind::Basic, "bob").await;
    assert_eq!(
        stack.get(&stack.gateway(Kind::Basic, "team-b/app/tags/list"), Some(&basic)).await.status,
        200
    );
    let hidden = stack.get(&stack.gateway(Kind::Basic, PRIVATE_TAGS), Some(&basic)).await;
    assert_eq!(hidden.status, 403, "{}", hidden.text());
    stack.end().await;
}

#[tokio::test]
async fn opaque_tokens_are_neither_granted_nor_denied() {
    let stack = Stack::of([Kind::Opaque]).await;
    let session = stack.login(Kind::Opaque, "ada").await;
    let response = stack.ask(Some(&session), Kind::Opaque, &[PRIVATE]).await.json();
    assert_eq!((&response["kind"], &response["unknown"]), (&json!("opaque"), &json!([PRIVATE])));
    assert_eq!((&response["granted"], &response["denied"]), (&json!([]), &json!([])));
    assert!(response["expires_in"].as_u64().unwrap() <= 60, "nobody knows for how long: {response}");
    stack.end().await;
}

#[tokio::test]
async fn one_request_for_many_scopes() {
    let stack = Stack::of([Kind::Token]).await;
    let session = stack.login(Kind::Token, "ada").await;
    stack.reset();
    let scopes = ["registry:catalog:*", "repository:team-a/api:pull,push", PRIVATE];
    let response = stack.ask(Some(&session), Kind::Token, &scopes).await.json();
    let mut granted: Vec<_> =
        response["granted"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
    granted.sort_unstable();
    assert_eq!(granted, scopes);
    assert_eq!(stack.upstream(Kind::Token), Upstream::of(0, 1));
    stack.end().await;
}
