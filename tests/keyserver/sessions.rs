//! Sessions: validity, forgery, expiry and logout. Logins are tested in `logins`.

use std::time::Duration;

use dockpass_keyserver::Settings;
use dockpass_tests::client::HttpResponse;
use dockpass_tests::demo::{DemoConfig, Kind};
use http::Method;
use serde_json::{Value, json};

use crate::harness::{Stack, Upstream, entry, problem};
use crate::server::{ManualTime, write_key};

const PRIVATE: &str = "repository:vault/keys:pull";
const PRIVATE_TAGS: &str = "vault/keys/tags/list";

// Threats: SES-08, CON-03.
#[tokio::test]
async fn the_session_endpoint_shows_and_ends_a_session() {
    let stack = Stack::of([Kind::Token]).await;
    let session = stack.login(Kind::Token, "ada").await;
    let info = stack.get(&stack.url("/v1/session"), Some(&session)).await;
    assert_eq!(info.status, 200);
    let info = info.json();
    assert_eq!((&info["registry"], &info["username"]), (&json!(stack.name(Kind::Token)), &json!("ada")));
    assert!(info["expires_at"].as_i64().unwrap() > 1_700_000_000_000, "milliseconds: {info}");
    assert!(info.get("session").is_none(), "{info}");

    stack.token(Some(&session), Kind::Token, &[PRIVATE]).await;
    let call = stack.client.call(Method::DELETE, &stack.url("/v1/session")).bearer(&session);
    assert_eq!(stack.send(call).await.status, 204);
    stack.reset();
    problem(&stack.get(&stack.url("/v1/session"), Some(&session)).await, 401, "invalid_session");
    // The cached token is not returned either.
    problem(&stack.ask(Some(&session), Kind::Token, &[PRIVATE]).await, 401, "invalid_session");
    problem(
        &stack.get(&stack.gateway(Kind::Token, PRIVATE_TAGS), Some(&session)).await,
        401,
        "invalid_session",
    );
    assert_eq!(stack.upstream(Kind::Token), Upstream::NOTHING);
    let nobody = stack.get(&stack.url("/v1/session"), None).await;
    assert_eq!((nobody.status, nobody.text().as_str()), (204, ""), "no error on a browser's console");
    let logout = stack.client.call(Method::DELETE, &stack.url("/v1/session"));
    problem(&stack.send(logout).await, 401, "login_required");
    stack.end().await;
}

/// All rejections are equal except for the request id.
// Threats: JWE-18.
#[tokio::test]
async fn forged_damaged_and_foreign_sessions_get_the_same_error() {
    let stack = Stack::of([Kind::Token]).await;
    let session = stack.login(Kind::Token, "ada").await;
    // By default a key is generated at start.
    let other = Stack::with(DemoConfig::only([Kind::Token]), |config| config.session.key_files.clear()).await;
    let foreign = other.login(Kind::Token, "ada").await;
    other.end().await;

    let parts: Vec<&str> = session.split('.').collect();
    let flipped = |index: usize| {
        let mut parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
        let middle = parts[index].len() / 2;
        let letter = if parts[index].as_bytes()[middle] == b'A' { "B" } else { "A" };
        parts[index].replace_range(middle..=middle, letter);
        parts.join(".")
    };
    let mut bad: Vec<String> = (0..6).map(flipped).collect();
    bad.push(foreign);
    bad.push(format!("{session}A"));
    bad.push(session.chars().take(session.len() - 1).collect());
    bad.push(parts[..5].join("."));
    bad.push([parts[0], parts[1], parts[2], parts[3], ""].join("."));
    bad.push([parts[0], "", parts[2], parts[3], parts[4]].join("."));
    // {"alg":"none"}, {"alg":"dir","enc":"A256GCM"}, {"alg":"RSA-OAEP-256","enc":"A256GCM","zip":"DEF"}
    for header in [
        "eyJhbGciOiJub25lIn0",
        "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0",
        "eyJhbGciOiJSU0EtT0FFUC0yNTYiLCJlbmMiOiJBMjU2R0NNIiwiemlwIjoiREVGIn0",
    ] {
        bad.push([header, parts[1], parts[2], parts[3], parts[4]].join("."));
    }
    stack.reset();
    let mut responses = Vec::new();
    let mut relayed = 0;
    for session in &bad {
        let response = stack.ask(Some(session), Kind::Token, &[PRIVATE]).await;
        problem(&response, 401, "invalid_session");
        responses.push(without_request_id(&response));
        // The gateway recognises a session by its header; tokens of registries have other headers.
        if session.starts_with(parts[0]) {
            let url = stack.gateway(Kind::Token, PRIVATE_TAGS);
            problem(&stack.get(&url, Some(session)).await, 401, "invalid_session");
            relayed += 1;
        }
    }
    assert_eq!(relayed, 10, "all but the foreign one and those with a changed header");
    responses.dedup();
    assert_eq!(responses.len(), 1, "{responses:#?}");
    assert_eq!(stack.upstream(Kind::Token), Upstream::NOTHING);
    stack.end().await;
}

