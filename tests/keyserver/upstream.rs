//! Failures of upstream servers: each has its code, is not cached, and does not affect other requests.

use std::time::{Duration, Instant};

use dockpass_tests::demo::{Action, DemoConfig, Kind, Role, Script};

use crate::harness::{Stack, problem};

const PRIVATE: &str = "repository:vault/keys:pull";
const PRIVATE_TAGS: &str = "vault/keys/tags/list";

fn respond(status: u16, media_type: &str, body: &str) -> Action {
    let headers = vec![("content-type".to_owned(), media_type.to_owned())];
    Action::Respond { status, headers, body: body.to_owned() }
}

/// A token service's 200 with this body.
pub(crate) fn token_reply(body: &str) -> Action {
    respond(200, "application/json", body)
}

// Threats: SSRF-11, UPS-04, UPS-05.
#[tokio::test]
async fn every_failure_of_a_token_service_has_its_code() {
    let stack = Stack::of([Kind::Token]).await;
    let session = stack.login(Kind::Token, "ada").await;
    let nested = "Bearer realm=\"http://127.0.0.1:1/token\",service=\"x\"".to_owned();
    for (action, status, code) in [
        (respond(500, "text/plain", "stack trace: secret"), 502, "upstream_failed"),
        (respond(503, "text/html", "<h1>secret</h1>"), 502, "upstream_failed"),
        (respond(400, "application/json", "{\"errors\":[]}"), 502, "token_request_refused"),
        (respond(200, "text/html", "<h1>secret</h1>"), 502, "upstream_invalid"),
        (token_reply("{}"), 502, "upstream_invalid"),
        (token_reply("{\"token\":\"\"}"), 502, "upstream_invalid"),
        (token_reply("{\"token\":17}"), 502, "upstream_invalid"),
        (token_reply("{\"token\":\"a b\"}"), 502, "upstream_invalid"),
        (token_reply("{\"token\":\"a\\r\\nx: y\"}"), 502, "upstream_invalid"),
        (token_reply("[]"), 502, "upstream_invalid"),
        (Action::WrongJson, 502, "upstream_invalid"),
        (Action::Huge { bytes: 200_000 }, 502, "upstream_invalid"),
        (Action::Truncate { bytes: 10 }, 502, "upstream_invalid"),
        (Action::Close, 502, "upstream_unreachable"),
        (Action::Challenge { lines: vec![nested] }, 502, "nested_challenge"),
    ] {
        let shown = format!("{action:?}");
        stack.demo.script(Script::always(Kind::Token, Role::TokenService, action));
        let response = stack.ask(Some(&session), Kind::Token, &[PRIVATE]).await;
        assert_eq!(response.json()["code"], code, "{shown}: {}", response.text());
        problem(&response, status, code);
        assert!(!response.text().contains("secret"), "{}", response.text());
        let requests = stack.upstream(Kind::Token).tokens;
        assert!(requests <= 3, "{shown}: {requests} requests");
        stack.reset();
    }
    // Errors are never cached: the next request succeeds.
    stack.token(Some(&session), Kind::Token, &[PRIVATE]).await;
    stack.end().await;
}

// Threats: UPS-01, UPS-02, UPS-09.
#[tokio::test]
async fn a_slow_token_service_times_out() {
    let stack = Stack::with(DemoConfig::only([Kind::Token, Kind::Open]), |config| {
        config.limits.upstream_timeout = Duration::from_secs(2);
    })
    .await;
    let session = stack.login(Kind::Token, "ada").await;
    for script in [
        Script::once(Kind::Token, Role::TokenService, Action::Nothing).after(Duration::from_secs(8)),
        Script::once(Kind::Token, Role::TokenService, Action::Drip { bytes: 10, every_ms: 500 }),
    ] {
        stack.demo.script(script);
        let begun = Instant::now();
        let slow = stack.ask(Some(&session), Kind::Token, &[PRIVATE]);
        let other = stack.gateway(Kind::Open, "_catalog");
        let other = stack.get(&other, None);
        let (slow, other) = tokio::join!(slow, async {
            let response = other.await;
            (response.status, begun.elapsed())
        });
        problem(&slow, 504, "upstream_timeout");
        assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
        assert_eq!(other.0, 200);
        assert!(other.1 < Duration::from_millis(1_800), "others do not wait: {:?}", other.1);
    }
    stack.token(Some(&session), Kind::Token, &[PRIVATE]).await;
    stack.end().await;
}

