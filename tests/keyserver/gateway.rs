//! The gateway: which requests, headers and responses it relays. Ids as in the threat list (GW).

use dockpass_tests::client::HttpResponse;
use dockpass_tests::demo::{Action, Kind, Role, Script};
use dockpass_tests::untouched::Untouched;
use http::Method;

use crate::blobs::sha256;
use crate::harness::{Stack, Upstream, WRITING, problem, raw, raw_get};

const TAGS: &str = "library/alpine/tags/list";

/// GW-11, GW-07: only paths of the distribution specification are relayed, in whatever form others are written.
// Threats: GW-12.
#[tokio::test]
async fn only_paths_of_the_specification_pass() {
    let stack = Stack::of([Kind::Open]).await;
    let base = format!("/r/{}", stack.name(Kind::Open));
    for path in [
        "/v2",
        "/v2/..",
        "/v2/../x",
        "/v2/%2e%2e/x",
        "/v2/a/%2e%2e%2f/tags/list",
        "/v2/a/..;/tags/list",
        "/v2/a/manifests/%00",
        "/v2/a/manifests/..%2f..",
        "/v1/search",
        "/healthz",
        "/v2/../v2/_catalog",
        "/v2/%2e%2e/v2/_catalog",
        "/v2/%2E%2E/",
        "/v2/%252e%252e/",
        "/v2/..;/",
        "/v2/a/..%2f..%2f/tags/list",
        "/v2/a/../../tags/list",
        "/v2/a%2fb/tags/list",
        "/v2/a%00/tags/list",
        "/v2/a\\b/tags/list",
        "/v2/a%5cb/tags/list",
        "/v2//a/tags/list",
        "/v2/./a/tags/list",
        "/v2/A/tags/list",
        "/v2/a/tags/list/",
        "/v2/a/tags/",
        "/v2/_catalog/",
        "/v2/_catalog%2f",
        "/v2/a/manifests/",
        "/v2/a/manifests/..",
        "/v2/a/manifests/%2e%2e",
        "/v2/a/manifests/sha256:short",
        "/v2/a/blobs/latest",
        "/v2/a/blobs/sha256:../../x",
        "/v2/a/blobs/uploads/../x",
        "/v2/a/unknown/b",
        "/v1/_ping",
        "/v3/",
        "/",
        "",
        "/admin",
        "/v2/a/tags/list%3Fn=1",
        "/v2/a/tags/list%23",
    ] {
        let (status, response) = raw_get(&stack.server.origin, &format!("{base}{path}")).await;
        assert!(matches!(status, 400 | 404), "{path}: {response}");
        // hyper refuses a backslash itself, and without a path after the registry there is no route.
        let refused_earlier = path.is_empty() || path.contains('\\');
        assert!(refused_earlier || response.contains("\"invalid_path\""), "{path}: {response}");
    }
    for (target, status, code) in [
        ("/r/127.0.0.1/v2/", 403, "registry_not_allowed"),
        ("/r/@/v2/", 400, "invalid_registry"),
        ("/r/", 404, "not_found"),
        ("/r", 404, "not_found"),
    ] {
        problem(&stack.get(&stack.url(target), None).await, status, code);
    }
    assert_eq!(stack.upstream(Kind::Open), Upstream::NOTHING);
    let (status, _) = raw_get(&stack.server.origin, &format!("{base}/v2/{TAGS}")).await;
    assert_eq!(status, 200);
    stack.end().await;
}

// Threats: GW-11.
#[tokio::test]
async fn paths_of_the_specification_reach_the_registry_unchanged() {
    let stack = Stack::of([Kind::Open]).await;
    let digest = sha256(b"");
    for (path, query) in [
        ("/v2/", None),
        ("/v2/_catalog", Some(vec![("n", "2"), ("last", "a/b")])),
        ("/v2/a/b/tags/list", Some(vec![("n", "1")])),
        ("/v2/a/manifests/latest", None),
        (&format!("/v2/a/blobs/{digest}"), None),
        (&format!("/v2/a/referrers/{digest}"), Some(vec![("artifactType", "x")])),
    ] {
        stack.reset();
        let query = query.unwrap_or_default();
        let pairs: Vec<String> =
            query.iter().map(|(name, value)| format!("{name}={}", value.replace('/', "%2F"))).collect();
        let mark = if pairs.is_empty() { "" } else { "?" };
        let target = format!("/r/{}{path}{mark}{}", stack.name(Kind::Open), pairs.join("&"));
        stack.get(&stack.url(&target), None).await;
        let journal = stack.demo.journal();
        let sent: Vec<(&str, &str)> =
            journal[0].query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!((journal.len(), journal[0].path.as_str(), sent), (1, path, query));
    }
    // The port's colon may be percent-encoded.
    let escaped = format!("/r/{}/v2/", stack.name(Kind::Open).replace(':', "%3A"));
    assert_eq!(stack.get(&stack.url(&escaped), None).await.status, 200);
    stack.end().await;
}

