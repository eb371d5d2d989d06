//! Nothing that one registry or client does stops the others.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use axum::body::Body;
use dockpass_keyserver::config::RegistrySettings;
use dockpass_keyserver::resolver::Lookup;
use dockpass_tests::scripted::respond;
use http::StatusCode;
use serde_json::json;

use crate::api::{TestServer, login_body, request, token_registry, upstream};

fn at(url: &str) -> RegistrySettings {
    RegistrySettings::at("R", url.parse().unwrap()).unwrap()
}

/// A resolver whose lookups do not end.
#[derive(Debug, Default)]
struct DeadNames {
    is_over: Mutex<bool>,
    changed: Condvar,
    lookups: AtomicUsize,
}

impl Lookup for DeadNames {
    fn lookup(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        let mut is_over = self.is_over.lock().unwrap();
        while !*is_over {
            is_over = self.changed.wait(is_over).unwrap();
        }
        Err(io::ErrorKind::TimedOut.into())
    }
}

/// Ends the lookups, so that their threads end with the test.
struct Ended(Arc<DeadNames>);

impl Drop for Ended {
    fn drop(&mut self) {
        *self.0.is_over.lock().unwrap() = true;
        self.0.changed.notify_all();
    }
}

// Threats: AVL-01.
#[tokio::test]
async fn logins_at_another_registry_do_not_wait_for_dead_dns() {
    let names = Arc::new(DeadNames::default());
    let _ended = Ended(Arc::clone(&names));
    let fake = upstream(token_registry).await;
    let server = TestServer::built(
        &[&fake],
        |config| {
            config.registries.push(at("http://dead.test:5000"));
            config.limits.anonymous_per_minute = 10_000.try_into().unwrap();
            config.limits.client_concurrency = 1_000.try_into().unwrap();
            config.limits.connect_timeout = Duration::from_secs(5);
        },
        |builder| builder.lookup(Arc::<DeadNames>::clone(&names)),
    );
    let server = Arc::new(server);
    let body = json!({"registry": "dead.test:5000", "scopes": ["repository:a/b:pull"]});
    let waiting: Vec<_> = (0..600)
        .map(|_| {
            let (server, body) = (Arc::clone(&server), body.clone());
            tokio::spawn(async move { server.post("/v1/token", &[], &body).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = std::time::Instant::now();
    // RSA operations, blocking work of tokio and requests upstream.
    assert_eq!(server.post("/v1/sessions", &[], &login_body(&fake)).await.status, StatusCode::OK);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(names.lookups.load(Ordering::SeqCst), 1);
    for response in waiting {
        let response = response.await.unwrap();
        let code = response.json()["code"].as_str().unwrap().to_owned();
        assert!(["upstream_timeout", "registry_unavailable"].contains(&code.as_str()), "{code}");
    }
}

// Threats: UPS-09.
#[tokio::test]
async fn a_registry_that_is_gone_is_refused_at_once_and_others_are_served() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = listener.local_addr().unwrap().to_string();
    drop(listener);
    let fake = upstream(token_registry).await;
    let server = TestServer::configured(&[&fake], |config| {
        config.registries.push(at(&format!("http://{gone}")));
        config.limits.breaker_failures = std::num::NonZeroU32::new(2);
    });
    let body = |registry: &str| json!({"registry": registry, "scopes": ["repository:a/b:pull"]});
    for _ in 0..2 {
        server.post("/v1/token", &[], &body(&gone)).await.assert_problem("upstream_unreachable");
    }
    let refused = server.post("/v1/token", &[], &body(&gone)).await;
    refused.assert_problem("registry_unavailable");
    assert_eq!(refused.header("retry-after"), Some("5"));
    let relayed = server.get(&format!("/r/{gone}/v2/"), &[]).await;
    relayed.assert_problem("registry_unavailable");
    server.post("/v1/token", &[], &body(&fake.authority)).await.assert_problem("login_required");
}

// Threats: AVL-04.
#[tokio::test]
async fn relayed_requests_are_limited_per_client_and_per_session() {
    let fake = upstream(token_registry).await;
    let server = TestServer::configured(&[&fake], |config| {
        config.limits.requests_per_minute = std::num::NonZeroU32::new(6);
        config.trusted_proxies = vec!["0.0.0.0/8".parse().unwrap()];
    });
    let url = format!("/r/{}/v2/_catalog", fake.authority);
    let from = |address: &'static str| ("x-forwarded-for", address);
    let token = ("authorization", "Bearer made-up");
    // Whatever they carry: a registry token is not verified here.
    for headers in [&[from("10.0.0.1")][..], &[from("10.0.0.1"), token]] {
        for _ in 0..3 {
            assert_eq!(server.get(&url, headers).await.status, StatusCode::UNAUTHORIZED);
        }
    }
    let count = fake.received().len();
    let refused = server.get(&url, &[from("10.0.0.1"), token]).await;
    refused.assert_problem("rate_limited");
    assert_eq!(refused.header("retry-after"), Some("10"));
    assert_eq!(fake.received().len(), count, "nothing was relayed");
    assert_eq!(server.get(&url, &[from("10.0.0.2")]).await.status, StatusCode::UNAUTHORIZED);
    // A session has its share whatever the addresses that it is used from.
    let session = server.login(&fake).await;
    let mut allowed = 0;
    for address in ["10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4"] {
        for _ in 0..3 {
            let response = server.get(&url, &[from(address), ("authorization", &session)]).await;
            allowed += u32::from(response.status == StatusCode::OK);
        }
    }
    assert_eq!(allowed, 6);
}

// Threats: LIM-11, AVL-04.
#[tokio::test]
async fn a_client_has_so_many_relayed_requests_in_progress() {
    use http_body_util::BodyExt;
    use tower::ServiceExt;
    let fake = upstream(|_, _| respond(200, &[], &"x".repeat(1 << 20))).await;
    let server = TestServer::configured(&[&fake], |config| {
        config.limits.client_concurrency = 2.try_into().unwrap();
        config.trusted_proxies = vec!["0.0.0.0/8".parse().unwrap()];
    });
    let app = dockpass_keyserver::router(server.state.clone());
    let url = format!("/r/{}/v2/a/blobs/sha256:{}", fake.authority, "0".repeat(64));
    let get = |address: &str| {
        let request = request("GET", &url, &[("x-forwarded-for", address)], Body::empty());
        app.clone().oneshot(request)
    };
    let (first, second) = (get("10.0.0.1").await.unwrap(), get("10.0.0.1").await.unwrap());
    let third = get("10.0.0.1").await.unwrap();
    assert_eq!(
        (third.status(), third.headers()["retry-after"].to_str().unwrap()),
        (StatusCode::TOO_MANY_REQUESTS, "1")
    );
    assert_eq!(get("10.0.0.2").await.unwrap().status(), StatusCode::OK, "another client");
    // Read to its end, or given up.
    assert_eq!(first.into_body().collect().await.unwrap().to_bytes().len(), 1 << 20);
    let again = get("10.0.0.1").await.unwrap();
    assert_eq!(again.status(), StatusCode::OK);
    drop(second);
    assert_eq!(get("10.0.0.1").await.unwrap().status(), StatusCode::OK);
}
