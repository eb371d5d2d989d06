//! A key server below a path of a shared host, behind a proxy that removes the path, and behind one that does not.

use dockpass_tests::demo::{DemoConfig, Kind};
use serde_json::json;

use crate::harness::{Stack, raw};

const BASE: &str = "/tools/registry-login";

async fn below_a_path() -> Stack {
    Stack::with(DemoConfig::only([Kind::Token]), |config| {
        config.public_origin = Some(format!("https://apps.test{BASE}/").parse().unwrap());
    })
    .await
}

/// A request as the proxy of `apps.test` sends it on.
async fn through_proxy(stack: &Stack, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: apps.test\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    raw(&stack.server.origin, &request).await
}

/// The value of a header in a response's text.
fn header<'r>(response: &'r str, name: &str) -> &'r str {
    let head = response.split("\r\n\r\n").next().unwrap();
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")));
    line.unwrap_or_else(|| panic!("{name} is missing: {head}")).split_once(':').unwrap().1.trim()
}

#[tokio::test]
async fn requests_are_served_with_and_without_the_base_path() {
    let stack = below_a_path().await;
    for path in [format!("{BASE}/v1/registries"), "/v1/registries".to_owned()] {
        let (status, response) = through_proxy(&stack, "GET", &path, "", "").await;
        assert_eq!(status, 200, "{path}: {response}");
    }
    for path in [
        format!("{BASE}x/v1/registries"),
        format!("{BASE}{BASE}/v1/registries"),
        format!("{BASE}//v1/registries"),
    ] {
        let (status, response) = through_proxy(&stack, "GET", &path, "", "").await;
        assert_eq!(status, 404, "{path}: {response}");
    }
    // Relative addresses of the page need the slash.
    let (status, response) = through_proxy(&stack, "GET", BASE, "", "").await;
    assert_eq!((status, header(&response, "location")), (308, format!("{BASE}/").as_str()), "{response}");
    stack.end().await;
}

#[tokio::test]
async fn cookies_of_a_base_path_are_for_that_path_only() {
    let stack = below_a_path().await;
    let body = json!({
        "registry": stack.name(Kind::Token), "username": "ada", "password": stack.password, "carrier": "cookie",
    })
    .to_string();
    let page = "Origin: https://apps.test\r\nX-Dockpass: 1\r\nContent-Type: application/json\r\n";
    let (status, response) = through_proxy(&stack, "POST", "/v1/sessions", page, &body).await;
    assert_eq!(status, 200, "{response}");
    let cookie = header(&response, "set-cookie");
    assert!(cookie.starts_with("__Secure-dockpass-"), "{cookie}");
    assert!(cookie.contains(&format!("; Path={BASE}/; Secure; HttpOnly; SameSite=Strict")), "{cookie}");
    let pair = cookie.split(';').next().unwrap();
    stack.keep_secret(pair.split_once('=').unwrap().1);
    let same_origin = format!("Sec-Fetch-Site: same-origin\r\nCookie: {pair}\r\n");
    let (status, response) = through_proxy(&stack, "GET", "/v1/session", &same_origin, "").await;
    assert!(status == 200 && response.contains("\"ada\""), "{response}");
    let logout = format!("Origin: https://apps.test\r\nX-Dockpass: 1\r\nCookie: {pair}\r\n");
    let (status, response) = through_proxy(&stack, "DELETE", "/v1/session", &logout, "").await;
    assert_eq!(status, 204, "{response}");
    assert!(header(&response, "set-cookie").contains(&format!("=; Path={BASE}/; ")), "{response}");
    stack.end().await;
}

#[tokio::test]
async fn the_origin_of_a_base_path_is_that_of_its_host() {
    let stack = below_a_path().await;
    let (status, response) = through_proxy(
        &stack,
        "GET",
        "/v1/registries",
        "Origin: https://other.test\r\nSec-Fetch-Site: cross-site\r\n",
        "",
    )
    .await;
    assert_eq!(status, 403, "{response}");
    stack.end().await;
}