// Threats: GW-07.
#[tokio::test]
async fn requests_to_other_registries_are_refused() {
    let evil = Untouched::start().await.unwrap();
    let stack = Stack::of([Kind::Open]).await;
    for registry in
        [evil.address().to_string(), format!("localhost:{}", evil.address().port()), "evil.test".to_owned()]
    {
        let response = stack.get(&stack.url(&format!("/r/{registry}/v2/{TAGS}")), None).await;
        problem(&response, 403, "registry_not_allowed");
    }
    // GW-08: neither Host nor absolute-form decides where a request goes.
    let host = evil.address();
    let target = format!("/r/{}/v2/{TAGS}", stack.name(Kind::Open));
    let request = format!("GET http://{host}{target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    raw(&stack.server.origin, &request).await;
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: {host}\r\nConnection: close\r\n\r\n"
    );
    raw(&stack.server.origin, &request).await;
    assert_eq!(evil.connections(), 0);
    stack.end().await;
}

/// GW-13.
#[tokio::test]
async fn writes_through_a_read_only_gateway_are_refused() {
    let stack = Stack::of([Kind::Open]).await;
    for method in
        WRITING.into_iter().chain([Method::OPTIONS, Method::TRACE, Method::from_bytes(b"BREW").unwrap()])
    {
        for path in ["library/alpine/manifests/latest", "library/alpine/blobs/uploads/"] {
            let response =
                stack.client.call(method.clone(), &stack.gateway(Kind::Open, path)).send().await.unwrap();
            assert_eq!(response.status, 405, "{method} {path}: {}", response.text());
            assert_eq!(response.json()["code"], "method_not_allowed", "{method} {path}");
        }
    }
    assert_eq!(stack.upstream(Kind::Open), Upstream::NOTHING);
    stack.end().await;
}

/// GW-09, GW-14, GW-20.
// Threats: GW-08.
#[tokio::test]
async fn only_listed_request_headers_are_relayed() {
    let stack = Stack::of([Kind::Token]).await;
    let mut call = stack.client.get(&stack.gateway(Kind::Token, TAGS)).bearer("made-up-token");
    for (name, value) in [
        ("accept", "application/vnd.oci.image.index.v1+json"),
        ("range", "bytes=0-1"),
        ("if-none-match", "\"x\""),
        ("accept-encoding", "gzip"),
        ("user-agent", "Mozilla/5.0"),
        ("origin", &stack.server.origin),
        ("keep-alive", "1"),
        ("cookie", "theme=dark; session=abc"),
        ("referer", "https://dockpass.example/repositories"),
        ("x-dockpass", "1"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-real-ip", "10.0.0.1"),
        ("x-original-url", "/v2/_catalog"),
        ("forwarded", "for=10.0.0.1"),
        ("via", "1.1 proxy"),
        ("proxy-authorization", "Basic eDp5"),
        ("te", "trailers"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "cors"),
        ("sec-fetch-dest", "empty"),
        ("accept-language", "en"),
        // Fields that it names are dropped, except those that the gateway relays.
        ("connection", "close, accept, authorization, x-custom"),
        ("x-custom", "1"),
    ] {
        call = call.header(name, value);
    }
    // The registry refuses the made-up token.
    assert_eq!(stack.send(call).await.status, 401);
    let journal = stack.demo.journal();
    let mut names: Vec<&str> = journal[0].headers.iter().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["accept", "accept-encoding", "authorization", "host", "if-none-match", "range", "user-agent"]
    );
    let shown = |name: &str| journal[0].shown[name].as_str();
    assert_eq!(journal[0].authorization.as_deref(), Some("bearer"));
    assert_eq!(shown("host"), stack.name(Kind::Token));
    assert_eq!(shown("accept"), "application/vnd.oci.image.index.v1+json");
    assert_eq!(shown("accept-encoding"), "identity");
    assert_eq!((shown("range"), shown("if-none-match")), ("bytes=0-1", "\"x\""));
    assert_eq!(shown("user-agent"), concat!("dockpass/", env!("CARGO_PKG_VERSION")));
    stack.end().await;
}

