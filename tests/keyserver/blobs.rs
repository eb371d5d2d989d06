//! Blobs through the gateway: redirects to storage, streaming, and protection against scripts in blobs. Ids as in the
//! threat list (GW).

use aws_lc_rs::digest::{Context, SHA256, digest};
use dockpass_tests::demo::{Action, DemoConfig, Kind, Role, Script};
use dockpass_tests::untouched::Untouched;
use http_body_util::BodyExt as _;

use crate::harness::{Stack, Upstream, log_text, problem};

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// The digest of the configuration of an image.
async fn config_of(stack: &Stack, kind: Kind, repository: &str, token: Option<&str>) -> String {
    let index = stack.get(&stack.gateway(kind, &format!("{repository}/manifests/latest")), token).await;
    assert_eq!(index.status, 200, "{}", index.text());
    let image = index.json()["manifests"][0]["digest"].as_str().unwrap().to_owned();
    let image = stack.get(&stack.gateway(kind, &format!("{repository}/manifests/{image}")), token).await;
    image.json()["config"]["digest"].as_str().unwrap().to_owned()
}

/// GW-16: the blob is on another host, which gets no credentials and is not visible to the page.
// Threats: GW-22.
#[tokio::test]
async fn blob_redirects_are_followed_without_credentials() {
    let stack = Stack::of([Kind::Hub]).await;
    let session = stack.login(Kind::Hub, "ada").await;
    let config = config_of(&stack, Kind::Hub, "vault/keys", Some(&session)).await;
    stack.reset();
    let url = stack.gateway(Kind::Hub, &format!("vault/keys/blobs/{config}"));
    let blob = stack.get(&url, Some(&session)).await;
    assert_eq!((blob.status, sha256(&blob.body)), (200, config.clone()));
    assert_eq!((&*blob.header("location"), stack.upstream(Kind::Hub).cdn), ("", 1));
    let visited = stack.demo.journal();
    let visited = visited.iter().find(|record| record.role == Role::Cdn).unwrap();
    assert!(!visited.headers.contains(&"authorization".to_owned()));
    // A range of the blob.
    let call = stack.client.get(&url).bearer(&session).header("range", "bytes=2-5");
    let part = stack.send(call).await;
    assert_eq!((part.status, &part.body), (206, &blob.body.slice(2..6)));
    stack.end().await;
}

// Threats: GW-16.
#[tokio::test]
async fn blob_redirects_to_private_addresses_are_refused() {
    let evil = Untouched::start_on("127.0.0.2").await.unwrap();
    let stack = Stack::of([Kind::Open]).await;
    let config = config_of(&stack, Kind::Open, "library/alpine", None).await;
    let path = format!("library/alpine/blobs/{config}");
    let host = evil.address();
    for location in [
        evil.url("/blob"),
        format!("//{host}/blob"),
        format!("http://user:secret@{host}/blob"),
        format!("http://localhost:{}/blob", host.port()),
        format!("http://[::ffff:127.0.0.2]:{}/blob", host.port()),
        format!("http://2130706434:{}/blob", host.port()),
        format!("http://{}@{host}/blob", stack.name(Kind::Open)),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "gopher://127.0.0.1/".to_owned(),
    ] {
        let redirect = Action::Redirect { status: 307, location };
        stack.demo.script(Script::once(Kind::Open, Role::Registry, redirect));
        let response = stack.get(&stack.gateway(Kind::Open, &path), None).await;
        assert_eq!(response.status, 502, "{}", response.text());
        assert_eq!(response.header("location"), "");
        assert!(!response.text().contains("169.254") && !response.text().contains("passwd"));
    }
    assert_eq!(evil.connections(), 0);
    // The response shows no details; the log contains the address.
    let log = log_text();
    assert!(log.lines().any(|line| line.contains("connection refused") && line.contains("127.0.0.2")));
    // Redirects of manifests are not followed.
    let redirect = Action::Redirect { status: 302, location: evil.url("/v2/") };
    stack.demo.script(Script::once(Kind::Open, Role::Registry, redirect));
    let response = stack.get(&stack.gateway(Kind::Open, "library/alpine/manifests/latest"), None).await;
    assert_eq!(response.status, 502, "{}", response.text());
    assert_eq!(evil.connections(), 0);
    stack.end().await;
}

