//! Registries and token services that do what the specification does not say, seen through the whole server.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use dockpass_tests::scripted::{Request, Response, respond};
use http::StatusCode;
use serde_json::{Value, json};

use crate::api::{NOW_MS, TestServer, basic, jwt, request, settings, token_registry, upstream};

const JSON: (&str, &str) = ("content-type", "application/json");

fn token_of(claims: &Value) -> Response {
    respond(200, &[JSON], &json!({ "token": jwt(claims), "expires_in": 300 }).to_string())
}

/// Open at `/v2/`, with a challenge for each resource (zot with anonymousPolicy, Nexus).
fn challenges_at_resources(own: &str, received: &Request) -> Response {
    match received.path() {
        "/v2/" => respond(200, &[], ""),
        "/token" if received.header("authorization").is_none_or(|value| value == basic()) => {
            let sub = if received.header("authorization").is_some() { "ada" } else { "" };
            token_of(&json!({ "sub": sub, "aud": "fake", "exp": NOW_MS / 1_000 + 300,
                "access": [{ "type": "repository", "name": "a", "actions": ["pull"] }] }))
        }
        _ => token_registry(own, received),
    }
}

#[tokio::test]
async fn a_registry_that_challenges_at_its_resources_gives_tokens_and_takes_logins() {
    let fake = upstream(challenges_at_resources).await;
    let server = TestServer::with(&[&fake]);
    let realm = format!("http://{}/token", fake.authority);
    let mut body = json!({ "registry": fake.authority, "scopes": ["repository:a:pull"],
        "challenge": { "realm": realm, "service": "fake" } });
    let response = server.post("/v1/token", &[], &body).await;
    assert_eq!(response.status, StatusCode::OK, "{response:?}");
    assert_eq!(response.json()["granted"], json!(["repository:a:pull"]));
    assert_eq!((fake.count("/v2/"), fake.count("/v2/a/tags/list"), fake.count("/token")), (1, 1, 1));
    // What a caller reports is still compared with what the registry itself says.
    body["challenge"]["service"] = json!("other");
    server.post("/v1/token", &[], &body).await.assert_problem("realm_changed");
    let session = server.login(&fake).await;
    let info = server.get("/v1/session", &[("authorization", &session)]).await.json();
    assert_eq!((&info["auth"], &info["realm"]), (&json!("bearer"), &json!(realm)));
}

#[tokio::test]
async fn a_redirect_of_the_first_address_is_followed_on_the_same_origin_only() {
    let moved = |own: &str, received: &Request| match received.path() {
        "/v2/" => respond(301, &[("location", "/v2")], ""),
        _ => token_registry(own, received),
    };
    let fake = upstream(moved).await;
    let server = TestServer::with(&[&fake]);
    server.login(&fake).await;
    let body = json!({ "registry": fake.authority, "scopes": ["repository:a:pull"] });
    server.post("/v1/token", &[], &body).await.assert_problem("login_required");

    let away = upstream(|_, _| respond(301, &[("location", "http://elsewhere.test/v2/?t=1")], "")).await;
    let server = TestServer::with(&[&away]);
    let mut body = crate::api::login_body(&away);
    body["trace"] = json!(true);
    let refused = server.post("/v1/sessions", &[], &body).await;
    refused.assert_problem("upstream_redirect");
    let steps = refused.json()["steps"].clone();
    assert_eq!(steps[1]["place"], "http://elsewhere.test/v2/", "{steps}");
}

/// Denies by 401 what bob may not see (olareg); `ADA` may see all, until the password is another one.
fn denies_by_401(received: &Request, is_changed: bool) -> Response {
    let challenge = ("www-authenticate", "Basic realm=\"fake\"");
    let is_good = !is_changed && received.header("authorization") == Some(basic().as_str());
    match received.path() {
        "/v2/" if is_good => respond(200, &[JSON], "{}"),
        _ => respond(401, &[challenge, JSON], "{}"),
    }
}