/// GW-15, GW-23: response headers are an allow-list.
// Threats: SSRF-15, UPS-08.
#[tokio::test]
async fn only_listed_response_headers_are_relayed() {
    let stack = Stack::of([Kind::Open]).await;
    let hostile = [
        ("set-cookie", "__Host-dockpass-0000000000000000=evil; Secure; Path=/"),
        ("access-control-allow-origin", "*"),
        ("access-control-allow-credentials", "true"),
        ("content-security-policy", "default-src *"),
        ("strict-transport-security", "max-age=0"),
        ("clear-site-data", "\"*\""),
        ("refresh", "0; url=https://evil.test/"),
        ("alt-svc", "h2=\"evil.test:443\""),
        ("service-worker-allowed", "/"),
        ("server", "registry/1.2.3"),
        ("x-powered-by", "something"),
        ("location", "https://evil.test/"),
        ("content-disposition", "inline"),
        ("nel", "{}"),
        ("report-to", "{}"),
    ];
    let headers = hostile.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    stack.demo.script(Script::once(Kind::Open, Role::Registry, Action::AddHeaders { headers }));
    let response = stack.get(&stack.gateway(Kind::Open, "library/alpine/manifests/latest"), None).await;
    assert_eq!(response.status, 200);
    for (name, value) in hostile {
        assert!(!response.header(name).contains(value), "{name} came down: {}", response.header(name));
    }
    for (name, part) in [
        ("content-type", "application/vnd.oci.image.index.v1+json"),
        ("docker-content-digest", "sha256:"),
        ("etag", "sha256:"),
        ("content-security-policy", "sandbox"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert!(response.header(name).contains(part), "{name}: {}", response.header(name));
    }
    let caching = response.header("cache-control");
    assert!(caching.contains("private") || caching.contains("no-store"), "{caching}");
    let vary = response.header("vary").to_ascii_lowercase();
    assert!(vary.contains("authorization"), "{vary}");
    stack.end().await;
}

#[tokio::test]
async fn pages_are_followed_through_the_gateway() {
    let stack = Stack::of([Kind::Token]).await;
    let session = stack.login(Kind::Token, "ada").await;
    stack.reset();
    let list = stack.gateway(Kind::Token, "library/python/tags/list");
    let mut url = format!("{list}?n=100");
    let mut tags = 0;
    loop {
        let response = stack.get(&url, Some(&session)).await;
        assert_eq!(response.status, 200, "{}", response.text());
        tags += response.json()["tags"].as_array().unwrap().len();
        let link = response.header("link");
        let Some(target) = link.strip_prefix('<').and_then(|link| link.split_once('>')) else { break };
        assert_eq!(target.1, "; rel=\"next\"");
        assert!(target.0.starts_with('?'), "relative to the request: {link}");
        url = format!("{list}{}", target.0);
    }
    assert_eq!(tags, 250);
    assert_eq!(stack.upstream(Kind::Token), Upstream::of(3, 1));
    stack.end().await;
}

/// A `Link` to another server is relayed under another name, so that no client sends a token there (GHSA-h7vf-4x9w-h99v) and
/// the list does not look complete.
// Threats: SSRF-15.
#[tokio::test]
async fn links_to_other_servers_are_relayed_as_registry_link() {
    let stack = Stack::of([Kind::Open]).await;
    for link in [
        "<https://evil.test/v2/a/tags/list?last=x>; rel=\"next\"",
        "<//evil.test/v2/a/tags/list?last=x>; rel=\"next\"",
        "</v2/../../v1/token>; rel=\"next\"",
        "<javascript:alert(1)>; rel=\"next\"",
    ] {
        let headers = vec![("link".to_owned(), link.to_owned())];
        stack.demo.script(Script::once(Kind::Open, Role::Registry, Action::AddHeaders { headers }));
        let response = stack.get(&stack.gateway(Kind::Open, TAGS), None).await;
        assert_eq!(response.header("link"), "", "{link}");
        assert_eq!(response.header("registry-link"), link);
    }
    // Of a link to another path of the registry, only the query of the same listing is used.
    let headers = vec![("link".to_owned(), "</admin?last=x>; rel=\"next\"".to_owned())];
    stack.demo.script(Script::once(Kind::Open, Role::Registry, Action::AddHeaders { headers }));
    let response = stack.get(&stack.gateway(Kind::Open, TAGS), None).await;
    assert_eq!(response.header("link"), "<?last=x>; rel=\"next\"");
    stack.end().await;
}

// Threats: GW-22.
#[tokio::test]
async fn accept_if_none_match_and_head_are_relayed() {
    let stack = Stack::of([Kind::Open]).await;
    let url = stack.gateway(Kind::Open, "library/alpine/manifests/latest");
    let get = |name: &'static str, value: String| {
        let call = stack.client.get(&url).header(name, &value);
        stack.send(call)
    };
    let index = "application/vnd.oci.image.index.v1+json";
    let good: HttpResponse = get("accept", index.to_owned()).await;
    assert_eq!((good.status, &*good.header("content-type")), (200, index));
    let unfit = get("accept", "application/vnd.docker.distribution.manifest.v2+json".to_owned()).await;
    assert_eq!(unfit.status, 404);
    assert_eq!(get("if-none-match", good.header("etag")).await.status, 304);
    let head = stack.send(stack.client.call(Method::HEAD, &url)).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), good.body.len().to_string());
    assert_eq!(sha256(&good.body), head.header("docker-content-digest"));
    stack.end().await;
}

