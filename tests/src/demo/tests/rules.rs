//! A violation of every rule gets HTTP 400 with a reason, and is recorded.

use http::Method;

use super::super::{DemoConfig, Kind, Rule};
use super::{ADA, Stage};
use crate::client::{Call, HttpResponse};

const SCOPE: &str = "repository:library/alpine:pull";
const TAGS: &str = "/v2/library/alpine/tags/list";
const FORM: &str = "application/x-www-form-urlencoded";

/// Sends a request and expects it to violate only this rule.
async fn breaks(stage: &Stage, rule: Rule, call: Call<'_>) {
    stage.demo.reset();
    let response: HttpResponse = call.send().await.unwrap();
    assert_eq!(response.status, 400, "{rule:?}: {}", response.text());
    let error = &response.json()["errors"][0];
    assert_eq!(error["code"], "FORBIDDEN_BY_SPECIFICATION", "{rule:?}");
    assert_eq!(error["detail"]["rule"], rule.name(), "{}", response.text());
    assert!(!error["message"].as_str().unwrap().is_empty());
    assert_eq!(stage.broken(), [rule.name()]);
    let violations = stage.demo.violations();
    let journal = stage.demo.journal();
    assert_eq!(violations[0].seq, journal[0].seq);
    assert_eq!(journal[0].status, Some(400));
}

#[tokio::test]
async fn token_requests_are_checked_strictly() {
    let stage = Stage::of(Kind::Token).await;
    let realm = stage.registry().realm().unwrap();
    let good = stage.realm(&[SCOPE]);
    for (rule, url) in [
        (Rule::MissingService, realm.clone()),
        (Rule::MissingService, format!("{realm}?service=")),
        (Rule::WrongService, format!("{realm}?service=registry.docker.io")),
        (Rule::DuplicateParameter, format!("{good}&service=registry.demo")),
        (Rule::DuplicateParameter, format!("{good}&client_id=a&client_id=b")),
        (Rule::UnknownParameter, format!("{good}&refresh_token=x")),
        (Rule::MalformedQuery, format!("{good}&account")),
        (Rule::MalformedQuery, format!("{good}&offline_token=yes")),
        (Rule::MalformedScope, stage.realm(&["repository:library/alpine"])),
        (Rule::MalformedScope, stage.realm(&["repository:library/Alpine:pull"])),
        (Rule::MalformedScope, stage.realm(&["repository:a:pull+repository:b:pull"])),
        (Rule::MalformedScope, stage.realm(&[""])),
        (Rule::AccountMismatch, format!("{good}&account=bob")),
    ] {
        breaks(&stage, rule, stage.client.get(&url).basic(ADA.0, ADA.1)).await;
    }
    breaks(&stage, Rule::AccountMismatch, stage.client.get(&format!("{good}&account=ada"))).await;
    breaks(&stage, Rule::BearerToTokenService, stage.client.get(&good).bearer("abc")).await;
    breaks(&stage, Rule::EncodedTokenReply, stage.client.get(&good).header("accept-encoding", "gzip, br"))
        .await;
    breaks(&stage, Rule::UnknownMethod, stage.client.call(Method::PUT, &good)).await;
    breaks(&stage, Rule::UnexpectedBody, stage.client.get(&good).body(FORM, "service=x")).await;

    let full = format!("{good}&account=ada&client_id=dockpass&offline_token=false&scope=repository:a:pull");
    let call = stage.client.get(&full).basic(ADA.0, ADA.1).header("accept-encoding", "identity");
    assert_eq!(call.send().await.unwrap().status, 200, "all that is allowed at once");
}

