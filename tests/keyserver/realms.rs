//! Credentials are sent only to the registry and realm of the login. Ids as in the threat list (RLM).

use dockpass_keyserver::config::RegistrySettings;
use dockpass_tests::demo::{Action, DemoConfig, Kind, Role, Script};
use dockpass_tests::untouched::Untouched;
use serde_json::{Value, json};

use crate::harness::{Stack, Upstream, entry, problem};

const PRIVATE: &str = "repository:vault/keys:pull";
const PRIVATE_TAGS: &str = "vault/keys/tags/list";

fn named(realm: &str, service: Option<&str>) -> Action {
    Action::Realm { realm: Some(realm.to_owned()), service: service.map(str::to_owned) }
}

fn challenge(lines: &[&str]) -> Action {
    Action::Challenge { lines: lines.iter().map(|line| (*line).to_owned()).collect() }
}

fn asking(stack: &Stack, kind: Kind, realm: &str, service: &str) -> Value {
    json!({
        "registry": stack.name(kind),
        "scopes": [PRIVATE],
        "challenge": { "realm": realm, "service": service },
    })
}

// Threats: RLM-01.
#[tokio::test]
async fn rlm_01_the_realm_of_the_client_is_compared_and_never_used() {
    let evil = Untouched::start().await.unwrap();
    let stack = Stack::of([Kind::Token]).await;
    let session = stack.login(Kind::Token, "ada").await;
    stack.reset();
    let real = stack.registry(Kind::Token).realm().unwrap();
    let host = evil.address();
    for realm in [
        evil.url("/token"),
        format!("http://user:secret@{host}/token"),
        format!("http://{host}#@{}", real.trim_start_matches("http://")),
        format!("{real}@{host}/"),
        format!("http://{}@{host}/token", stack.name(Kind::Token)),
        format!("//{host}/token"),
        "ftp://127.0.0.1/token".to_owned(),
        "javascript:alert(1)".to_owned(),
        "https://auth.docker.io/token".to_owned(),
        format!("{real}#x"),
        String::new(),
    ] {
        for session in [Some(session.as_str()), None] {
            let response =
                stack.post("/v1/token", session, &asking(&stack, Kind::Token, &realm, "registry.demo")).await;
            assert_eq!(response.status, 403, "{realm}: {}", response.text());
            problem(&response, 403, "realm_not_allowed");
        }
    }
    assert_eq!(evil.connections(), 0);
    assert_eq!(stack.upstream(Kind::Token).tokens, 0);
    let good = asking(&stack, Kind::Token, &real, "registry.demo");
    assert_eq!(stack.post("/v1/token", Some(&session), &good).await.status, 200);
    // Admitted for the registry, but not the realm and service of the login.
    let own = format!("{}/other", stack.registry(Kind::Token).url());
    for (realm, service) in [(real.as_str(), "hub.demo"), (own.as_str(), "registry.demo")] {
        let other = asking(&stack, Kind::Token, realm, service);
        problem(&stack.post("/v1/token", Some(&session), &other).await, 409, "realm_changed");
    }
    assert_eq!(stack.upstream(Kind::Token).tokens, 1);
    stack.end().await;
}

// Threats: RLM-02.
#[tokio::test]
async fn rlm_02_a_foreign_realm_gets_no_credentials() {
    let evil = Untouched::start().await.unwrap();
    let stack = Stack::of([Kind::Token]).await;
    let host = evil.address();
    let real = stack.registry(Kind::Token).realm().unwrap();
    for realm in [
        evil.url("/token"),
        // RLM-05: another port of the registry's host is another origin.
        format!("http://localhost:{}/token", host.port()),
        // RLM-07, RLM-08: look-alikes and credentials in the URL.
        format!("{real}.evil.test/token"),
        format!("http://a:b@{}", real.trim_start_matches("http://")),
        format!("http://{}%2f@{host}/token", stack.name(Kind::Token)),
        // RLM-04: another scheme.
        real.replace("http://", "ftp://"),
        // RLM-09: a fragment.
        format!("{real}#fragment"),
    ] {
        stack.demo.script(Script::always(Kind::Token, Role::Registry, named(&realm, None)));
        let response = stack.try_login(Kind::Token, "ada", &stack.password).await;
        assert!(matches!(response.status, 403 | 502), "{realm}: {}", response.text());
        assert!(response.json().get("session").is_none());
        assert!(!response.text().contains("evil.test"), "{}", response.text());
        assert_eq!(stack.upstream(Kind::Token).tokens, 0, "{realm}");
        assert!(stack.demo.journal().iter().all(|record| record.authorization.is_none()), "{realm}");
        stack.reset();
    }
    stack.demo.script(Script::always(Kind::Token, Role::Registry, named(&evil.url("/token"), None)));
    problem(&stack.try_login(Kind::Token, "ada", &stack.password).await, 403, "realm_not_allowed");
    assert_eq!(evil.connections(), 0);
    stack.end().await;
}

