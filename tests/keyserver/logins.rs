//! Logins: which credentials are accepted, and which requests are refused. Ids as in the threat list.

use dockpass_tests::demo::{Action, DemoConfig, Kind, Role, Script};
use dockpass_tests::untouched::Untouched;
use serde_json::json;

use crate::harness::{Stack, Upstream, problem, random_hex};
use crate::server::ManualTime;

const PRIVATE: &str = "repository:vault/keys:pull";
const LOGIN_KINDS: [Kind; 5] = [Kind::Token, Kind::Opaque, Kind::OwnRealm, Kind::Hub, Kind::Basic];

// Threats: BRU-05.
#[tokio::test]
async fn a_wrong_password_gives_no_session() {
    for kind in LOGIN_KINDS {
        let stack = Stack::of([kind]).await;
        for (user, password) in [("ada", "not-the-password"), ("nobody", stack.password.as_str())] {
            let body = json!({
                "registry": stack.name(kind), "username": user, "password": password, "trace": true,
            });
            let response = stack.post("/v1/sessions", None, &body).await;
            problem(&response, 401, "bad_credentials");
            assert_eq!(response.header("connection"), "close");
            assert!(!response.json()["steps"].as_array().unwrap().is_empty(), "{}", response.text());
            assert!(!response.text().contains("not-the-password"), "{}", response.text());
            // The random hexadecimal request id may contain `ada`.
            let mut document = response.json();
            document.as_object_mut().unwrap().remove("request_id");
            assert!(!document.to_string().contains(user), "{document}");
        }
        stack.end().await;
    }
}

// Threats: CCH-10.
#[tokio::test]
async fn logins_are_never_cached() {
    for kind in LOGIN_KINDS {
        let stack = Stack::of([kind]).await;
        stack.login(kind, "ada").await;
        stack.reset();
        problem(&stack.try_login(kind, "ada", "not-the-password").await, 401, "bad_credentials");
        assert_ne!(stack.upstream(kind), Upstream::NOTHING, "{kind:?}");
        stack.end().await;
    }
}

/// Harbor and others respond to a wrong password with 200 and an anonymous token.
// Threats: SCP-08, SCP-13.
#[tokio::test]
async fn a_token_service_that_accepts_any_password_is_unverifiable() {
    let config = |kind| DemoConfig { false_login: true, ..DemoConfig::only([kind]) };
    let named = Stack::with(config(Kind::OwnRealm), |_| ()).await;
    problem(&named.try_login(Kind::OwnRealm, "ada", "not-the-password").await, 401, "bad_credentials");
    named.login(Kind::OwnRealm, "ada").await;
    named.end().await;

    // An opaque token names no user, so made-up credentials must fail, and here they do not.
    let opaque = Stack::with(config(Kind::Opaque), |_| ()).await;
    problem(&opaque.try_login(Kind::Opaque, "ada", &opaque.password).await, 409, "registry_unverifiable");
    opaque.end().await;
}

#[tokio::test]
async fn a_login_with_an_identity_token() {
    let stack = Stack::of([Kind::Token]).await;
    let realm = stack.registry(Kind::Token).realm().unwrap();
    let url = format!("{realm}?service=registry.demo&offline_token=true&client_id=test");
    let refresh = stack.client.get(&url).basic("ada", &stack.password).send().await.unwrap().json();
    let refresh = refresh["refresh_token"].as_str().unwrap();
    stack.keep_secret(refresh);
    let login = |token: &str| json!({ "registry": stack.name(Kind::Token), "identity_token": token });
    let response = stack.post("/v1/sessions", None, &login(refresh)).await;
    assert_eq!(response.status, 200, "{}", response.text());
    assert!(!response.text().contains(refresh));
    let session = response.json()["session"].as_str().unwrap().to_owned();
    stack.token(Some(&session), Kind::Token, &[PRIVATE]).await;
    let response = stack.post("/v1/sessions", None, &login("refresh-nobody-has-this-one")).await;
    problem(&response, 401, "bad_credentials");
    stack.end().await;
}