/// A redirect to another port of the registry's own host is refused, because other services may listen there.
#[tokio::test]
async fn private_storage_origins_must_be_configured() {
    let stack = Stack::with(DemoConfig::only([Kind::Hub]), |config| {
        config.registries.iter_mut().for_each(|registry| registry.redirects.clear());
    })
    .await;
    let session = stack.login(Kind::Hub, "ada").await;
    let config = config_of(&stack, Kind::Hub, "vault/keys", Some(&session)).await;
    let blob =
        stack.get(&stack.gateway(Kind::Hub, &format!("vault/keys/blobs/{config}")), Some(&session)).await;
    problem(&blob, 502, "upstream_unreachable");
    assert_eq!(stack.upstream(Kind::Hub).cdn, 0);
    stack.end().await;
}

/// GW-16: responses of storage are not responses of the registry: a challenge gets no credentials, and a refusal does not
/// mean that the account has no permission.
#[tokio::test]
async fn errors_of_storage_are_not_errors_of_the_registry() {
    let stack = Stack::of([Kind::Hub]).await;
    let session = stack.login(Kind::Hub, "ada").await;
    let config = config_of(&stack, Kind::Hub, "vault/keys", Some(&session)).await;
    let url = stack.gateway(Kind::Hub, &format!("vault/keys/blobs/{config}"));
    for (status, challenge) in [(401, "Basic realm=\"storage\""), (403, ""), (429, ""), (503, "")] {
        stack.reset();
        let headers = match challenge {
            "" => vec![],
            challenge => vec![("www-authenticate".into(), challenge.into())],
        };
        let respond = Action::Respond { status, headers, body: "<Error>RequestTimeTooSkewed</Error>".into() };
        stack.demo.script(Script::once(Kind::Hub, Role::Cdn, respond));
        let response = stack.get(&url, Some(&session)).await;
        problem(&response, 502, "upstream_failed");
        assert!(!response.text().contains("Skewed"));
        let upstream = stack.upstream(Kind::Hub);
        assert_eq!((upstream.registry, upstream.cdn), (1, 1), "{status}");
        assert!(stack.demo.journal().iter().all(|record| !record.headers.contains(&"cookie".to_owned())));
    }
    stack.end().await;
}

/// A redirect within the registry keeps the token.
#[tokio::test]
async fn redirects_within_the_registry_keep_the_token() {
    let stack = Stack::of([Kind::Token]).await;
    let session = stack.login(Kind::Token, "ada").await;
    let config = config_of(&stack, Kind::Token, "vault/keys", Some(&session)).await;
    let path = format!("/v2/vault/keys/blobs/{config}");
    stack.demo.script(Script::once(
        Kind::Token,
        Role::Registry,
        Action::Redirect { status: 307, location: path.clone() },
    ));
    let blob = stack.get(&stack.gateway(Kind::Token, path.trim_start_matches("/v2/")), Some(&session)).await;
    assert_eq!((blob.status, sha256(&blob.body)), (200, config));
    stack.end().await;
}

/// RLM-16: a password that was checked by a token service on another origin is never sent to the registry.
#[tokio::test]
async fn a_basic_challenge_after_a_bearer_login_gets_no_password() {
    let stack = Stack::of([Kind::Token]).await;
    let session = stack.login(Kind::Token, "ada").await;
    stack.reset();
    let ask = || Action::Respond {
        status: 401,
        headers: vec![("www-authenticate".into(), "Basic realm=\"x\"".into())],
        body: String::new(),
    };
    for _ in 0..3 {
        stack.demo.script(Script::once(Kind::Token, Role::Registry, ask()));
    }
    let response = stack.get(&stack.gateway(Kind::Token, "vault/keys/tags/list"), Some(&session)).await;
    problem(&response, 409, "realm_changed");
    let journal = stack.demo.journal();
    let basic = journal.iter().filter(|record| record.role == Role::Registry);
    assert!(basic.clone().count() >= 1);
    assert!(basic.into_iter().all(|record| record.authorization.as_deref() != Some("basic")));
    stack.end().await;
}