#[tokio::test]
async fn token_requests_by_post_are_checked_strictly() {
    let stage = Stage::of(Kind::Token).await;
    let realm = stage.registry().realm().unwrap();
    let good =
        "grant_type=password&service=registry.demo&client_id=t&username=ada&password=analytical-engine";
    let post = |form: &str| stage.client.post(&realm).body(FORM, form.to_owned());
    breaks(&stage, Rule::WrongContentType, stage.client.post(&realm).body("application/json", good)).await;
    breaks(&stage, Rule::MissingParameter, post("service=registry.demo&client_id=t")).await;
    breaks(&stage, Rule::MissingParameter, post("service=registry.demo&grant_type=refresh_token")).await;
    breaks(&stage, Rule::MalformedQuery, post("service=registry.demo&client_id=t&grant_type=implicit")).await;
    breaks(&stage, Rule::UnknownParameter, post(&format!("{good}&account=ada"))).await;
    breaks(&stage, Rule::DuplicateParameter, post(&format!("{good}&scope={SCOPE}&scope={SCOPE}"))).await;
    breaks(&stage, Rule::MalformedAuthorization, post(good).basic(ADA.0, ADA.1)).await;
    let in_query = stage.client.post(&stage.realm(&[])).body(FORM, good);
    breaks(&stage, Rule::UnknownParameter, in_query).await;
    assert_eq!(post(good).send().await.unwrap().status, 200);
}

#[tokio::test]
async fn requesting_the_placeholder_scope_is_a_violation() {
    let stage = Stage::of(Kind::Opaque).await;
    let url = stage.realm(&["repository:user/image:pull"]);
    breaks(&stage, Rule::PlaceholderScope, stage.client.get(&url)).await;
}

#[tokio::test]
async fn credentials_sent_to_the_wrong_server_are_violations() {
    let open = Stage::of(Kind::Open).await;
    breaks(&open, Rule::CredentialsToOpenRegistry, open.client.get(&open.url(TAGS)).basic(ADA.0, ADA.1))
        .await;
    breaks(&open, Rule::CredentialsToOpenRegistry, open.client.get(&open.url(TAGS)).bearer("abc")).await;

    let basic = Stage::of(Kind::Basic).await;
    breaks(&basic, Rule::BearerToBasicRegistry, basic.client.get(&basic.url(TAGS)).bearer("abc")).await;

    let token = Stage::of(Kind::Token).await;
    let tags = token.url(TAGS);
    breaks(&token, Rule::BasicToBearerRegistry, token.client.get(&tags).basic(ADA.0, ADA.1)).await;
    let url = format!("{}&offline_token=true", token.realm(&[]));
    let response = token.client.get(&url).basic(ADA.0, ADA.1).send().await.unwrap();
    let refresh = response.json()["refresh_token"].as_str().unwrap().to_owned();
    breaks(&token, Rule::RefreshTokenAtRegistry, token.client.get(&tags).bearer(&refresh)).await;

    let hub = Stage::of(Kind::Hub).await;
    let cdn = format!("{}/blobs/sha256/abc?expires=1&sig=x", hub.registry().cdn().unwrap());
    breaks(&hub, Rule::AuthorizationToCdn, hub.client.get(&cdn).bearer("abc")).await;
    let unsigned = format!("{}/blobs/sha256/abc", hub.registry().cdn().unwrap());
    breaks(&hub, Rule::MissingParameter, hub.client.get(&unsigned)).await;
}

#[tokio::test]
async fn authorization_is_one_well_formed_header() {
    let stage = Stage::of(Kind::Token).await;
    let tags = stage.url(TAGS);
    let call = || stage.client.get(&tags);
    breaks(&stage, Rule::MultipleAuthorization, call().bearer("abc").bearer("abc")).await;
    for malformed in
        ["Bearer", "Bearer ", "Bearer  abc", "Bearer a b", "Bearer =", "Digest x", "Basic !", "Basic YQ=="]
    {
        breaks(&stage, Rule::MalformedAuthorization, call().header("authorization", malformed)).await;
    }
    breaks(&stage, Rule::EmptyCredentials, stage.client.get(&stage.realm(&[])).basic("ada", "")).await;
}

