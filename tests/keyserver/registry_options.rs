//! Options of single registries: names that differ from the address, and scopes that may be requested.

use std::time::{Duration, Instant};

use dockpass_keyserver::config::CatalogAccountSettings;
use dockpass_tests::client::HttpResponse;
use dockpass_tests::demo::{DemoConfig, Kind, User, Visibility};
use futures_util::future::join_all;
use serde_json::json;

use crate::harness::{Stack, Upstream, problem};

const PRIVATE: &str = "repository:vault/keys:pull";

/// The registry has a public name, and the key server reaches it at another address. Its name is in paths and sessions, and
/// the other address is dialled; absolute links with the public name are followed through the gateway.
#[tokio::test]
async fn a_registry_is_named_by_its_host_and_reached_at_its_url() {
    let stack = Stack::with(DemoConfig::only([Kind::Token]), |config| {
        let registry = &mut config.registries[0];
        registry.name = dockpass_keyserver::config::RegistryName::parse("registry.example.com").unwrap();
        registry.public = Some("https://registry.example.com".parse().unwrap());
    })
    .await;
    let list = stack.get(&stack.url("/v1/registries"), None).await.json();
    assert_eq!(list["registries"][0]["registry"], "registry.example.com");
    assert_eq!(list["registries"][0]["gateway"], "r/registry.example.com/v2/");
    let body = json!({ "registry": "registry.example.com", "username": "ada", "password": stack.password });
    let login = stack.post("/v1/sessions", None, &body).await;
    assert_eq!(login.status, 200, "{}", login.text());
    assert_eq!(login.json()["registry"], "registry.example.com");
    let session = login.json()["session"].as_str().unwrap().to_owned();
    stack.keep_secret(&session);
    let url = stack.url("/r/registry.example.com/v2/vault/keys/tags/list");
    assert_eq!(stack.get(&url, Some(&session)).await.status, 200);
    // The address is not a second name.
    let address = stack.url(&format!("/r/{}/v2/vault/keys/tags/list", stack.name(Kind::Token)));
    problem(&stack.get(&address, Some(&session)).await, 403, "registry_not_allowed");
    stack.end().await;
}

#[tokio::test]
async fn scopes_outside_the_list_are_refused_before_any_request() {
    let stack = Stack::with(DemoConfig::only([Kind::Token, Kind::Basic]), |config| {
        for registry in &mut config.registries {
            registry.allowed_scopes = vec!["repository:vault/*:pull".parse().unwrap()];
        }
    })
    .await;
    let session = stack.login(Kind::Token, "ada").await;
    stack.token(Some(&session), Kind::Token, &[PRIVATE]).await;
    assert_eq!(
        stack.get(&stack.gateway(Kind::Token, "vault/keys/tags/list"), Some(&session)).await.status,
        200
    );
    stack.reset();
    for scopes in [
        &["repository:vault/keys:pull,push"][..],
        &["repository:team-a/api:pull"],
        &["registry:catalog:*"],
        &[PRIVATE, "repository:team-a/api:pull"],
    ] {
        for session in [Some(session.as_str()), None] {
            problem(&stack.ask(session, Kind::Token, scopes).await, 403, "scope_not_allowed");
        }
    }
    let other = stack.gateway(Kind::Token, "team-a/api/tags/list");
    problem(&stack.get(&other, Some(&session)).await, 403, "scope_not_allowed");
    assert_eq!(stack.upstream(Kind::Token), Upstream::NOTHING);
    // Where there are no tokens, the session's password is not used either.
    let basic = stack.login(Kind::Basic, "ada").await;
    assert_eq!(
        stack.get(&stack.gateway(Kind::Basic, "vault/keys/tags/list"), Some(&basic)).await.status,
        200
    );
    problem(
        &stack.get(&stack.gateway(Kind::Basic, "_catalog"), Some(&basic)).await,
        403,
        "scope_not_allowed",
    );
    stack.end().await;
}

/// The demo with a user `lister` who may list everything, and the key server with that account at each registry. The folder
/// holds the file with the password.
async fn stack_with_catalog_account(kinds: &[Kind]) -> (Stack, tempfile::TempDir) {
    const PASSWORD: &str = "canary-of-the-catalog-account";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    let mut demo = DemoConfig::only(kinds.iter().copied());
    demo.users.push(User::new("lister", PASSWORD, Visibility::Everything));
    let stack = Stack::with(demo, |config| {
        for registry in &mut config.registries {
            registry.catalog_account =
                Some(CatalogAccountSettings { username: "lister".to_owned(), password_file: file.clone() });
        }
    })
    .await;
    stack.keep_secret(PASSWORD);
    (stack, folder)
}

/// Name and value of the cookie of a login of the page.
async fn page_login(stack: &Stack, kind: Kind, user: &str) -> (String, String) {
    let body = json!({
        "registry": stack.name(kind), "username": user, "password": stack.password, "carrier": "cookie",
    });
    let call = stack.client.post(&stack.url("/v1/sessions")).header("origin", &stack.server.origin);
    let response = stack.send(call.header("x-dockpass", "1").json(&body)).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let cookie = response.header("set-cookie").split(';').next().unwrap().to_owned();
    let (name, value) = cookie.split_once('=').unwrap();
    (name.to_owned(), value.to_owned())
}

/// The names of a page of the catalog, and the path of the next one.
fn page(response: &HttpResponse) -> (Vec<String>, Option<String>) {
    assert_eq!(response.status, 200, "{}", response.text());
    let names = response.json()["repositories"].as_array().unwrap().clone();
    let names = names.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    let link = response.headers.get("link").map(|link| link.to_str().unwrap());
    (names, link.map(|link| link.split(['<', '>']).nth(1).unwrap().to_owned()))
}

