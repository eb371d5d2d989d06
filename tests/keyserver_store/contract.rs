//! Rules that hold with and without a store.
//!
//! With several instances, every rule alternates between them: clients must see one server.

use std::time::Duration;

use dockpass_tests::demo::{Action, Kind, Role, Script};

use crate::harness::{Cluster, KIND, Options, claims, problem, until};

const PRIVATE: &str = "repository:vault/keys:pull";
const WIDER: &str = "repository:vault/keys:pull,push";

/// Runs the rules with one instance without a store.
pub(crate) async fn in_the_process() {
    rules(false).await;
}

/// Runs the rules with two instances that share a Redis.
pub(crate) async fn in_redis() {
    rules(true).await;
}

async fn cluster(is_shared: bool, options: Options) -> Cluster {
    if is_shared { Cluster::shared(options).await } else { Cluster::alone(options).await }
}

async fn rules(is_shared: bool) {
    tokens_are_kept_for_the_session_that_earned_them(is_shared).await;
    refusals_are_kept_for_a_moment_and_errors_are_not(is_shared).await;
    a_herd_asks_once(is_shared).await;
    a_fresh_token_replaces_the_kept_one(is_shared).await;
    what_is_kept_ends_in_time(is_shared).await;
    a_logout_ends_the_session(is_shared).await;
    logins_are_counted(is_shared).await;
    a_replaced_refresh_token_is_replaced_for_every_instance(is_shared).await;
}

// Threats: CCH-03, CCH-05, CCH-06.
async fn tokens_are_kept_for_the_session_that_earned_them(is_shared: bool) {
    let cluster = cluster(is_shared, Options::default()).await;
    let (ada, bob) = (cluster.login(0, 0).await, cluster.login(1, 1).await);
    cluster.token_requests();
    let token = cluster.token(0, Some(&ada), PRIVATE).await;
    assert_eq!(claims(&token)["sub"], "user-0");
    assert_eq!(cluster.token_requests(), 1);
    for instance in 0..4 {
        assert_eq!(cluster.token(instance, Some(&ada), PRIVATE).await, token);
    }
    assert_eq!(cluster.token_requests(), 0, "kept");
    let other = cluster.token(1, Some(&bob), PRIVATE).await;
    assert_eq!(claims(&other)["sub"], "user-1", "another user's own");
    let again = cluster.login(1, 0).await;
    cluster.token_requests();
    assert_ne!(cluster.token(1, Some(&again), PRIVATE).await, token, "another session of the same user");
    assert_eq!(cluster.token_requests(), 1);
    let wider = cluster.token(1, Some(&ada), WIDER).await;
    assert_ne!(wider, token);
    assert_eq!(cluster.token(0, Some(&ada), "repository:vault/keys:push,pull").await, wider);
    assert_eq!(cluster.token(0, Some(&ada), PRIVATE).await, token, "less is not answered with more");
    assert_eq!(cluster.token_requests(), 1);
    cluster.end().await;
}

// Threats: CCH-11.
async fn refusals_are_kept_for_a_moment_and_errors_are_not(is_shared: bool) {
    let cluster = cluster(is_shared, Options::default()).await;
    let session = cluster.login(0, 0).await;
    cluster.token_requests();
    cluster.demo.script(Script::once(KIND, Role::TokenService, respond(503)));
    assert!(cluster.ask(0, Some(&session), PRIVATE).await.status >= 500);
    assert_eq!(cluster.ask(1, Some(&session), PRIVATE).await.status, 200, "an error is nobody's answer");
    cluster.token_requests();
    cluster.demo.script(Script::once(KIND, Role::TokenService, respond(403)));
    assert_eq!(cluster.ask(0, Some(&session), WIDER).await.status, 403);
    assert!(cluster.token_requests() > 0);
    assert_eq!(cluster.ask(1, Some(&session), WIDER).await.status, 403, "a refusal is kept");
    assert_eq!(cluster.token_requests(), 0);
    let other = cluster.login(1, 0).await;
    assert_eq!(cluster.ask(0, Some(&other), WIDER).await.status, 200, "for that session");
    cluster.end().await;
}

fn respond(status: u16) -> Action {
    Action::Respond { status, headers: Vec::new(), body: "{}".to_owned() }
}

// Threats: CON-02.
async fn a_herd_asks_once(is_shared: bool) {
    let cluster = cluster(is_shared, Options::default()).await;
    let session = cluster.login(0, 0).await;
    for instance in 0..cluster.instances.len() {
        // All instances have opened the session before, so that none needs an RSA operation.
        assert_eq!(cluster.who_am_i(instance, &session).await.status, 200);
    }
    cluster.token_requests();
    let slow = Script::once(KIND, Role::TokenService, Action::Nothing).after(Duration::from_millis(400));
    cluster.demo.script(slow);
    let herd = (0..20).map(|instance| cluster.token(instance, Some(&session), PRIVATE));
    let tokens = futures_util::future::join_all(herd).await;
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    assert_eq!(cluster.token_requests(), 1, "whoever asks, and wherever");
    cluster.end().await;
}