/// GW-18, GW-19: bytes of a registry never run on the page's origin.
#[tokio::test]
async fn registry_blobs_are_attachments_and_sandboxed() {
    let stack = Stack::of([Kind::Open]).await;
    let config = config_of(&stack, Kind::Open, "library/alpine", None).await;
    let url = stack.gateway(Kind::Open, &format!("library/alpine/blobs/{config}"));
    for media_type in ["text/html", "image/svg+xml", "application/javascript", "application/octet-stream"] {
        let respond = Action::Respond {
            status: 200,
            headers: vec![("content-type".into(), media_type.into())],
            body: "<script>document.title='ran'</script>".into(),
        };
        stack.demo.script(Script::once(Kind::Open, Role::Registry, respond));
        let response = stack.get(&url, None).await;
        assert!(response.header("content-security-policy").contains("sandbox"), "{media_type}");
        assert!(response.header("content-security-policy").contains("default-src 'none'"), "{media_type}");
        let shown = response.header("content-type");
        assert!(!["text/html", "image/svg+xml", "application/javascript"].contains(&&*shown), "{shown}");
        assert!(response.header("content-disposition").starts_with("attachment"), "{media_type}");
    }
    stack.reset();
    // Navigation is allowed, because the response is a sandboxed attachment.
    for destination in ["iframe", "frame", "embed", "object", "script", "style", "serviceworker", "worker"] {
        let response = stack.send(stack.client.get(&url).header("sec-fetch-dest", destination)).await;
        problem(&response, 403, "destination_not_allowed");
    }
    let response = stack.send(stack.client.get(&url).header("service-worker", "script")).await;
    problem(&response, 403, "destination_not_allowed");
    assert_eq!(stack.upstream(Kind::Open), Upstream::NOTHING);
    stack.end().await;
}

/// GW-21: a large blob is streamed in constant memory.
#[tokio::test]
async fn large_blobs_stream() {
    const LENGTH: u64 = 64 << 20;
    let demo = DemoConfig { big_blob: Some(LENGTH), ..DemoConfig::only([Kind::Open]) };
    let stack = Stack::with(demo, |_| ()).await;
    let (digest, _) = stack.registry(Kind::Open).big_blob().unwrap();
    let url = stack.gateway(Kind::Open, &format!("library/large/blobs/{digest}"));
    let response = stack.client.get(&url).stream().await.unwrap();
    assert_eq!(response.headers()["content-length"], LENGTH.to_string());
    let mut body = response.into_body();
    let before = resident();
    let (mut context, mut received, mut peak) = (Context::new(&SHA256), 0, 0);
    while let Some(frame) = body.frame().await {
        let piece = frame.unwrap().into_data().unwrap();
        context.update(&piece);
        received += piece.len() as u64;
        peak = peak.max(resident());
    }
    assert_eq!((received, hex(context.finish().as_ref())), (LENGTH, digest));
    // Other tests in this process use memory at the same time.
    let grown = peak.saturating_sub(before);
    assert!(grown < LENGTH / 2, "{} MiB more for a blob of {} MiB", grown >> 20, LENGTH >> 20);
    stack.end().await;
}

/// Bytes of memory that this process has in use.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

// Threats: GW-21.
#[tokio::test]
async fn a_truncated_blob_is_an_error() {
    let stack = Stack::of([Kind::Open]).await;
    let config = config_of(&stack, Kind::Open, "library/alpine", None).await;
    let url = stack.gateway(Kind::Open, &format!("library/alpine/blobs/{config}"));
    stack.demo.script(Script::once(Kind::Open, Role::Registry, Action::Truncate { bytes: 20 }));
    let response = stack.client.get(&url).stream().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.into_body().collect().await.is_err(), "a short body must not look complete");
    stack.end().await;
}
