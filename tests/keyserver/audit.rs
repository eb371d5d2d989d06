//! Audit events: what is logged, for which requests, and without what.

use dockpass_keyserver::Settings;
use dockpass_tests::demo::{DemoConfig, Kind};
use http::Method;

use crate::harness::{Stack, log_text, random_hex};

/// The audit events that mention this text, each as one line of the log.
fn events(text: &str) -> Vec<String> {
    let log = log_text();
    log.lines().filter(|line| line.contains(" audit: ") && line.contains(text)).map(str::to_owned).collect()
}

/// Whether a line has this field.
#[track_caller]
fn has(line: &str, field: &str) {
    assert!(
        line.split([' ', ':']).any(|word| word == field) || line.contains(field),
        "{field} is missing: {line}"
    );
}

async fn log_in_and_out(configure: impl FnOnce(&mut Settings)) -> (Stack, Vec<String>) {
    let stack = Stack::with(DemoConfig::only([Kind::Token]), configure).await;
    let session = stack.login(Kind::Token, "ada").await;
    let refused = stack.try_login(Kind::Token, "ada", &random_hex()).await;
    assert_eq!(refused.status, 401);
    let logout = stack.client.call(Method::DELETE, &stack.url("/v1/session")).bearer(&session);
    assert_eq!(stack.send(logout).await.status, 204);
    // The port of the registry is only this test's.
    let events = events(&stack.name(Kind::Token));
    (stack, events)
}

// Threats: LOG-01, LOG-08.
#[tokio::test]
async fn logins_refusals_and_logouts_are_audit_events() {
    let (stack, events) = log_in_and_out(|_| ()).await;
    assert_eq!(events.len(), 3, "{events:#?}");
    let registry = format!("registry={}", stack.name(Kind::Token));
    for (line, name) in events.iter().zip(["login", "login_refused", "logout"]) {
        has(line, &format!("event=\"{name}\""));
        has(line, "client=127.0.0.1");
        assert!(line.contains(&registry) || line.contains(&registry.replace('=', "=\"")), "{line}");
        assert!(!line.contains("ada") && !line.contains(&stack.password), "{line}");
    }
    has(&events[0], "carrier=\"bearer\"");
    has(&events[1], "code=bad_credentials");
    // Login and logout name the same session.
    let session = |line: &str| line.split_once("session=").unwrap().1.split(' ').next().unwrap().to_owned();
    assert_eq!(session(&events[0]), session(&events[2]));
    stack.end().await;
}

#[tokio::test]
async fn accepted_user_names_are_in_audit_events_only_if_configured() {
    let (stack, events) = log_in_and_out(|config| config.log.audit_usernames = true).await;
    assert_eq!(events.len(), 3, "{events:#?}");
    for (line, named) in events.iter().zip([true, false, true]) {
        assert_eq!(line.contains("user=\"ada\""), named, "{line}");
    }
    stack.end().await;
}

// Threats: LOG-08.
#[tokio::test]
async fn limits_and_foreign_realms_are_audit_events() {
    let stack = Stack::with(DemoConfig::only([Kind::OwnRealm, Kind::Token]), |config| {
        config.limits.login_burst = 1.try_into().unwrap();
        config.limits.login_per_minute = 1.try_into().unwrap();
        for registry in &mut config.registries {
            // Its token service is not paired with it any more.
            *registry =
                dockpass_keyserver::config::RegistrySettings::at("", registry.origin.clone()).unwrap();
        }
    })
    .await;
    let refused = stack.try_login(Kind::Token, "ada", &stack.password).await;
    assert_eq!(refused.json()["code"], "realm_not_allowed");
    let realms: Vec<String> = events(&stack.name(Kind::Token));
    assert!(realms.iter().any(|line| line.contains("event=\"realm_refused\"")), "{realms:#?}");
    assert_eq!(stack.try_login(Kind::OwnRealm, "ada", &stack.password).await.status, 429);
    let limited = events(&stack.name(Kind::OwnRealm));
    assert_eq!(limited.len(), 1, "{limited:#?}");
    has(&limited[0], "event=\"limited\"");
    has(&limited[0], "limit=\"login\"");
    stack.end().await;
}
