//! How long sessions last, and how they may travel.

use std::sync::Arc;
use std::time::Duration;

use dockpass_keyserver::carrier::CookieScope;
use dockpass_keyserver::config::{AdminSettings, Carrier};
use dockpass_keyserver::{Builder, Server, Settings};
use dockpass_tests::demo::{DemoConfig, Kind};
use serde_json::json;

use crate::harness::{Stack, Upstream, problem};
use crate::server::ManualTime;

const PRIVATE: &str = "repository:vault/keys:pull";

/// The cookie pair of a login of the page.
async fn page_login(stack: &Stack) -> String {
    let body = json!({
        "registry": stack.name(Kind::Token), "username": "ada", "password": stack.password, "carrier": "cookie",
    });
    let call = stack.client.post(&stack.url("/v1/sessions")).header("origin", &stack.server.origin);
    let response = stack.send(call.header("x-dockpass", "1").json(&body)).await;
    assert_eq!(response.status, 200, "{}", response.text());
    response.header("set-cookie").split(';').next().unwrap().to_owned()
}

/// The status and code of `GET /v1/session` with this cookie.
async fn with_cookie(stack: &Stack, pair: &str) -> (u16, String) {
    let call = stack.client.get(&stack.url("/v1/session")).header("sec-fetch-site", "same-origin");
    let response = stack.send(call.header("cookie", pair)).await;
    let code = response.json()["code"].as_str().unwrap_or_default().to_owned();
    (response.status, code)
}

// Threats: SES-15.
#[tokio::test]
async fn a_session_that_is_not_used_ends_and_one_that_is_used_goes_on() {
    let time = ManualTime::new();
    let stack = Stack::with_time(DemoConfig::only([Kind::Token]), time.clone(), |config| {
        config.session.idle = Some(Duration::from_mins(30));
    })
    .await;
    let used = stack.login(Kind::Token, "ada").await;
    let idle = stack.login(Kind::Token, "bob").await;
    for _ in 0..3 {
        time.advance(Duration::from_mins(20));
        stack.token(Some(&used), Kind::Token, &[PRIVATE]).await;
    }
    assert_eq!(stack.get(&stack.url("/v1/session"), Some(&used)).await.status, 200);
    problem(&stack.get(&stack.url("/v1/session"), Some(&idle)).await, 401, "session_expired");
    stack.reset();
    // It has ended, whatever the clock says later.
    problem(&stack.ask(Some(&idle), Kind::Token, &[PRIVATE]).await, 401, "invalid_session");
    assert_eq!(stack.upstream(Kind::Token), Upstream::NOTHING);
    // The limit does not extend the lifetime.
    for _ in 0..25 {
        time.advance(Duration::from_mins(19));
        stack.get(&stack.url("/v1/session"), Some(&used)).await;
    }
    problem(&stack.get(&stack.url("/v1/session"), Some(&used)).await, 401, "session_expired");
    stack.end().await;
}

/// A restart forgets last uses: no session ends because of it, and none is good for longer than the limit after it.
#[tokio::test]
async fn a_restart_ends_no_session_and_extends_none_by_more_than_the_idle_limit() {
    let time = ManualTime::new();
    let configure = |config: &mut Settings| config.session.idle = Some(Duration::from_mins(30));
    let demo = DemoConfig::only([Kind::Token]);
    let first = Stack::with_time(demo, time.clone(), configure).await;
    let (one, two) = (first.login(Kind::Token, "ada").await, first.login(Kind::Token, "ada").await);
    let registries = vec![crate::harness::entry(first.registry(Kind::Token))];
    time.advance(Duration::from_hours(2));
    let second = Stack::with_time(DemoConfig::only([]), time.clone(), |config| {
        configure(config);
        config.registries = registries;
    })
    .await;
    assert_eq!(second.get(&second.url("/v1/session"), Some(&one)).await.status, 200);
    time.advance(Duration::from_mins(31));
    problem(&second.get(&second.url("/v1/session"), Some(&two)).await, 401, "session_expired");
    second.end().await;
    first.end().await;
}

#[tokio::test]
async fn each_carrier_has_its_lifetime() {
    let time = ManualTime::new();
    let stack = Stack::with_time(DemoConfig::only([Kind::Token]), time.clone(), |config| {
        config.session.lifetime = Duration::from_hours(1);
        config.session.bearer_lifetime = Some(Duration::from_mins(10));
    })
    .await;
    let bearer = stack.login(Kind::Token, "ada").await;
    let cookie = page_login(&stack).await;
    time.advance(Duration::from_mins(11));
    problem(&stack.get(&stack.url("/v1/session"), Some(&bearer)).await, 401, "session_expired");
    assert_eq!(with_cookie(&stack, &cookie).await.0, 200);
    time.advance(Duration::from_mins(50));
    assert_eq!(with_cookie(&stack, &cookie).await, (401, "session_expired".to_owned()));
    stack.end().await;
}

// Threats: SES-11, SES-16.
#[tokio::test]
async fn a_carrier_that_is_turned_off_is_neither_issued_nor_accepted() {
    for (allowed, refused) in [(Carrier::Cookie, "bearer"), (Carrier::Bearer, "cookie")] {
        let stack = Stack::of([Kind::Token]).await;
        let (bearer, cookie) = (stack.login(Kind::Token, "ada").await, page_login(&stack).await);
        let registries = vec![crate::harness::entry(stack.registry(Kind::Token))];
        let other = Stack::with(DemoConfig::only([]), |config| {
            config.session.carriers = vec![allowed];
            config.registries = registries;
        })
        .await;
        let body = json!({
            "registry": stack.name(Kind::Token), "username": "ada", "password": stack.password, "carrier": refused,
        });
        problem(&other.post("/v1/sessions", None, &body).await, 403, "carrier_not_allowed");
        assert_eq!(
            stack.upstream(Kind::Token).tokens,
            stack.demo.requests(Kind::Token, dockpass_tests::demo::Role::TokenService)
        );
        let by_bearer = other.get(&other.url("/v1/session"), Some(&bearer)).await;
        let gateway =
            format!("{}/r/{}/v2/vault/keys/tags/list", other.server.origin, stack.name(Kind::Token));
        let relayed = other.get(&gateway, Some(&bearer)).await;
        let by_cookie = with_cookie(&other, &cookie).await;
        if allowed == Carrier::Cookie {
            problem(&by_bearer, 403, "carrier_not_allowed");
            problem(&relayed, 403, "carrier_not_allowed");
            assert_eq!(by_cookie.0, 200);
        } else {
            assert_eq!((by_bearer.status, relayed.status), (200, 200));
            assert_eq!(by_cookie, (403, "carrier_not_allowed".to_owned()));
        }
        other.end().await;
        stack.end().await;
    }
    assert!(CookieScope::default().name("r.test").starts_with("__Host-dockpass-"));
}

// Threats: TIM-05.
#[tokio::test]
async fn the_server_does_not_start_with_a_clock_that_is_not_set() {
    let settings = || Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        admin: AdminSettings { listen: None },
        ..Settings::default()
    };
    let start = |time| Server::bind_with(Builder::new(settings()).clock(Arc::new(time)));
    let error = start(ManualTime::unset()).await.unwrap_err().to_string();
    assert!(error.contains("clock is 20454 days behind"), "{error}");
    assert!(start(ManualTime::new()).await.is_ok());
}
