//! Options of single registries: names that differ from the address, and scopes that may be requested.

use dockpass_tests::demo::{DemoConfig, Kind};
use serde_json::json;

use crate::harness::{Stack, Upstream, problem};

const PRIVATE: &str = "repository:vault/keys:pull";

/// The registry has a public name, and the key server reaches it at another address. Its name is in paths and sessions, and
/// the other address is dialled; absolute links with the public name are followed through the gateway.
#[tokio::test]
async fn a_registry_is_named_by_its_host_and_reached_at_its_url() {
    let stack = Stack::with(DemoConfig::only([Kind::Token]), |config| {
        let registry = &mut config.registries[0];
        registry.name = dockpass_keyserver::config::RegistryName::parse("registry.example.com").unwrap();
        registry.public = Some("https://registry.example.com".parse().unwrap());
    })
    .await;
    let list = stack.get(&stack.url("/v1/registries"), None).await.json();
    assert_eq!(list["registries"][0]["registry"], "registry.example.com");
    assert_eq!(list["registries"][0]["gateway"], "r/registry.example.com/v2/");
    let body = json!({ "registry": "registry.example.com", "username": "ada", "password": stack.password });
    let login = stack.post("/v1/sessions", None, &body).await;
    assert_eq!(login.status, 200, "{}", login.text());
    assert_eq!(login.json()["registry"], "registry.example.com");
    let session = login.json()["session"].as_str().unwrap().to_owned();
    stack.keep_secret(&session);
    let url = stack.url("/r/registry.example.com/v2/vault/keys/tags/list");
    assert_eq!(stack.get(&url, Some(&session)).await.status, 200);
    // The address is not a second name.
    let address = stack.url(&format!("/r/{}/v2/vault/keys/tags/list", stack.name(Kind::Token)));
    problem(&stack.get(&address, Some(&session)).await, 403, "registry_not_allowed");
    stack.end().await;
}

#[tokio::test]
async fn scopes_outside_the_list_are_refused_before_any_request() {
    let stack = Stack::with(DemoConfig::only([Kind::Token, Kind::Basic]), |config| {
        for registry in &mut config.registries {
            registry.allowed_scopes = vec!["repository:vault/*:pull".parse().unwrap()];
        }
    })
    .await;
    let session = stack.login(Kind::Token, "ada").await;
    stack.token(Some(&session), Kind::Token, &[PRIVATE]).await;
    assert_eq!(
        stack.get(&stack.gateway(Kind::Token, "vault/keys/tags/list"), Some(&session)).await.status,
        200
    );
    stack.reset();
    for scopes in [
        &["repository:vault/keys:pull,push"][..],
        &["repository:team-a/api:pull"],
        &["registry:catalog:*"],
        &[PRIVATE, "repository:team-a/api:pull"],
    ] {
        for session in [Some(session.as_str()), None] {
            problem(&stack.ask(session, Kind::Token, scopes).await, 403, "scope_not_allowed");
        }
    }
    let other = stack.gateway(Kind::Token, "team-a/api/tags/list");
    problem(&stack.get(&other, Some(&session)).await, 403, "scope_not_allowed");
    assert_eq!(stack.upstream(Kind::Token), Upstream::NOTHING);
    // Where there are no tokens, the session's password is not used either.
    let basic = stack.login(Kind::Basic, "ada").await;
    assert_eq!(
        stack.get(&stack.gateway(Kind::Basic, "vault/keys/tags/list"), Some(&basic)).await.status,
        200
    );
    problem(
        &stack.get(&stack.gateway(Kind::Basic, "_catalog"), Some(&basic)).await,
        403,
        "scope_not_allowed",
    );
    stack.end().await;
}