#[tokio::test]
async fn errors_of_the_registry_are_relayed_unchanged() {
    let stack = Stack::of([Kind::Open]).await;
    let response = stack.get(&stack.gateway(Kind::Open, "no/such/tags/list"), None).await;
    assert_eq!((response.status, response.json()["errors"][0]["code"].as_str()), (404, Some("NAME_UNKNOWN")));
    assert_eq!(response.header("content-type"), "application/json");
    stack.end().await;
}

/// GW-25, RLM-02: the page does not see a realm that is not configured for the registry.
#[tokio::test]
async fn challenges_with_a_foreign_realm_are_not_relayed() {
    let stack = Stack::of([Kind::Token]).await;
    let realm = Some("https://evil.test/token".to_owned());
    let action = Action::Realm { realm, service: None };
    stack.demo.script(Script::once(Kind::Token, Role::Registry, action));
    let response = stack.get(&stack.gateway(Kind::Token, TAGS), None).await;
    problem(&response, 403, "realm_not_allowed");
    assert!(!format!("{:?}{}", response.headers, response.text()).contains("evil.test"));
    stack.end().await;
}

/// Browsers open a password dialog for some of these, so the page gets them under another name.
#[tokio::test]
async fn challenges_that_a_page_cannot_use_are_relayed_as_registry_challenge() {
    let stack = Stack::of([Kind::Token]).await;
    for challenge in [
        "Digest realm=\"x\", nonce=\"y\"",
        "Negotiate",
        "Bearer realm=\"",
        "Basic realm=\"x\", Bearer realm=\"/token\"",
    ] {
        let headers = vec![("www-authenticate".to_owned(), challenge.to_owned())];
        let action = Action::Respond { status: 401, headers, body: "{}".to_owned() };
        stack.demo.script(Script::once(Kind::Token, Role::Registry, action));
        let response = stack.get(&stack.gateway(Kind::Token, TAGS), None).await;
        assert_eq!(response.status, 401, "{challenge}");
        assert_eq!(response.header("registry-challenge"), challenge);
        assert!(!response.headers.contains_key("www-authenticate"), "{challenge}");
    }
    stack.end().await;
}

#[tokio::test]
async fn basic_is_refused_and_registry_tokens_are_relayed() {
    let stack = Stack::of([Kind::Token]).await;
    // The gateway accepts no passwords.
    let call = stack.client.get(&stack.gateway(Kind::Token, TAGS)).basic("ada", &stack.password);
    let response = stack.send(call).await;
    assert!((400..500).contains(&response.status), "{}", response.text());
    assert_eq!(stack.upstream(Kind::Token), Upstream::NOTHING);
    // An unknown token is relayed and refused by the registry.
    let response = stack.get(&stack.gateway(Kind::Token, TAGS), Some("made-up-token")).await;
    assert_eq!(response.status, 401);
    assert!(
        response.header("www-authenticate").contains("error=\"invalid_token\""),
        "{:?}",
        response.headers
    );
    stack.end().await;
}

/// Concurrent requests without a cached token make one token request.
#[tokio::test]
async fn parallel_requests_share_one_token() {
    let stack = Stack::of([Kind::Token]).await;
    let session = stack.login(Kind::Token, "ada").await;
    stack.reset();
    let url = stack.gateway(Kind::Token, "vault/keys/tags/list");
    let responses = futures_util::future::join_all((0..30).map(|_| stack.get(&url, Some(&session)))).await;
    assert!(responses.iter().all(|response| response.status == 200));
    assert_eq!(stack.upstream(Kind::Token), Upstream::of(30, 1));
    stack.end().await;
}

#[tokio::test]
async fn rate_limit_headers_are_relayed() {
    let stack = Stack::of([Kind::Hub]).await;
    let session = stack.login(Kind::Hub, "ada").await;
    let url = stack.gateway(Kind::Hub, "vault/keys/manifests/latest");
    let manifest = stack.get(&url, Some(&session)).await;
    assert_eq!(manifest.header("ratelimit-limit"), "100;w=21600");
    assert_eq!(manifest.header("ratelimit-remaining"), "99;w=21600");
    let limited = Action::TooMany { retry_after: Some("17".to_owned()) };
    stack.demo.script(Script::once(Kind::Hub, Role::Registry, limited));
    let limited = stack.get(&url, Some(&session)).await;
    assert_eq!((limited.status, &*limited.header("retry-after")), (429, "17"));
    stack.end().await;
}