fn without_request_id(response: &HttpResponse) -> Value {
    let mut body = response.json();
    body.as_object_mut().unwrap().remove("request_id");
    body
}

// Threats: SES-15.
#[tokio::test]
async fn a_session_expires_after_its_lifetime() {
    let time = ManualTime::new();
    let demo = DemoConfig::only([Kind::Token]);
    let stack =
        Stack::with_time(demo, time.clone(), |config| config.session.lifetime = Duration::from_mins(2)).await;
    let session = stack.login(Kind::Token, "ada").await;
    stack.token(Some(&session), Kind::Token, &[PRIVATE]).await;
    time.advance(Duration::from_millis(119_999));
    assert_eq!(stack.get(&stack.url("/v1/session"), Some(&session)).await.status, 200);
    time.advance(Duration::from_millis(1));
    stack.reset();
    problem(&stack.get(&stack.url("/v1/session"), Some(&session)).await, 401, "session_expired");
    problem(&stack.ask(Some(&session), Kind::Token, &[PRIVATE]).await, 401, "session_expired");
    problem(
        &stack.get(&stack.gateway(Kind::Token, PRIVATE_TAGS), Some(&session)).await,
        401,
        "session_expired",
    );
    assert_eq!(stack.upstream(Kind::Token), Upstream::NOTHING);
    stack.end().await;
}

// Threats: RLM-11.
#[tokio::test]
async fn a_session_is_bound_to_one_registry() {
    let stack = Stack::of([Kind::Token, Kind::Hub]).await;
    let session = stack.login(Kind::Token, "ada").await;
    stack.reset();
    problem(&stack.ask(Some(&session), Kind::Hub, &[PRIVATE]).await, 403, "registry_mismatch");
    problem(
        &stack.get(&stack.gateway(Kind::Hub, PRIVATE_TAGS), Some(&session)).await,
        403,
        "registry_mismatch",
    );
    assert_eq!(stack.upstream(Kind::Hub), Upstream::NOTHING);
    assert_eq!(stack.upstream(Kind::Token), Upstream::NOTHING);
    stack.end().await;
}