#[tokio::test]
async fn headers_of_the_page_are_violations() {
    let stage = Stage::of(Kind::Token).await;
    let tags = stage.url(TAGS);
    for name in [
        "cookie",
        "origin",
        "referer",
        "x-dockpass",
        "x-forwarded-for",
        "sec-fetch-site",
        "forwarded",
        "via",
        "upgrade",
    ] {
        breaks(&stage, Rule::LeakedHeader, stage.client.get(&tags).header(name, "x")).await;
    }
    let part = |length: usize| "A".repeat(length);
    let sealed = format!("eyJ{}.{}.{}.{}.{}", part(40), part(80), part(16), part(90), part(22));
    breaks(&stage, Rule::SealedSessionLeaked, stage.client.get(&tags).bearer(&sealed)).await;
    breaks(&stage, Rule::SealedSessionLeaked, stage.client.get(&tags).header("accept", &sealed)).await;
    breaks(&stage, Rule::SecretInClear, stage.client.get(&tags).header("user-agent", ADA.1)).await;
    let in_query = format!("{}&account={}", stage.realm(&[]), ADA.1);
    breaks(&stage, Rule::SecretInClear, stage.client.get(&in_query)).await;
}

#[tokio::test]
async fn unusual_paths_hosts_and_methods_are_violations() {
    let stage = Stage::of(Kind::Open).await;
    for path in ["/v2/../x", "/v2/a/./b", "/v2//a", "/v2/%2e%2e/", "/v2/a%2fb/tags/list", "/v2/a;b/tags/list"]
    {
        breaks(&stage, Rule::SuspiciousPath, stage.client.get(&stage.url(path))).await;
    }
    let tags = stage.url(TAGS);
    breaks(&stage, Rule::WrongHost, stage.client.get(&tags).header("host", "registry.example")).await;
    breaks(&stage, Rule::UnknownMethod, stage.client.call(Method::TRACE, &tags)).await;
    breaks(&stage, Rule::UnknownParameter, stage.client.get(&format!("{tags}?token=abc"))).await;
    breaks(&stage, Rule::DuplicateParameter, stage.client.get(&format!("{tags}?n=1&n=2"))).await;
    breaks(&stage, Rule::UnexpectedBody, stage.client.get(&tags).body("text/plain", "x")).await;
}

#[tokio::test]
async fn rules_for_dockpass_only_can_be_lifted() {
    let config = DemoConfig { other_clients: true, ..DemoConfig::only([Kind::Token]) };
    let stage = Stage::with(Kind::Token, config).await;
    let url = stage.realm(&[SCOPE]);
    let call = stage.client.get(&url).header("accept-encoding", "gzip").header("x-client", "docker");
    assert_eq!(call.send().await.unwrap().status, 200);
    breaks(&stage, Rule::BearerToTokenService, stage.client.get(&url).bearer("abc")).await;
}

#[tokio::test]
async fn the_journal_shows_the_requests_and_no_secret() {
    let stage = Stage::of(Kind::Token).await;
    let url = format!("{}&account=ada", stage.realm(&[SCOPE]));
    let token = stage.client.get(&url).basic(ADA.0, ADA.1).send().await.unwrap().json()["token"].clone();
    let token = token.as_str().unwrap();
    stage.get_with(TAGS, token).await;
    let journal = stage.demo.journal();
    let shown = serde_json::to_string(&journal).unwrap();
    assert!(!shown.contains(token) && !shown.contains(ADA.1), "{shown}");
    assert_eq!(journal[0].authorization.as_deref(), Some("basic"));
    assert_eq!(journal[0].user.as_deref(), Some("ada"));
    assert_eq!(journal[0].query[1], ("scope".to_owned(), SCOPE.to_owned()));
    assert_eq!(journal[1].authorization.as_deref(), Some("bearer"));
    assert_eq!((journal[1].path.as_str(), journal[1].status), (TAGS, Some(200)));
}