async fn a_fresh_token_replaces_the_kept_one(is_shared: bool) {
    let cluster = cluster(is_shared, Options::default()).await;
    let session = cluster.login(0, 0).await;
    let old = cluster.token(0, Some(&session), PRIVATE).await;
    let body = serde_json::json!({ "registry": cluster.registry(), "scopes": [PRIVATE], "fresh": true });
    let url = format!("{}/v1/token", cluster.origin(1));
    let reply = cluster.client.post(&url).bearer(&session).json(&body).send().await.unwrap();
    let new = reply.json()["token"].as_str().unwrap().to_owned();
    assert_ne!(new, old);
    assert_eq!(cluster.token(1, Some(&session), PRIVATE).await, new);
    cluster.end().await;
}

// Threats: CCH-12.
async fn what_is_kept_ends_in_time(is_shared: bool) {
    let options =
        Options { configure: |config| config.cache.max_token = Duration::from_secs(1), ..Options::default() };
    let cluster = cluster(is_shared, options).await;
    let session = cluster.login(0, 0).await;
    let first = cluster.token(0, Some(&session), PRIVATE).await;
    until("a kept token ends", async || cluster.token(1, Some(&session), PRIVATE).await != first).await;
    cluster.end().await;
}

// Threats: SES-08.
async fn a_logout_ends_the_session(is_shared: bool) {
    let cluster = cluster(is_shared, Options::default()).await;
    let (ended, other) = (cluster.login(0, 0).await, cluster.login(0, 0).await);
    for instance in 0..2 {
        cluster.token(instance, Some(&ended), PRIVATE).await;
    }
    assert_eq!(cluster.logout(1, &ended).await.status, 204);
    problem(&cluster.who_am_i(1, &ended).await, 401, "invalid_session");
    let took =
        until("the other instance knows", async || cluster.ask(0, Some(&ended), PRIVATE).await.status == 401)
            .await;
    assert!(took < Duration::from_secs(1), "{took:?}");
    problem(&cluster.logout(0, &ended).await, 401, "invalid_session");
    assert_eq!(cluster.ask(0, Some(&other), PRIVATE).await.status, 200, "another session is another session");
    cluster.end().await;
}

// Threats: BRU-01, BRU-02.
async fn logins_are_counted(is_shared: bool) {
    let configure =
        |config: &mut dockpass_keyserver::Settings| config.limits.account_per_minute = 5.try_into().unwrap();
    let cluster = cluster(is_shared, Options { configure, ..Options::default() }).await;
    for attempt in 0..5 {
        problem(&cluster.try_login(attempt, 0, "wrong").await, 401, "bad_credentials");
    }
    for instance in 0..2 {
        let reply = cluster.try_login(instance, 0, &cluster.users[0].1).await;
        problem(&reply, 429, "rate_limited");
        assert!(reply.header("retry-after").parse::<u64>().unwrap() <= 61);
    }
    assert_eq!(cluster.try_login(1, 1, &cluster.users[1].1).await.status, 200, "another account");
    cluster.end().await;
}

/// A refresh token can be used once here, so that every request with an older one fails. Two tabs still have the session of the
/// login, whose refresh token is used up after the first request.
async fn a_replaced_refresh_token_is_replaced_for_every_instance(is_shared: bool) {
    let cluster = cluster(is_shared, Options { kind: Kind::Token, ..Options::default() }).await;
    let first = cluster.login(0, 0).await;
    cluster.token_requests();
    let scope = |index: usize| format!("repository:vault/part-{index}:pull");
    let mut newest = None;
    for index in 0..6 {
        let reply = cluster.ask(index, Some(&first), &scope(index)).await;
        assert_eq!(reply.status, 200, "request {index}: {}", reply.text());
        let session = reply.json()["session"].as_str().map(str::to_owned);
        assert!(session.is_some() && session != newest, "a new session is handed out");
        newest = session;
    }
    assert_eq!(cluster.token_requests(), 6, "none of them fails or is repeated");
    let newest = newest.unwrap();
    assert!(cluster.ask(7, Some(&newest), &scope(7)).await.json()["session"].is_string());
    // At the same time at every instance: they take turns.
    let scopes: Vec<String> = (10..16).map(scope).collect();
    let herd = scopes.iter().enumerate().map(|(at, scope)| cluster.ask(at, Some(&first), scope));
    for reply in futures_util::future::join_all(herd).await {
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    assert_eq!(cluster.token_requests(), 7);
    // The replaced session, its successors and the newest are one session.
    assert_eq!(cluster.logout(1, &newest).await.status, 204);
    for session in [&first, &newest] {
        for instance in 0..2 {
            let ended = async || cluster.ask(instance, Some(session), &scope(20)).await.status == 401;
            until("the logout ends all of them", ended).await;
        }
    }
    cluster.end().await;
}