// Threats: RLM-03.
#[tokio::test]
async fn rlm_03_a_realm_that_changes_after_the_login_is_refused() {
    // The configuration allows the second realm, so that only the session can be the reason for the refusal.
    let second = Untouched::start().await.unwrap();
    let stack = Stack::with(DemoConfig::only([Kind::Token]), |config| {
        for registry in &mut config.registries {
            registry.allow_realm(&second.url("/token")).unwrap();
        }
    })
    .await;
    let session = stack.login(Kind::Token, "ada").await;
    let body = asking(&stack, Kind::Token, &second.url("/token"), "registry.demo");
    problem(&stack.post("/v1/token", Some(&session), &body).await, 409, "realm_changed");

    // The same at the gateway: the registry refuses the token and names the other realm.
    let lines = [format!(
        "Bearer realm=\"{}\",service=\"registry.demo\",error=\"invalid_token\"",
        second.url("/token")
    )];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    stack.demo.script(Script::always(Kind::Token, Role::Registry, challenge(&lines)));
    problem(
        &stack.get(&stack.gateway(Kind::Token, PRIVATE_TAGS), Some(&session)).await,
        409,
        "realm_changed",
    );
    assert_eq!(second.connections(), 0);
    stack.end().await;
}

// Threats: RLM-10.
#[tokio::test]
async fn rlm_10_a_service_name_cannot_inject_parameters() {
    let mut stack = Stack::of([Kind::Token]).await;
    stack.forgives_violations = true;
    let service = "registry.demo&scope=registry:catalog:*&offline_token=true";
    let realm = stack.registry(Kind::Token).realm().unwrap();
    stack.demo.script(Script::always(Kind::Token, Role::Registry, named(&realm, Some(service))));
    let response = stack.try_login(Kind::Token, "ada", &stack.password).await;
    assert!(response.status >= 400, "{}", response.text());
    for record in stack.demo.journal().iter().filter(|record| record.role == Role::TokenService) {
        let services: Vec<_> = record.query.iter().filter(|(name, _)| name == "service").collect();
        assert_eq!(services.len(), 1);
        assert_eq!(services[0].1, service);
        assert!(!record.query.iter().any(|(name, _)| name == "scope"), "{record:?}");
    }
    stack.end().await;
}

// Threats: RLM-13, RLM-17.
#[tokio::test]
async fn rlm_13_ambiguous_challenges_are_refused() {
    let evil = Untouched::start().await.unwrap();
    let stack = Stack::of([Kind::Token]).await;
    let real = stack.registry(Kind::Token).realm().unwrap();
    let evil_url = evil.url("/token");
    for lines in [
        vec![format!("Bearer realm=\"{real}\",realm=\"{evil_url}\",service=\"registry.demo\"")],
        vec![format!("Bearer realm=\"{evil_url}\",realm=\"{real}\",service=\"registry.demo\"")],
        vec![format!("Bearer realm=\"{evil_url}\",service=\"registry.demo\"")],
        vec![format!("Bearer realm=\"{real}")],
        vec!["Bearer service=\"registry.demo\"".to_owned()],
        vec!["Bearer".to_owned()],
        vec!["Negotiate".to_owned(), "NTLM".to_owned()],
        vec!["Digest realm=\"x\", nonce=\"y\"".to_owned()],
        vec![],
        vec!["Bearer realm=\"".to_owned() + &"a".repeat(9_000) + "\""],
    ] {
        let action = Action::Challenge { lines: lines.clone() };
        stack.demo.script(Script::always(Kind::Token, Role::Registry, action));
        let response = stack.try_login(Kind::Token, "ada", &stack.password).await;
        assert!(matches!(response.status, 403 | 502), "{lines:?}: {}", response.text());
        assert_eq!(stack.upstream(Kind::Token).tokens, 0, "{lines:?}");
        assert!(stack.demo.journal().iter().all(|record| record.authorization.is_none()), "{lines:?}");
        stack.reset();
    }
    assert_eq!(evil.connections(), 0);
    stack.end().await;
}