// Threats: SCP-14.
#[tokio::test]
async fn the_catalog_account_shows_a_user_what_the_user_may_pull_and_nothing_else() {
    let (stack, _folder) = stack_with_catalog_account(&[Kind::OwnRealm]).await;
    let url = stack.gateway(Kind::OwnRealm, "_catalog");
    let ada = stack.login(Kind::OwnRealm, "ada").await;
    let bob = stack.login(Kind::OwnRealm, "bob").await;
    let (all, _) = page(&stack.get(&url, Some(&ada)).await);
    assert!(all.contains(&"vault/keys".to_owned()) && all.contains(&"team-a/api".to_owned()), "{all:?}");
    stack.reset();
    let (own, _) = page(&stack.get(&url, Some(&bob)).await);
    // The account's token is in the cache since the first list. The user's tokens are for 25 repositories each.
    assert_eq!(stack.upstream(Kind::OwnRealm), Upstream::of(1, all.len().div_ceil(25)));
    let mut expected = Vec::new();
    for name in &all {
        let scope = format!("repository:{name}:pull");
        let token = stack.ask(Some(&bob), Kind::OwnRealm, &[&scope]).await;
        if token.json()["granted"] == json!([scope]) {
            expected.push(name.clone());
        }
    }
    assert_eq!(own, expected);
    assert!(own.contains(&"team-b/app".to_owned()) && !own.contains(&"vault/keys".to_owned()), "{own:?}");
    stack.reset();
    page(&stack.get(&url, Some(&bob)).await);
    assert_eq!(stack.upstream(Kind::OwnRealm), Upstream::of(1, 0), "what the user may pull is cached");
    // As the page does it: with the user's own token for the catalog, which grants nothing, and the cookie.
    let answer = stack.ask(Some(&bob), Kind::OwnRealm, &["registry:catalog:*"]).await;
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    stack.keep_secret(&token);
    let (name, value) = page_login(&stack, Kind::OwnRealm, "bob").await;
    let with_token = || stack.client.get(&url).header("authorization", &format!("Bearer {token}"));
    let of_page =
        with_token().header("cookie", &format!("{name}={value}")).header("sec-fetch-site", "same-origin");
    assert_eq!(page(&stack.send(of_page).await).0, own);
    let foreign =
        with_token().header("cookie", &format!("{name}={value}")).header("sec-fetch-site", "same-site");
    problem(&stack.send(foreign).await, 403, "origin_not_allowed");
    assert_eq!(stack.send(with_token()).await.status, 401, "the registry's own response, without a session");
    // Page by page it is the same list, and pages may be short.
    let (mut names, mut next) = page(&stack.get(&format!("{url}?n=2"), Some(&bob)).await);
    while let Some(relative) = next {
        let (more, after) = page(
            &stack.get(&format!("{url}{relative}").replace("_catalog_catalog", "_catalog"), Some(&bob)).await,
        );
        assert!(more.len() <= 2, "{more:?}");
        names.extend(more);
        next = after;
    }
    assert_eq!(names, own);
    stack.end().await;
}

// Threats: SCP-14.
#[tokio::test]
async fn the_catalog_account_is_used_for_nothing_else() {
    let (stack, _folder) = stack_with_catalog_account(&[Kind::OwnRealm, Kind::Opaque, Kind::Basic]).await;
    // Nobody's request, and other resources of a user's.
    let anonymous = stack.get(&stack.gateway(Kind::OwnRealm, "_catalog"), None).await;
    assert_eq!(anonymous.status, 401, "{}", anonymous.text());
    let bob = stack.login(Kind::OwnRealm, "bob").await;
    problem(
        &stack.get(&stack.gateway(Kind::OwnRealm, "vault/keys/tags/list"), Some(&bob)).await,
        403,
        "scope_denied",
    );
    // A token for the catalog is the user's own.
    let answer = stack.ask(Some(&bob), Kind::OwnRealm, &["registry:catalog:*"]).await;
    assert_eq!(answer.json()["granted"], json!([]), "{}", answer.text());
    // Opaque tokens do not say what the user may pull; without tokens there is nothing to ask.
    for kind in [Kind::Opaque, Kind::Basic] {
        let bob = stack.login(kind, "bob").await;
        let list = stack.get(&stack.gateway(kind, "_catalog"), Some(&bob)).await;
        assert!(!list.text().contains("vault/keys"), "{}", list.text());
    }
    stack.end().await;
}

// Threats: UPS-11.
#[tokio::test]
async fn a_registry_gets_no_more_requests_per_second_than_configured() {
    let stack = Stack::with(DemoConfig::only([Kind::Open, Kind::Token]), |config| {
        config.limits.connect_timeout = Duration::from_secs(1);
        config.registries[0].requests_per_second = 5.try_into().ok();
    })
    .await;
    let url = stack.gateway(Kind::Open, "library/alpine/tags/list");
    let began = Instant::now();
    let requests = (0..20).map(|_| stack.get(&url, None));
    let statuses: Vec<u16> = join_all(requests).await.iter().map(|response| response.status).collect();
    let elapsed = began.elapsed();
    let served = statuses.iter().filter(|status| **status == 200).count();
    // Five at once, five more within the second that they may wait, and the rest is refused.
    assert!((10..=12).contains(&served), "{statuses:?}");
    assert!(elapsed >= Duration::from_millis(800), "{elapsed:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 503).count(), 20 - served, "{statuses:?}");
    assert_eq!(stack.upstream(Kind::Open).registry, served);
    // The other registry has no such limit, and is not in the way.
    let other = stack.gateway(Kind::Token, "library/alpine/tags/list");
    let others = (0..20).map(|_| stack.get(&other, None));
    assert!(join_all(others).await.iter().all(|response| response.status == 401));
    stack.end().await;
}
