//! The flows, step by step.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use super::super::{Clock, DemoConfig, Kind, Role};
use super::{ADA, BOB, Stage, claims};

const PRIVATE: &str = "repository:vault/keys:pull";
const PUBLIC: &str = "repository:library/alpine:pull";
const PRIVATE_TAGS: &str = "/v2/vault/keys/tags/list";

#[tokio::test]
async fn the_open_registry_needs_no_login() {
    let stage = Stage::of(Kind::Open).await;
    assert_eq!(stage.get("/v2/").await.status, 200);
    let tags = stage.get(PRIVATE_TAGS).await;
    assert_eq!(tags.json(), json!({ "name": "vault/keys", "tags": ["2.1.0", "latest"] }));
    assert_eq!(stage.broken(), [""; 0]);
}

#[tokio::test]
async fn token_service_challenges_with_basic_and_the_token_opens_the_resource() {
    let stage = Stage::of(Kind::Token).await;
    let refused = stage.get(PRIVATE_TAGS).await;
    let realm = stage.registry().realm().unwrap();
    assert_eq!(refused.status, 401);
    assert_eq!(
        refused.header("www-authenticate"),
        format!("Bearer realm=\"{realm}\",service=\"registry.demo\",scope=\"{PRIVATE}\"")
    );
    assert_eq!(refused.json()["errors"][0]["code"], "UNAUTHORIZED");
    assert!(!realm.starts_with(&stage.registry().url()), "the realm is on another port");

    let challenged = stage.ask(&[PRIVATE], None).await;
    assert_eq!(challenged.status, 401);
    assert_eq!(challenged.header("www-authenticate"), "Basic realm=\"dockpass demo: token\"");
    assert_eq!(stage.ask(&[PRIVATE], Some(("ada", "wrong"))).await.status, 401);
    assert_eq!(stage.ask(&[], None).await.status, 401, "a login check without credentials is no login");
    assert_eq!(stage.ask(&[], Some(ADA)).await.status, 200);

    let token = stage.token(&[PRIVATE, "repository:library/alpine:pull,push"], Some(ADA)).await;
    let claims = claims(&token);
    assert_eq!(claims["sub"], "ada");
    assert_eq!(claims["aud"], "registry.demo");
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 300);
    assert_eq!(
        claims["access"],
        json!([
            { "type": "repository", "name": "vault/keys", "actions": ["pull"] },
            { "type": "repository", "name": "library/alpine", "actions": ["pull", "push"] },
        ])
    );
    assert_eq!(stage.get_with(PRIVATE_TAGS, &token).await.status, 200);
    assert_eq!(stage.get_with("/v2/", &token).await.status, 200);
    let other = stage.get_with("/v2/team-a/api/tags/list", &token).await;
    assert_eq!(other.status, 401);
    assert!(other.header("www-authenticate").ends_with(",error=\"insufficient_scope\""));
    assert_eq!(stage.broken(), [""; 0]);
}

#[tokio::test]
async fn anonymous_users_get_what_is_public() {
    for kind in [Kind::Token, Kind::Opaque, Kind::OwnRealm, Kind::Hub] {
        let stage = Stage::of(kind).await;
        let token = stage.token(&[PUBLIC], None).await;
        assert_eq!(stage.get_with("/v2/library/alpine/tags/list", &token).await.status, 200, "{kind:?}");
        assert_eq!(stage.get_with(PRIVATE_TAGS, &token).await.status, 401, "{kind:?}");
    }
}

#[tokio::test]
async fn a_limited_users_token_grants_less() {
    let stage = Stage::of(Kind::Token).await;
    let token = stage.token(&[PRIVATE, "repository:team-b/app:pull,push,delete"], Some(BOB)).await;
    assert_eq!(
        claims(&token)["access"],
        json!([
            { "type": "repository", "name": "vault/keys", "actions": [] },
            { "type": "repository", "name": "team-b/app", "actions": ["pull", "push"] },
        ])
    );
    let catalog = stage.token(&["registry:catalog:*"], Some(BOB)).await;
    let names = stage.get_with("/v2/_catalog", &catalog).await.json();
    let names: Vec<&str> =
        names["repositories"].as_array().unwrap().iter().map(|n| n.as_str().unwrap()).collect();
    assert!(names.contains(&"team-b/app") && names.contains(&"library/alpine"), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("vault/") || name.starts_with("team-a/")), "{names:?}");
}