/// RLM-17: a path is resolved on the registry's own origin.
#[tokio::test]
async fn a_relative_realm_is_on_the_registrys_origin() {
    let stack = Stack::of([Kind::OwnRealm]).await;
    stack.demo.script(Script::always(Kind::OwnRealm, Role::Registry, named("/service/token", None)));
    let session = stack.login(Kind::OwnRealm, "ada").await;
    stack.token(Some(&session), Kind::OwnRealm, &[PRIVATE]).await;
    stack.end().await;
}

/// RLM-12: a realm is allowed for one registry only.
#[tokio::test]
async fn a_realm_is_allowed_for_its_registry_only() {
    let stack = Stack::of([Kind::Token, Kind::Hub]).await;
    let foreign = stack.registry(Kind::Token).realm().unwrap();
    stack.demo.script(Script::always(Kind::Hub, Role::Registry, named(&foreign, Some("registry.demo"))));
    problem(&stack.try_login(Kind::Hub, "ada", &stack.password).await, 403, "realm_not_allowed");
    assert_eq!(stack.upstream(Kind::Token), Upstream::NOTHING);
    stack.end().await;
}

/// A realm on another port is refused unless configured, although registry and realm belong together.
#[tokio::test]
async fn a_realm_on_another_port_is_refused_without_a_pair() {
    let stack = Stack::with(DemoConfig::only([Kind::Token]), |config| {
        for registry in &mut config.registries {
            let bare = RegistrySettings::at(&registry.title, registry.origin.clone()).unwrap();
            *registry = RegistrySettings { redirects: registry.redirects.clone(), ..bare };
        }
    })
    .await;
    assert!(!entry(stack.registry(Kind::Token)).realm_origins.is_empty(), "which is what was taken away");
    problem(&stack.try_login(Kind::Token, "ada", &stack.password).await, 403, "realm_not_allowed");
    problem(
        &stack.ask(None, Kind::Token, &["repository:library/alpine:pull"]).await,
        403,
        "realm_not_allowed",
    );
    assert_eq!(stack.upstream(Kind::Token).tokens, 0);
    stack.end().await;
}

/// SSRF-07.
#[tokio::test]
async fn redirects_of_token_services_are_refused() {
    let evil = Untouched::start().await.unwrap();
    let stack = Stack::of([Kind::Token]).await;
    let session = stack.login(Kind::Token, "ada").await;
    for status in [301, 302, 303, 307, 308] {
        let action = Action::Redirect { status, location: evil.url("/token") };
        stack.demo.script(Script::always(Kind::Token, Role::TokenService, action));
        problem(&stack.try_login(Kind::Token, "ada", &stack.password).await, 502, "upstream_redirect");
        problem(&stack.ask(Some(&session), Kind::Token, &[PRIVATE]).await, 502, "upstream_redirect");
        problem(&stack.ask(None, Kind::Token, &[PRIVATE]).await, 502, "upstream_redirect");
        stack.reset();
        let action = Action::Redirect { status, location: evil.url("/v2/") };
        stack.demo.script(Script::always(Kind::Token, Role::Registry, action));
        problem(&stack.try_login(Kind::Token, "ada", &stack.password).await, 502, "upstream_redirect");
        stack.reset();
    }
    assert_eq!(evil.connections(), 0);
    stack.end().await;
}