// Threats: UPS-05, UPS-11.
#[tokio::test]
async fn retry_after_is_relayed() {
    let stack = Stack::of([Kind::Token]).await;
    let session = stack.login(Kind::Token, "ada").await;
    for (sent, least, most) in
        [(Some("7"), 7, 7), (Some("23.722µs"), 1, 60), (Some("-1"), 1, 60), (None, 1, 60)]
    {
        let action = Action::TooMany { retry_after: sent.map(str::to_owned) };
        stack.demo.script(Script::once(Kind::Token, Role::TokenService, action));
        let response = stack.ask(Some(&session), Kind::Token, &[PRIVATE]).await;
        problem(&response, 429, "rate_limited");
        if let Ok(seconds) = response.header("retry-after").parse::<u64>() {
            assert!((least..=most).contains(&seconds), "{sent:?} → {seconds}");
        } else {
            assert!(sent != Some("7") && response.header("retry-after").is_empty(), "{sent:?}");
        }
    }
    stack.token(Some(&session), Kind::Token, &[PRIVATE]).await;
    stack.end().await;
}

#[tokio::test]
async fn an_unreachable_registry_has_its_code() {
    // Bound but not listening, so that connections are refused and no other test gets the port.
    let reserved = tokio::net::TcpSocket::new_v4().unwrap();
    reserved.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = reserved.local_addr().unwrap();
    let stack = Stack::with(DemoConfig::only([Kind::Open]), |config| {
        let entry = dockpass_keyserver::config::RegistrySettings::at(
            "gone",
            format!("http://{closed}").parse().unwrap(),
        )
        .unwrap();
        config.registries.push(entry);
    })
    .await;
    let response = stack.get(&stack.url(&format!("/r/{closed}/v2/_catalog")), None).await;
    problem(&response, 502, "upstream_unreachable");
    let body =
        serde_json::json!({ "registry": closed.to_string(), "username": "ada", "password": stack.password });
    problem(&stack.post("/v1/sessions", None, &body).await, 502, "upstream_unreachable");
    assert_eq!(stack.get(&stack.gateway(Kind::Open, "_catalog"), None).await.status, 200);
    stack.end().await;
}

// Threats: UPS-07.
#[tokio::test]
async fn a_registry_that_rejects_every_token_gets_few_requests() {
    let stack = Stack::of([Kind::Token]).await;
    let session = stack.login(Kind::Token, "ada").await;
    stack.reset();
    let realm = stack.registry(Kind::Token).realm().unwrap();
    for error in ["invalid_token", "insufficient_scope"] {
        let line = format!(
            "Bearer realm=\"{realm}\",service=\"registry.demo\",scope=\"{PRIVATE}\",error=\"{error}\""
        );
        let action = Action::Challenge { lines: vec![line] };
        stack.demo.script(Script::always(Kind::Token, Role::Registry, action));
        let response = stack.get(&stack.gateway(Kind::Token, PRIVATE_TAGS), Some(&session)).await;
        assert!(matches!(response.status, 401 | 403 | 502), "{}", response.text());
        let costs = stack.upstream(Kind::Token);
        assert!(costs.registry <= 3 && costs.tokens <= 2, "{error}: {costs:?}");
        stack.reset();
    }
    assert_eq!(stack.get(&stack.gateway(Kind::Token, PRIVATE_TAGS), Some(&session)).await.status, 200);
    stack.end().await;
}
