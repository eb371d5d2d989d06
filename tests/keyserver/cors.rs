//! CORS: pages of the configured origins may send requests with a session in a header, other pages may not. Ids as in the
//! threat list (COR).

use dockpass_tests::client::Call;
use dockpass_tests::demo::{DemoConfig, Kind};
use http::Method;
use serde_json::json;

use crate::harness::{Stack, Upstream, problem};

const UI: &str = "https://ui.example";

fn preflight<'a>(stack: &'a Stack, url: &str, origin: &str) -> Call<'a> {
    let call = stack.client.call(Method::OPTIONS, url).header("origin", origin);
    call.header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type")
}

async fn stack() -> Stack {
    Stack::with(DemoConfig::only([Kind::Token]), |config| {
        config.cors.allowed_origins = vec![UI.parse().unwrap()];
    })
    .await
}

// Threats: COR-03.
#[tokio::test]
async fn an_allowed_origin_can_log_in_and_read() {
    let stack = stack().await;
    let url = stack.gateway(Kind::Token, "vault/keys/tags/list");
    for url in [stack.url("/v1/sessions"), stack.url("/v1/token"), url.clone()] {
        let response = stack.send(preflight(&stack, &url, UI)).await;
        assert!((200..300).contains(&response.status), "{}", response.status);
        assert_eq!(response.header("access-control-allow-origin"), UI);
        let headers = response.header("access-control-allow-headers").to_ascii_lowercase();
        assert!(headers.contains("authorization") && headers.contains("content-type"), "{headers}");
        assert_eq!(response.header("access-control-allow-credentials"), "", "no cookie crosses");
    }
    assert_eq!(stack.upstream(Kind::Token), Upstream::NOTHING, "preflights go nowhere");

    let body = json!({ "registry": stack.name(Kind::Token), "username": "ada", "password": stack.password });
    let login = stack.client.post(&stack.url("/v1/sessions")).header("origin", UI);
    let login = stack.send(login.header("sec-fetch-site", "cross-site").json(&body)).await;
    assert_eq!((login.status, &*login.header("access-control-allow-origin")), (200, UI), "{}", login.text());
    assert!(login.header("vary").to_ascii_lowercase().contains("origin"));
    let session = login.json()["session"].as_str().unwrap().to_owned();
    let call = stack.client.get(&url).header("origin", UI).header("sec-fetch-site", "cross-site");
    let tags = stack.send(call.bearer(&session)).await;
    assert_eq!(tags.status, 200, "{}", tags.text());
    let exposed = tags.header("access-control-expose-headers").to_ascii_lowercase();
    for name in ["docker-content-digest", "link", "www-authenticate", "ratelimit-remaining", "retry-after"] {
        assert!(exposed.contains(name), "{name} is not exposed: {exposed}");
    }
    stack.end().await;
}

// Threats: COR-01.
#[tokio::test]
async fn look_alike_origins_are_other_origins() {
    let stack = stack().await;
    let session = stack.login(Kind::Token, "ada").await;
    stack.reset();
    for origin in [
        "null",
        "https://evil.test",
        "http://ui.example",
        "https://ui.example:8443",
        "https://ui.example.evil.test",
        "https://evilui.example",
        "https://sub.ui.example",
        "https://ui.example.",
        "https://ui.example/",
        "https://ui.example@evil.test",
        "https://ui.example, https://evil.test",
        "*",
        "",
    ] {
        let response = stack.send(preflight(&stack, &stack.url("/v1/token"), origin)).await;
        assert_eq!(response.header("access-control-allow-origin"), "", "{origin:?}");
        let body = json!({ "registry": stack.name(Kind::Token), "scopes": ["registry:catalog:*"] });
        let call = stack.client.post(&stack.url("/v1/token")).header("origin", origin).bearer(&session);
        let response = stack.send(call.json(&body)).await;
        problem(&response, 403, "origin_not_allowed");
        assert_eq!(response.header("access-control-allow-origin"), "", "{origin:?}");
        let call = stack.client.get(&stack.gateway(Kind::Token, "_catalog")).header("origin", origin);
        let response = stack.send(call.bearer(&session)).await;
        assert_eq!(response.header("access-control-allow-origin"), "", "{origin:?}");
    }
    stack.end().await;
}

/// SES-11: a cookie is accepted only in requests of the key server's own page.
// Threats: SES-03, SES-04, GW-24.
#[tokio::test]
async fn cookies_of_other_origins_are_refused() {
    let stack = stack().await;
    let origin = stack.server.origin.clone();
    let body = json!({
        "registry": stack.name(Kind::Token), "username": "ada", "password": stack.password, "carrier": "cookie",
    });
    let login =
        stack.client.post(&stack.url("/v1/sessions")).header("origin", &origin).header("x-dockpass", "1");
    let cookie = stack.send(login.json(&body)).await.header("set-cookie");
    let pair = cookie.split(';').next().unwrap().to_owned();
    stack.keep_secret(pair.split_once('=').unwrap().1);
    stack.reset();
    let url = stack.gateway(Kind::Token, "vault/keys/tags/list");
    let call = || stack.client.get(&url).header("cookie", &pair);
    for foreign in [
        call(),
        call().header("sec-fetch-site", "cross-site"),
        call().header("sec-fetch-site", "same-site"),
        call().header("sec-fetch-site", "none"),
        call().header("origin", UI),
        call().header("origin", "https://evil.test"),
        call().header("origin", UI).header("sec-fetch-site", "cross-site"),
        call().header("sec-fetch-site", "same-origin").header("sec-fetch-site", "cross-site"),
    ] {
        let response = stack.send(foreign).await;
        assert_eq!(response.status, 403, "{}", response.text());
    }
    // Two sessions in one request are ambiguous.
    let doubled = stack.client.get(&url).header("sec-fetch-site", "same-origin");
    let doubled = stack.send(doubled.header("cookie", &format!("{pair}; {pair}"))).await;
    problem(&doubled, 400, "invalid_request");
    let session = stack.login(Kind::Token, "ada").await;
    stack.reset();
    let both = stack.send(call().header("sec-fetch-site", "same-origin").bearer(&session)).await;
    problem(&both, 400, "invalid_request");
    assert_eq!(stack.upstream(Kind::Token), Upstream::NOTHING);

    let logout = stack.client.call(Method::DELETE, &stack.url("/v1/session")).header("cookie", &pair);
    let logout = stack.send(logout.header("origin", &origin).header("x-dockpass", "1")).await;
    assert_eq!(logout.status, 204, "{}", logout.text());
    assert!(logout.header("set-cookie").contains("Max-Age=0"), "{}", logout.header("set-cookie"));
    stack.end().await;
}