#[tokio::test]
async fn a_refusal_of_basic_is_of_the_permission_or_of_the_password() {
    let changed = std::sync::Arc::new(AtomicUsize::new(0));
    let now = std::sync::Arc::clone(&changed);
    let fake = upstream(move |_, received| denies_by_401(received, now.load(Ordering::Relaxed) > 0)).await;
    let server = TestServer::with(&[&fake]);
    let session = server.login(&fake).await;
    fake.forget();
    let path = format!("/r/{}/v2/a/tags/list", fake.authority);
    let headers = [("authorization", session.as_str()), ("x-dockpass", "1")];
    let denied = server.get(&path, &headers).await;
    denied.assert_problem("scope_denied");
    assert_eq!((fake.count("/v2/a/tags/list"), fake.count("/v2/")), (1, 1));
    // A page is told the steps, and what they do not say.
    let denied = denied.json();
    assert_eq!(denied["steps"].as_array().unwrap().last().unwrap()["code"], "scope_denied", "{denied}");
    assert_eq!(denied["context"]["registry"], json!(fake.authority));
    changed.store(1, Ordering::Relaxed);
    server.get(&path, &headers).await.assert_problem("bad_credentials");
}

#[tokio::test]
async fn a_body_that_was_sent_with_a_revoked_token_is_asked_for_again_with_a_fresh_one() {
    // Takes the second token only.
    let issued = AtomicUsize::new(0);
    let fake = upstream(move |own, received| match received.path() {
        "/token" if received.header("authorization").is_some() => {
            let count = issued.fetch_add(1, Ordering::Relaxed);
            token_of(
                &json!({ "sub": "ada", "aud": "fake", "exp": NOW_MS / 1_000 + 300, "jti": count.to_string(),
                "access": [{ "type": "repository", "name": "a", "actions": ["pull", "push"] }] }),
            )
        }
        "/v2/a/manifests/x" if received.header("authorization").is_some() => {
            // The login took the first one, the first attempt the second.
            if issued.load(Ordering::Relaxed) > 2 {
                respond(201, &[], "")
            } else {
                token_registry(own, &anonymous(received))
            }
        }
        _ => token_registry(own, received),
    })
    .await;
    let server = TestServer::configured(&[&fake], |settings| settings.gateway.read_only = false);
    let session = server.login(&fake).await;
    let path = format!("/r/{}/v2/a/manifests/x", fake.authority);
    let put = || {
        let headers = [("authorization", session.as_str()), ("content-type", "application/vnd.x+json")];
        request("PUT", &path, &headers, Body::from("{}"))
    };
    let refused = server.send(put()).await;
    refused.assert_problem("body_spent");
    assert_eq!((refused.status, refused.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, Some("1")));
    assert_eq!(server.send(put()).await.status, StatusCode::CREATED);
    assert_eq!(fake.count("/v2/a/manifests/x"), 2, "no body was sent twice");
}

fn anonymous(received: &Request) -> Request {
    let mut received = received.clone();
    received.headers.remove("authorization");
    received
}

#[tokio::test]
async fn a_registry_behind_a_redirect_gets_anybodys_token_where_the_pair_is_configured() {
    let behind = upstream(|own, received| match (received.path(), received.header("authorization")) {
        ("/token", None) => {
            token_of(&json!({ "sub": "", "aud": "other", "access": [], "exp": NOW_MS / 1_000 + 300 }))
        }
        (_, Some(value)) if value.starts_with("Bearer ey") => respond(200, &[JSON], "{\"tags\":[\"1\"]}"),
        _ => {
            let challenge =
                format!("Bearer realm=\"http://{own}/token\",service=\"other\",scope=\"repository:a:pull\"");
            respond(401, &[("www-authenticate", &challenge)], "{}")
        }
    })
    .await;
    let elsewhere = behind.authority.clone();
    let front = upstream(move |_, received| {
        respond(307, &[("location", &format!("http://{elsewhere}{}", received.target))], "")
    })
    .await;
    let path = format!("/r/{}/v2/a/tags/list", front.authority);
    let realm = format!("http://{}/token", behind.authority);
    let paired = |realms: bool| {
        let mut entry = settings(&front);
        entry.redirects.push(format!("http://{}", behind.authority).parse().unwrap());
        if realms {
            entry.realms = entry.realms.allow(&realm).unwrap();
            entry.realm_origins.push(format!("http://{}", behind.authority).parse().unwrap());
        }
        TestServer::configured(&[], |settings| settings.registries = vec![entry])
    };
    let refused = paired(false).get(&path, &[("x-dockpass", "1")]).await;
    refused.assert_problem("realm_not_allowed");
    assert_eq!(refused.json()["steps"][0]["place"], json!(realm));
    let response = paired(true).get(&path, &[]).await;
    assert_eq!((response.status, response.json()), (StatusCode::OK, json!({ "tags": ["1"] })));
    assert!(
        behind.received().iter().all(|received| received.header("authorization") != Some(basic().as_str()))
    );
}

