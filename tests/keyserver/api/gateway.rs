use axum::body::Body;
use dockpass_keyserver::Settings;
use dockpass_keyserver::carrier;
use dockpass_tests::scripted::{Request, Response, Scripted, respond};
use http::StatusCode;
use serde_json::json;

use crate::api::{TestServer, basic, basic_registry, request, settings, token_registry, upstream};

fn path(fake: &Scripted, rest: &str) -> String {
    format!("/r/{}{rest}", fake.authority)
}

/// Answers everything with 200 and what it was asked.
fn echo(_own: &str, received: &Request) -> Response {
    respond(200, &[("content-type", "application/json")], &json!({"target": received.target}).to_string())
}

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[tokio::test]
async fn challenges_and_responses_to_registry_tokens_are_relayed() {
    let fake = upstream(token_registry).await;
    let server = TestServer::with(&[&fake]);
    let response = server.get(&path(&fake, "/v2/_catalog"), &[]).await;
    assert_eq!(response.status, StatusCode::UNAUTHORIZED);
    let challenge = format!("Bearer realm=\"http://{}/token\",service=\"fake\"", fake.authority);
    assert_eq!(response.header("www-authenticate"), Some(challenge.as_str()));
    assert_eq!(response.body, "{}", "the registry's own body");

    let response = server.get(&path(&fake, "/v2/_catalog?n=1"), &[("authorization", "Bearer eyJ")]).await;
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(response.json(), json!({"repositories": ["a"]}));
    assert_eq!(response.header("link"), Some("<?last=a&n=1>; rel=\"next\""));
    for gone in ["set-cookie", "server"] {
        assert!(response.header(gone).is_none(), "{gone}");
    }
    assert_eq!(response.header("cache-control"), Some("private, no-store"));
    assert!(response.header("content-security-policy").unwrap().starts_with("sandbox; default-src 'none'"));
    assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
}

// Threats: GW-14.
#[tokio::test]
async fn the_gateway_runs_the_flow_and_never_sends_the_session_upstream() {
    let fake = upstream(token_registry).await;
    let server = TestServer::with(&[&fake]);
    let session = server.login(&fake).await;
    let jwe = session.strip_prefix("Bearer ").unwrap();
    fake.forget();
    for _ in 0..2 {
        let response = server.get(&path(&fake, "/v2/_catalog"), &[("authorization", &session)]).await;
        // The fake's tokens never grant the catalog by their claims, yet the registry lets them pass.
        assert_eq!(response.status, StatusCode::OK, "{response:?}");
    }
    assert_eq!(fake.count("/token"), 1, "cold: token, resource; warm: resource");
    assert_eq!(fake.count("/v2/_catalog"), 2);
    for received in fake.received() {
        assert!(!format!("{received:?}").contains(jwe), "the session went upstream");
    }
}