// Threats: SES-01, SES-12.
#[tokio::test]
async fn a_cookie_session_has_its_attributes_and_needs_the_csrf_header() {
    let stack = Stack::of([Kind::Token]).await;
    let origin = stack.server.origin.clone();
    let body = json!({
        "registry": stack.name(Kind::Token), "username": "ada", "password": stack.password, "carrier": "cookie",
    });
    let login =
        stack.client.post(&stack.url("/v1/sessions")).header("origin", &origin).header("x-dockpass", "1");
    let response = stack.send(login.json(&body)).await;
    assert_eq!(response.status, 200, "{}", response.text());
    assert!(response.json().get("session").is_none(), "the page never sees it: {}", response.text());
    let cookie = response.header("set-cookie");
    let mut attributes = cookie.split("; ");
    let pair = attributes.next().unwrap().to_owned();
    assert!(pair.starts_with("__Host-dockpass-"), "{cookie}");
    let attributes: Vec<String> = attributes.map(str::to_ascii_lowercase).collect();
    for attribute in ["secure", "httponly", "samesite=strict", "path=/"] {
        assert!(attributes.contains(&attribute.to_owned()), "{cookie}");
    }
    assert!(!attributes.iter().any(|attribute| attribute.starts_with("domain")), "{cookie}");
    stack.keep_secret(pair.split_once('=').unwrap().1);

    let ask = json!({ "registry": stack.name(Kind::Token), "scopes": [PRIVATE] });
    let url = stack.url("/v1/token");
    let call = || stack.client.post(&url).header("cookie", &pair);
    problem(&stack.send(call().header("origin", &origin).json(&ask)).await, 403, "csrf_required");
    // Without Origin and Sec-Fetch-Site the origin of the request is unknown.
    problem(&stack.send(call().header("x-dockpass", "1").json(&ask)).await, 403, "origin_not_allowed");
    let own = call().header("x-dockpass", "1").header("origin", &origin).json(&ask);
    assert_eq!(stack.send(own).await.status, 200);
    // SES-11: another site, or another origin of the same site.
    for site in ["cross-site", "same-site"] {
        let foreign = call().header("x-dockpass", "1").header("sec-fetch-site", site);
        let foreign = foreign.header("origin", "https://evil.test").json(&ask);
        let response = stack.send(foreign).await;
        problem(&response, 403, "origin_not_allowed");
    }
    // A cookie in an upstream request would be a violation.
    let tags = stack.client.get(&stack.gateway(Kind::Token, PRIVATE_TAGS)).header("cookie", &pair);
    let tags = stack.send(tags.header("x-dockpass", "1").header("sec-fetch-site", "same-origin")).await;
    assert_eq!(tags.status, 200, "{}", tags.text());
    stack.end().await;
}

#[tokio::test]
async fn a_refresh_token_replaces_the_password_in_the_session() {
    let stack = Stack::of([Kind::Token]).await;
    let session = stack.login(Kind::Token, "ada").await;
    let offline = ("offline_token".to_owned(), "true".to_owned());
    assert!(stack.demo.journal().iter().any(|record| record.query.contains(&offline)), "login asks for one");
    stack.reset();
    stack.token(Some(&session), Kind::Token, &[PRIVATE]).await;
    let journal = stack.demo.journal();
    assert_eq!(journal.len(), 1);
    assert_eq!((journal[0].method.as_str(), &journal[0].authorization), ("POST", &None));
    assert!(journal[0].form.contains(&"refresh_token".to_owned()), "{:?}", journal[0]);
    stack.end().await;
}

// Threats: SHD-02.
#[tokio::test]
async fn sessions_outlive_the_process_with_a_key_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    write_key(&file);
    let with_key = |config: &mut Settings| config.session.key_files = vec![file.clone()];
    let first = Stack::with(DemoConfig::only([Kind::Token]), with_key).await;
    let entry = entry(first.registry(Kind::Token));
    let session = first.login(Kind::Token, "ada").await;

    // A second instance with the same key and its own caches.
    let second = Stack::with(DemoConfig::only([]), |config| {
        with_key(config);
        config.registries = vec![entry];
    })
    .await;
    let info = second.get(&second.url("/v1/session"), Some(&session)).await;
    assert_eq!((info.status, &info.json()["username"]), (200, &json!("ada")));
    let body = json!({ "registry": first.name(Kind::Token), "scopes": [PRIVATE] });
    assert_eq!(second.post("/v1/token", Some(&session), &body).await.status, 200);
    second.end().await;
    first.end().await;
}