#[tokio::test]
async fn opaque_tokens_work() {
    let stage = Stage::of(Kind::Opaque).await;
    let base = stage.get("/v2/").await;
    assert!(base.header("www-authenticate").contains("scope=\"repository:user/image:pull\""));
    assert_eq!(stage.ask(&[PRIVATE], None).await.status, 401);
    let response = stage.ask(&[PRIVATE], Some(ADA)).await.json();
    assert_eq!(response.as_object().unwrap().len(), 1, "{response}");
    let token = response["token"].as_str().unwrap();
    assert!(!token.contains('.'));
    assert_eq!(stage.get_with(PRIVATE_TAGS, token).await.status, 200);
    assert_eq!(stage.get_with(PRIVATE_TAGS, "made-up").await.status, 401);
}

#[tokio::test]
async fn a_token_service_on_the_registrys_own_origin() {
    let stage = Stage::of(Kind::OwnRealm).await;
    assert!(stage.registry().realm().unwrap().starts_with(&stage.registry().url()));
    let response = stage.ask(&[PRIVATE], Some(ADA)).await.json();
    assert_eq!(response["access_token"], "", "as Harbor replies");
    assert_eq!(stage.get_with(PRIVATE_TAGS, response["token"].as_str().unwrap()).await.status, 200);
    assert_eq!(stage.demo.requests(Kind::OwnRealm, Role::TokenService), 1);
    assert_eq!(stage.demo.requests(Kind::OwnRealm, Role::Registry), 1);
}

#[tokio::test]
async fn docker_hubs_token_service_never_challenges() {
    let stage = Stage::of(Kind::Hub).await;
    let weak = stage.ask(&[PRIVATE], None).await;
    assert_eq!(weak.status, 200);
    let weak = weak.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(claims(&weak)["access"], json!([]));
    let denied = stage.get_with(PRIVATE_TAGS, &weak).await;
    assert_eq!(denied.status, 401);
    assert!(
        denied
            .header("www-authenticate")
            .ends_with(&format!("scope=\"{PRIVATE}\",error=\"insufficient_scope\""))
    );

    let token = stage.token(&[PRIVATE], Some(ADA)).await;
    assert_eq!(claims(&token)["access"][0]["actions"], json!(["pull"]));
    assert_eq!(stage.get_with(PRIVATE_TAGS, &token).await.status, 200);

    let wrong = stage.ask(&[], Some(("ada", "wrong"))).await;
    assert_eq!(wrong.status, 401);
    assert_eq!(wrong.header("www-authenticate"), "");

    let missing = stage.token(&["repository:no/such:pull"], Some(ADA)).await;
    assert_eq!(claims(&missing)["access"], json!([]), "missing looks like private");
    let catalog = stage.token(&["registry:catalog:*"], Some(ADA)).await;
    assert_eq!(stage.get_with("/v2/_catalog", &catalog).await.status, 401);

    let manifest = stage.get_with("/v2/vault/keys/manifests/latest", &token).await;
    assert_eq!(manifest.header("ratelimit-limit"), "100;w=21600");
    assert_eq!(manifest.header("ratelimit-remaining"), "99;w=21600");
}

#[tokio::test]
async fn basic_at_the_registry() {
    let stage = Stage::of(Kind::Basic).await;
    let refused = stage.get("/v2/").await;
    assert_eq!(
        (refused.status, &*refused.header("www-authenticate")),
        (401, "Basic realm=\"Demo Registry\"")
    );
    assert_eq!(stage.get_as("/v2/", ("ada", "wrong")).await.status, 401);
    assert_eq!(stage.get_as("/v2/", ADA).await.status, 200);
    assert_eq!(stage.get_as(PRIVATE_TAGS, ADA).await.status, 200);
    let hidden = stage.get_as(PRIVATE_TAGS, BOB).await;
    assert_eq!((hidden.status, &hidden.json()["errors"][0]["code"]), (403, &json!("DENIED")));
    assert_eq!(stage.get_as("/v2/team-b/app/tags/list", BOB).await.status, 200);
}