#[tokio::test]
async fn a_basic_registry_works_with_a_session_and_opens_no_password_dialog() {
    let fake = upstream(basic_registry).await;
    let server = TestServer::with(&[&fake]);
    let response = server.get(&path(&fake, "/v2/"), &[]).await;
    assert_eq!(response.status, StatusCode::UNAUTHORIZED);
    assert_eq!(response.header("www-authenticate"), None);
    assert_eq!(response.header("registry-challenge"), Some("Basic realm=\"fake\""));

    let session = server.login(&fake).await;
    fake.forget();
    let response = server.get(&path(&fake, "/v2/_catalog"), &[("authorization", &session)]).await;
    assert_eq!(response.status, StatusCode::OK);
    let received = fake.received();
    assert_eq!(received.len(), 1, "it is known that the registry takes Basic");
    assert_eq!(received[0].header("authorization"), Some(basic().as_str()));

    let cookie = format!(
        "{}={}",
        carrier::CookieScope::default().name(&fake.authority),
        session.strip_prefix("Bearer ").unwrap()
    );
    let page = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    assert_eq!(server.get(&path(&fake, "/v2/_catalog"), &page).await.status, StatusCode::OK);
    server.get(&path(&fake, "/v2/_catalog"), &page[..1]).await.assert_problem("origin_not_allowed");
    let both = [page[0], page[1], ("authorization", session.as_str())];
    server.get(&path(&fake, "/v2/_catalog"), &both).await.assert_problem("invalid_request");
    // The page sends registry tokens along with the cookie that the browser adds.
    let token = [page[0], page[1], ("authorization", "Bearer x")];
    assert_eq!(server.get(&path(&fake, "/v2/_catalog"), &token).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(fake.received().last().unwrap().header("authorization"), Some("Bearer x"));
    assert!(fake.received().last().unwrap().header("cookie").is_none());
}

// Threats: SES-22.
#[tokio::test]
async fn invalid_sessions_are_never_sent_to_a_registry() {
    let fake = upstream(echo).await;
    let basic = upstream(basic_registry).await;
    let server = TestServer::with(&[&fake, &basic]);
    let elsewhere = TestServer::configured(&[&basic], |config| config.session.key_files.clear());
    let foreign = elsewhere.login(&basic).await;
    let mismatch = server.login(&basic).await;
    let mut damaged = mismatch.clone();
    damaged.pop();
    for (session, code) in
        [(&foreign, "invalid_session"), (&damaged, "invalid_session"), (&mismatch, "registry_mismatch")]
    {
        server.get(&path(&fake, "/v2/"), &[("authorization", session)]).await.assert_problem(code);
    }
    server
        .get(&path(&fake, "/v2/"), &[("authorization", "Basic YTpi")])
        .await
        .assert_problem("invalid_request");
    assert!(fake.received().is_empty());
}

// Threats: GW-13.
#[tokio::test]
async fn a_writable_gateway_relays_the_body_and_refuses_methods_of_no_endpoint() {
    let fake = upstream(echo).await;
    let writing = TestServer::configured(&[&fake], |config: &mut Settings| config.gateway.read_only = false);
    let put = request(
        "PUT",
        &path(&fake, "/v2/a/manifests/x"),
        &[("authorization", "Bearer t"), ("content-type", "application/vnd.x+json")],
        Body::from("{1}"),
    );
    assert_eq!(writing.send(put).await.status, StatusCode::OK);
    assert_eq!(fake.received()[0].body, "{1}");
    assert_eq!(fake.received()[0].header("content-type"), Some("application/vnd.x+json"));
    writing
        .send(request("POST", &path(&fake, "/v2/a/manifests/x"), &[], Body::empty()))
        .await
        .assert_problem("method_not_allowed");
    writing
        .send(request("TRACE", &path(&fake, "/v2/"), &[], Body::empty()))
        .await
        .assert_problem("method_not_allowed");
}

// Threats: RLM-20, GW-10, GW-15, GW-18, GW-19, GW-24.
#[tokio::test]
async fn registry_content_is_sandboxed_and_never_a_document() {
    let fake = upstream(|_, _| {
        respond(
            200,
            &[
                ("content-type", "text/html"),
                ("set-cookie", "x=1"),
                ("access-control-allow-origin", "*"),
                ("content-security-policy", "default-src *"),
                ("refresh", "0;url=//evil.test"),
                ("service-worker-allowed", "/"),
                ("clear-site-data", "\"*\""),
                ("alt-svc", "h3=\":443\""),
                ("content-disposition", "inline"),
            ],
            "<script>1</script>",
        )
    })
    .await;
    let server = TestServer::with(&[&fake]);
    let blob = path(&fake, &format!("/v2/a/blobs/{DIGEST}"));
    let response =
        server.get(&blob, &[("sec-fetch-dest", "document"), ("sec-fetch-site", "same-origin")]).await;
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(response.header("content-type"), Some("application/octet-stream"));
    assert_eq!(response.header("content-disposition"), Some("attachment"));
    assert_eq!(
        response.header("content-security-policy"),
        Some("sandbox; default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
    );
    for gone in [
        "set-cookie",
        "access-control-allow-origin",
        "refresh",
        "service-worker-allowed",
        "clear-site-data",
        "alt-svc",
    ] {
        assert!(response.header(gone).is_none(), "{gone}");
    }
    fake.forget();
    for destination in [
        "script",
        "style",
        "worker",
        "sharedworker",
        "serviceworker",
        "iframe",
        "frame",
        "embed",
        "object",
        "image",
        "font",
        "manifest",
    ] {
        let headers = [("sec-fetch-dest", destination), ("sec-fetch-site", "same-origin")];
        server.get(&blob, &headers).await.assert_problem("destination_not_allowed");
    }
    server.get(&blob, &[("service-worker", "script")]).await.assert_problem("destination_not_allowed");
    server.get(&blob, &[("sec-fetch-site", "cross-site")]).await.assert_problem("origin_not_allowed");
    server.get(&blob, &[("origin", "https://evil.test")]).await.assert_problem("origin_not_allowed");
    server
        .get(&blob, &[("upgrade", "websocket"), ("connection", "upgrade")])
        .await
        .assert_problem("invalid_request");
    server
        .get(&blob, &[("user-agent", concat!("dockpass/", env!("CARGO_PKG_VERSION")))])
        .await
        .assert_problem("invalid_request");
    assert!(fake.received().is_empty());
}

// Threats: SSRF-16.
#[tokio::test]
async fn blob_redirects_are_followed_without_authorization() {
    let storage = upstream(echo).await;
    let to = format!("http://{}/bucket/x?X-Amz-Signature=s", storage.authority);
    let fake = upstream(move |_, _| respond(307, &[("location", &to)], "")).await;
    let server = TestServer::configured(&[&fake], |config| {
        config.registries[0].redirects = vec![settings(&storage).origin];
    });
    let blob = path(&fake, &format!("/v2/a/blobs/{DIGEST}"));
    let response = server.get(&blob, &[("authorization", "Bearer t"), ("range", "bytes=0-9")]).await;
    assert_eq!(response.status, StatusCode::OK, "{response:?}");
    assert_eq!(response.json()["target"], "/bucket/x?X-Amz-Signature=s");
    assert!(response.header("location").is_none());
    let received = storage.received();
    assert!(received[0].header("authorization").is_none());
    assert_eq!(received[0].header("range"), Some("bytes=0-9"));
}

#[tokio::test]
async fn redirects_to_private_addresses_loops_and_other_schemes_are_refused() {
    let inside = upstream(echo).await;
    let loop_fake = upstream(|own, received| {
        respond(302, &[("location", &format!("http://{own}{}", received.target))], "")
    })
    .await;
    let server = TestServer::with(&[&loop_fake]);
    server.get(&path(&loop_fake, "/v2/"), &[]).await.assert_problem("upstream_redirect");
    assert_eq!(loop_fake.received().len(), 6, "the request and five hops");

    let port = inside.authority.rsplit(':').next().unwrap();
    for (location, code) in [
        (format!("http://localhost:{port}/"), "upstream_unreachable"),
        (format!("http://[::ffff:127.0.0.1]:{port}/"), "upstream_unreachable"),
        ("http://169.254.169.254/latest/meta-data".to_owned(), "upstream_unreachable"),
        (format!("http://u:p@{}/", inside.authority), "upstream_redirect"),
        ("file:///etc/passwd".to_owned(), "upstream_redirect"),
        ("javascript:alert(1)".to_owned(), "upstream_redirect"),
        ("x".to_owned(), "upstream_redirect"),
        (String::new(), "upstream_redirect"),
    ] {
        let to = location.clone();
        let fake = upstream(move |_, _| respond(307, &[("location", &to)], "")).await;
        let server = TestServer::with(&[&fake]);
        let response = server.get(&path(&fake, "/v2/"), &[]).await;
        assert_eq!(response.json()["code"], code, "{location}");
    }
    assert!(inside.received().is_empty());
    let writing = TestServer::configured(&[&loop_fake], |config| config.gateway.read_only = false);
    let upload = request("POST", &path(&loop_fake, "/v2/a/blobs/uploads/"), &[], Body::empty());
    writing.send(upload).await.assert_problem("upstream_redirect");
}

// Threats: GW-17.
#[tokio::test]
async fn upload_locations_stay_on_the_gateway() {
    let response = |own: &str, received: &Request| {
        let location = match received.path() {
            "/v2/a/blobs/uploads/" => format!("http://{own}/v2/a/blobs/uploads/123?_state=x"),
            "/v2/b/blobs/uploads/" => "/v2/b/blobs/uploads/456".to_owned(),
            "/v2/c/blobs/uploads/" => "https://evil.test/v2/c/blobs/uploads/1".to_owned(),
            _ => "/elsewhere".to_owned(),
        };
        respond(202, &[("location", &location), ("docker-upload-uuid", "123"), ("range", "0-0")], "")
    };
    let fake = upstream(response).await;
    let server = TestServer::configured(&[&fake], |config| config.gateway.read_only = false);
    let begin = |name: &str| {
        request(
            "POST",
            &path(&fake, &format!("/v2/{name}/blobs/uploads/")),
            &[("authorization", "Bearer t")],
            Body::empty(),
        )
    };
    let response = server.send(begin("a")).await;
    assert_eq!(response.header("location"), Some(path(&fake, "/v2/a/blobs/uploads/123?_state=x").as_str()));
    assert_eq!(response.header("docker-upload-uuid"), Some("123"));
    assert_eq!(
        server.send(begin("b")).await.header("location"),
        Some(path(&fake, "/v2/b/blobs/uploads/456").as_str())
    );
    let below = TestServer::configured(&[&fake], |config| {
        config.gateway.read_only = false;
        config.public_origin = Some("https://apps.test/tools/".parse().unwrap());
    });
    assert_eq!(
        below.send(begin("b")).await.header("location"),
        Some(format!("/tools{}", path(&fake, "/v2/b/blobs/uploads/456")).as_str()),
        "as clients know the path"
    );
    server.send(begin("c")).await.assert_problem("upstream_invalid");
    server.send(begin("d")).await.assert_problem("upstream_invalid");
}

#[tokio::test]
async fn an_unreachable_registry_is_reported_with_code_and_step() {
    let fake = upstream(echo).await;
    let server = TestServer::with(&[&fake]);
    let target = path(&fake, "/v2/");
    drop(fake);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let response = server.get(&target, &[]).await;
    response.assert_problem("upstream_unreachable");
    assert_eq!(response.json()["step"], "registry");
}

#[tokio::test]
async fn head_has_the_length_and_no_body() {
    let fake = upstream(|_, _| {
        respond(
            200,
            &[
                ("content-type", "application/vnd.oci.image.manifest.v1+json"),
                ("docker-content-digest", DIGEST),
                ("ratelimit-remaining", "9;w=1"),
                ("oci-subject", DIGEST),
                ("etag", "\"x\""),
            ],
            "0123456789",
        )
    })
    .await;
    let server = TestServer::with(&[&fake]);
    let response = server.send(request("HEAD", &path(&fake, "/v2/a/manifests/x"), &[], Body::empty())).await;
    assert_eq!(response.header("content-length"), Some("10"));
    assert_eq!(response.header("docker-content-digest"), Some(DIGEST));
    assert_eq!(response.header("ratelimit-remaining"), Some("9;w=1"));
    assert_eq!(response.header("oci-subject"), Some(DIGEST));
    assert_eq!(response.header("content-type"), Some("application/vnd.oci.image.manifest.v1+json"));
    assert!(response.body.is_empty());
}