#[tokio::test]
async fn a_coding_on_the_label_of_a_blob_is_not_relayed() {
    let fake = upstream(|_, _| respond(200, &[("content-encoding", "x-gzip")], "as stored")).await;
    let server = TestServer::with(&[&fake]);
    let digest = format!("sha256:{}", "0".repeat(64));
    let blob = server.get(&format!("/r/{}/v2/a/blobs/{digest}", fake.authority), &[]).await;
    assert_eq!((blob.header("content-encoding"), &*blob.body), (None, b"as stored".as_slice()));
    let manifest = server.get(&format!("/r/{}/v2/a/manifests/1", fake.authority), &[]).await;
    assert_eq!(manifest.header("content-encoding"), Some("x-gzip"));
}

/// A token service whose refresh tokens are good for one use: `r0` gives `r1`, and so on.
fn rotating(next: &AtomicUsize, own: &str, received: &Request) -> Response {
    if received.path() != "/token" {
        return token_registry(own, received);
    }
    let form = String::from_utf8_lossy(&received.body).into_owned();
    let current = next.load(Ordering::Relaxed);
    if !form.ends_with(&format!("refresh_token=r{current}")) {
        return respond(400, &[JSON], "{\"error\":\"invalid_grant\"}");
    }
    next.fetch_add(1, Ordering::Relaxed);
    let token = jwt(&json!({ "sub": "ada", "aud": "fake", "exp": NOW_MS / 1_000 + 300, "access": [] }));
    let body = json!({ "access_token": token, "refresh_token": format!("r{}", current + 1) });
    respond(200, &[JSON], &body.to_string())
}

#[tokio::test]
async fn a_refresh_token_that_was_replaced_comes_with_a_new_session() {
    let next = AtomicUsize::new(0);
    let fake = upstream(move |own, received| rotating(&next, own, received)).await;
    let server = TestServer::with(&[&fake]);
    let login = json!({ "registry": fake.authority, "username": "ada", "identity_token": "r0" });
    let session =
        server.post("/v1/sessions", &[], &login).await.json()["session"].as_str().unwrap().to_owned();
    let token = async |session: &str, name: &str| {
        let body = json!({ "registry": fake.authority, "scopes": [format!("repository:{name}:pull")] });
        server.post("/v1/token", &[("authorization", &format!("Bearer {session}"))], &body).await
    };
    let first = token(&session, "a").await;
    assert_eq!(first.status, StatusCode::OK, "{first:?}");
    let new = first.json()["session"].as_str().unwrap().to_owned();
    assert_ne!(new, session);
    // Two tabs that still have the old one, at the same time: neither is refused, and both are handed the newest.
    let (second, third) = tokio::join!(token(&session, "b"), token(&session, "c"));
    assert_eq!((second.status, third.status), (StatusCode::OK, StatusCode::OK), "{second:?} {third:?}");
    let newest = token(&session, "c").await.json()["session"].as_str().unwrap().to_owned();
    assert_eq!(token(&newest, "d").await.status, StatusCode::OK);
    // Logging out ends all of them.
    let request =
        request("DELETE", "/v1/session", &[("authorization", &format!("Bearer {newest}"))], Body::empty());
    assert_eq!(server.send(request).await.status, StatusCode::NO_CONTENT);
    for session in [session, new, newest] {
        token(&session, "e").await.assert_problem("invalid_session");
    }
}