#[tokio::test]
async fn a_refresh_token_stands_for_the_password() {
    let stage = Stage::of(Kind::Token).await;
    let url = format!("{}&offline_token=true&client_id=dockpass", stage.realm(&[]));
    let response = stage.client.get(&url).basic(ADA.0, ADA.1).send().await.unwrap();
    let refresh = response.json()["refresh_token"].as_str().unwrap().to_owned();
    assert!(stage.ask(&[], Some(ADA)).await.json().get("refresh_token").is_none(), "only when asked for");

    let post = async |refresh: &str| {
        let form = format!(
            "grant_type=refresh_token&service=registry.demo&client_id=dockpass&scope={PRIVATE}+{PUBLIC}&refresh_token={refresh}"
        );
        let call = stage.client.post(&stage.registry().realm().unwrap());
        call.body("application/x-www-form-urlencoded", form).send().await.unwrap()
    };
    let response = post(&refresh).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let response = response.json();
    assert_eq!(response["scope"], format!("{PRIVATE} {PUBLIC}"));
    assert!(response.get("token").is_none(), "OAuth2 knows only access_token");
    let token = response["access_token"].as_str().unwrap();
    assert_eq!(stage.get_with(PRIVATE_TAGS, token).await.status, 200);
    assert_eq!(post("refresh-made-up").await.status, 401);
    assert_eq!(stage.broken(), [""; 0]);
    assert!(stage.demo.journal().iter().any(|record| record.form.contains(&"refresh_token".to_owned())));
}

#[tokio::test]
async fn expired_and_forged_tokens_are_refused() {
    let now = Arc::new(AtomicU64::new(1_800_000_000));
    for kind in [Kind::Token, Kind::Opaque, Kind::OwnRealm] {
        let clock = Arc::clone(&now);
        let config = DemoConfig {
            clock: Clock::from_fn(move || clock.load(Ordering::SeqCst)),
            token_lifetime: 60,
            ..DemoConfig::only([kind])
        };
        let stage = Stage::with(kind, config).await;
        let token = stage.token(&[PRIVATE], Some(ADA)).await;
        now.fetch_add(59, Ordering::SeqCst);
        let good = stage.get_with(PRIVATE_TAGS, &token).await;
        assert_eq!(good.status, 200);
        assert!(good.header("date").ends_with(" Jan 2027 08:00:59 GMT") || kind != Kind::Token, "{good:?}");
        now.fetch_add(1, Ordering::SeqCst);
        let expired = stage.get_with(PRIVATE_TAGS, &token).await;
        assert_eq!(expired.status, 401);
        assert!(expired.header("www-authenticate").ends_with("error=\"invalid_token\""));

        let fresh = stage.token(&[PRIVATE], Some(ADA)).await;
        // The last character of base64url may have unused bits, so the one before it is changed.
        let mut forged: Vec<char> = fresh.chars().collect();
        let position = forged.len() - 2;
        forged[position] = if forged[position] == 'A' { 'B' } else { 'A' };
        let forged: String = forged.into_iter().collect();
        assert_eq!(stage.get_with(PRIVATE_TAGS, &forged).await.status, 401, "{kind:?}");
    }
}

#[tokio::test]
async fn tokens_are_bound_to_their_registry() {
    let stage = Stage::with(Kind::Token, DemoConfig::only([Kind::Token, Kind::Hub])).await;
    let token = stage.token(&[PRIVATE], Some(ADA)).await;
    let hub = stage.demo.registry(Kind::Hub).unwrap().url();
    let response = stage.client.get(&format!("{hub}{PRIVATE_TAGS}")).bearer(&token).send().await.unwrap();
    assert_eq!(response.status, 401);
}

#[tokio::test]
async fn the_false_login_quirk_gives_an_anonymous_token_for_a_wrong_password() {
    let config = DemoConfig { false_login: true, ..DemoConfig::only([Kind::OwnRealm]) };
    let stage = Stage::with(Kind::OwnRealm, config).await;
    let token = stage.token(&[PRIVATE], Some(("ada", "wrong"))).await;
    assert_eq!((&claims(&token)["sub"], &claims(&token)["access"]), (&json!(""), &json!([])));
    assert_eq!(stage.get_with("/v2/", &token).await.status, 200, "which is what makes it look like a login");
}

#[tokio::test]
async fn preflights_are_refused_without_cors_headers() {
    for kind in [Kind::Token, Kind::Basic, Kind::Hub] {
        let stage = Stage::of(kind).await;
        let call = stage.client.call(http::Method::OPTIONS, &stage.url(PRIVATE_TAGS));
        let call =
            call.header("origin", "https://page.example").header("access-control-request-method", "GET");
        let response = call.header("access-control-request-headers", "authorization").send().await.unwrap();
        assert_eq!(response.status, 401, "{kind:?}");
        let cors = response.headers.keys().any(|name| name.as_str().starts_with("access-control"));
        assert!(!cors, "{kind:?}");
        assert_eq!(stage.broken(), [""; 0]);
    }
}