#[tokio::test]
async fn logins_at_other_registries_are_refused_before_dns() {
    let evil = Untouched::start().await.unwrap();
    let stack = Stack::of([Kind::Token]).await;
    let login = async |registry: &str| {
        let body = json!({ "registry": registry, "username": "ada", "password": stack.password });
        stack.post("/v1/sessions", None, &body).await
    };
    // RLM-19, SSRF-01: names and addresses.
    let port = evil.address().port();
    for registry in [
        evil.address().to_string(),
        format!("localhost:{port}"),
        format!("[::1]:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        format!("foo.localhost:{port}"),
        "registry.example".to_owned(),
        "169.254.169.254".to_owned(),
    ] {
        problem(&login(&registry).await, 403, "registry_not_allowed");
    }
    // SSRF-08: strings that are not a host, or contain another one.
    for registry in [
        format!("http://{}", evil.address()),
        format!("{}/path", evil.address()),
        format!("user@{}", evil.address()),
        format!("{}#@{}", stack.name(Kind::Token), evil.address()),
        format!("127.1:{port}"),
        format!("2130706433:{port}"),
        format!("0x7f000001:{port}"),
        String::new(),
        "r\r\nX: 1".to_owned(),
        "a:0".to_owned(),
        "a:65536".to_owned(),
        "a".repeat(300),
    ] {
        let response = login(&registry).await;
        assert!(matches!(response.status, 400 | 403), "{registry:?}: {}", response.text());
        assert!(!registry.contains("evil") || !response.text().contains("evil"));
    }
    assert_eq!(evil.connections(), 0);
    assert_eq!(stack.upstream(Kind::Token), Upstream::NOTHING);
    stack.end().await;
}

/// BRU-01: one address.
#[tokio::test]
async fn wrong_passwords_are_rate_limited() {
    let stack = Stack::with(DemoConfig::only([Kind::Token]), |config| {
        config.limits.login_burst = 3.try_into().unwrap();
        config.limits.login_per_minute = 1.try_into().unwrap();
    })
    .await;
    let mut limited = None;
    for _ in 0..6 {
        let response = stack.try_login(Kind::Token, "ada", "not-the-password").await;
        if response.status == 429 {
            limited = Some(response);
        }
    }
    let limited = limited.expect("the limit is reached");
    problem(&limited, 429, "rate_limited");
    let seconds: u64 = limited.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    let requested = stack.demo.journal().iter().filter(|record| record.user.is_some()).count();
    assert!(requested <= 3, "{requested} guesses went upstream");
    stack.end().await;
}

// Threats: BRU-03, BRU-08.
#[tokio::test]
async fn neither_a_right_password_nor_x_forwarded_for_bypasses_the_login_limit() {
    let time = ManualTime::new();
    let stack = Stack::with_time(DemoConfig::only([Kind::Token]), time.clone(), |config| {
        config.limits.login_burst = 3.try_into().unwrap();
        config.limits.login_per_minute = 3.try_into().unwrap();
    })
    .await;
    for _ in 0..3 {
        stack.login(Kind::Token, "ada").await;
    }
    for _ in 0..3 {
        problem(&stack.try_login(Kind::Token, "ada", "not-the-password").await, 401, "bad_credentials");
    }
    stack.reset();
    let body = json!({ "registry": stack.name(Kind::Token), "username": "ada", "password": stack.password });
    let call = stack.client.post(&stack.url("/v1/sessions")).header("x-forwarded-for", "9.9.9.9").json(&body);
    let response = stack.send(call).await;
    problem(&response, 429, "rate_limited");
    let seconds: u64 = response.header("retry-after").parse().unwrap();
    assert!((1..=21).contains(&seconds), "{seconds}");
    assert_eq!(response.json()["retry_after"], seconds);
    assert_eq!(stack.upstream(Kind::Token), Upstream::NOTHING);
    time.advance(std::time::Duration::from_secs(21));
    stack.login(Kind::Token, "ada").await;
    stack.end().await;
}

// Threats: INJ-07, LIM-04.
#[tokio::test]
async fn malformed_logins_get_constant_messages() {
    let stack = Stack::of([Kind::Token]).await;
    let url = stack.url("/v1/sessions");
    let canary = format!("in-{}", random_hex());
    let name = stack.name(Kind::Token);
    for (status, code, media_type, body) in [
        (400, "invalid_request", "application/json", format!("{{\"registry\": \"{canary}\"")),
        (
            400,
            "invalid_request",
            "application/json",
            format!("{{\"registry\": \"{name}\", \"{canary}\": 1}}"),
        ),
        (400, "invalid_request", "application/json", format!("{{\"registry\": \"{name}\"}}")),
        (400, "invalid_request", "application/json", "[]".to_owned()),
        (
            400,
            "invalid_username",
            "application/json",
            json!({ "registry": name, "username": format!("{canary}:x"), "password": "x" }).to_string(),
        ),
        (415, "unsupported_media_type", "text/plain", format!("{{\"registry\": \"{canary}\"}}")),
        (415, "unsupported_media_type", "application/x-www-form-urlencoded", format!("registry={canary}")),
        (413, "payload_too_large", "application/json", format!("\"{}\"", "a".repeat(1 << 20))),
    ] {
        let response = stack.send(stack.client.post(&url).body(media_type, body)).await;
        problem(&response, status, code);
        assert!(!response.text().contains(&canary), "input in an answer: {}", response.text());
    }
    assert_eq!(stack.upstream(Kind::Token), Upstream::NOTHING);
    stack.end().await;
}

// Threats: UPS-04, DSC-01.
#[tokio::test]
async fn an_unproven_login_gives_no_session() {
    let stack = Stack::of([Kind::Token]).await;
    for (role, action, status, code) in [
        (
            Role::Registry,
            Action::Respond { status: 500, headers: vec![], body: "boom".into() },
            502,
            "upstream_failed",
        ),
        (
            Role::Registry,
            Action::Respond {
                status: 200,
                headers: vec![("content-type".into(), "text/html".into())],
                body: "<h1>Welcome to nginx!</h1>".into(),
            },
            502,
            "not_a_registry",
        ),
        (
            Role::TokenService,
            Action::Respond { status: 503, headers: vec![], body: "boom".into() },
            502,
            "upstream_failed",
        ),
        (Role::TokenService, Action::TooMany { retry_after: Some("7".into()) }, 429, "rate_limited"),
    ] {
        stack.demo.script(Script::always(Kind::Token, role, action));
        let response = stack.try_login(Kind::Token, "ada", &stack.password).await;
        problem(&response, status, code);
        assert!(
            !response.text().contains("boom") && !response.text().contains("nginx"),
            "{}",
            response.text()
        );
        stack.reset();
    }
    stack.end().await;
}
