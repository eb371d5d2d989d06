use dockpass_keyserver::carrier;
use dockpass_tests::scripted::{Scripted, respond};
use http::StatusCode;
use serde_json::{Value, json};

use crate::api::{NOW_MS, TestServer, jwt, token_registry, upstream};

fn token_request(fake: &Scripted, scope: &str) -> Value {
    json!({"registry": fake.authority, "scopes": [scope]})
}

#[tokio::test]
async fn a_cached_token_costs_neither_an_rsa_operation_nor_a_request() {
    let fake = upstream(token_registry).await;
    let server = TestServer::with(&[&fake]);
    let session = server.login(&fake).await;
    fake.forget();
    let mut body = token_request(&fake, "repository:team/app:pull");
    body["trace"] = json!(true);
    let auth = [("authorization", session.as_str())];

    let first = server.post("/v1/token", &auth, &body).await;
    assert_eq!(first.status, StatusCode::OK, "{first:?}");
    let token = first.json();
    assert_eq!(token["granted"], json!(["repository:team/app:pull"]));
    assert_eq!(token["denied"], json!([]));
    assert_eq!(token["kind"], "jwt");
    assert_eq!(token["token_type"], "Bearer");
    assert_eq!(token["expires_in"], 300);
    assert_eq!(token["issued_at"], NOW_MS);
    assert!(!token["steps"].as_array().unwrap().is_empty());
    assert_eq!(fake.count("/token"), 1, "the credentials go with the first request");
    let received = fake.received();
    assert_eq!(
        received[0].target,
        "/token?service=fake&scope=repository%3Ateam%2Fapp%3Apull&account=ada&client_id=dockpass"
    );

    let operations = server.state.private_operations();
    let second = server.post("/v1/token", &auth, &body).await.json();
    assert_eq!(second["token"], token["token"]);
    assert!(second.get("steps").is_none());
    assert_eq!(server.state.private_operations(), operations);
    assert_eq!(fake.count("/token"), 1);
}

#[tokio::test]
async fn denied_scopes_are_listed_in_the_response() {
    let fake = upstream(token_registry).await;
    let server = TestServer::with(&[&fake]);
    let session = server.login(&fake).await;
    let response = server
        .post("/v1/token", &[("authorization", &session)], &token_request(&fake, "repository:a/b:pull,push"))
        .await;
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(response.json()["denied"], json!(["repository:a/b:pull,push"]));
    assert_eq!(response.json()["granted"], json!([]));
}

#[tokio::test]
async fn cached_tokens_are_replaced_before_they_expire() {
    let fake = upstream(token_registry).await;
    let server = TestServer::with(&[&fake]);
    let session = server.login(&fake).await;
    let auth = [("authorization", session.as_str())];
    fake.forget();
    for scope in ["repository:a/b:pull", "repository:a/b:push"] {
        server.post("/v1/token", &auth, &token_request(&fake, scope)).await;
    }
    assert_eq!(fake.count("/token"), 2);
    server.clock.advance_ms(29_000);
    for scope in ["repository:a/b:pull", "repository:a/b:push"] {
        server.post("/v1/token", &auth, &token_request(&fake, scope)).await;
    }
    assert_eq!(fake.count("/token"), 2);
    server.clock.advance_ms(2_000);
    let token = server.post("/v1/token", &auth, &token_request(&fake, "repository:a/b:pull")).await.json();
    assert_eq!(token["expires_in"], 269, "what is left, not what there was");
    server.post("/v1/token", &auth, &token_request(&fake, "repository:a/b:push")).await;
    assert_eq!(fake.count("/token"), 3, "the denial is asked again");
    server.clock.advance_ms(240_000);
    server.post("/v1/token", &auth, &token_request(&fake, "repository:a/b:pull")).await;
    assert_eq!(fake.count("/token"), 4, "less than 30 s were left");
}

#[tokio::test]
async fn fresh_bypasses_the_cache() {
    let fake = upstream(token_registry).await;
    let server = TestServer::with(&[&fake]);
    let session = server.login(&fake).await;
    let auth = [("authorization", session.as_str())];
    fake.forget();
    let mut body = token_request(&fake, "repository:a/b:pull");
    server.post("/v1/token", &auth, &body).await;
    body["fresh"] = json!(true);
    server.post("/v1/token", &auth, &body).await;
    assert_eq!(fake.count("/token"), 2);
    // CON-06: again and again is only a way to flood the token service.
    for _ in 0..5 {
        assert_eq!(server.post("/v1/token", &auth, &body).await.status, StatusCode::OK);
    }
    assert_eq!(fake.count("/token"), 2);
    server.clock.advance_ms(2_000);
    server.post("/v1/token", &auth, &body).await;
    assert_eq!(fake.count("/token"), 3);
}

#[tokio::test]
async fn an_anonymous_request_uses_the_realm_of_the_registrys_challenge() {
    let response = |own: &str, received: &crate::api::Request| {
        if received.path() == "/token" {
            assert!(received.header("authorization").is_none());
            let token =
                jwt(&json!({"iat": NOW_MS / 1_000, "exp": NOW_MS / 1_000 + 300, "aud": "hub", "access": []}));
            return respond(
                200,
                &[("content-type", "application/json")],
                &json!({"token": token}).to_string(),
            );
        }
        let challenge = format!("Bearer realm=\"http://{own}/token\",service=\"hub\"");
        respond(401, &[("www-authenticate", &challenge)], "{}")
    };
    let fake = upstream(response).await;
    let server = TestServer::with(&[&fake]);
    for scope in ["repository:a/b:pull", "repository:c/d:pull", "repository:a/b:pull"] {
        let response = server.post("/v1/token", &[], &token_request(&fake, scope)).await;
        assert_eq!(response.status, StatusCode::OK, "{response:?}");
        assert_eq!(response.json()["denied"], json!([scope]), "a silent denial is an answer");
    }
    assert_eq!(fake.count("/v2/"), 1, "how the registry authenticates is remembered");
    assert_eq!(fake.count("/token"), 2);
    server.clock.advance_ms(11 * 60 * 1_000);
    server.post("/v1/token", &[], &token_request(&fake, "repository:a/b:pull")).await;
    assert_eq!(fake.count("/v2/"), 2);
}

// Threats: SSRF-11, CCH-11, UPS-05.
#[tokio::test]
async fn denials_are_cached_briefly_and_failures_are_not() {
    let fake = upstream(token_registry).await;
    let server = TestServer::with(&[&fake]);
    for _ in 0..3 {
        server
            .post("/v1/token", &[], &token_request(&fake, "repository:a/b:pull"))
            .await
            .assert_problem("login_required");
    }
    assert_eq!(fake.count("/token"), 1);

    let broken = upstream(|own, received| {
        if received.path() == "/token" {
            return respond(500, &[], "secret internals");
        }
        respond(
            401,
            &[("www-authenticate", &format!("Bearer realm=\"http://{own}/token\",service=\"x\""))],
            "{}",
        )
    })
    .await;
    let server = TestServer::with(&[&broken]);
    for _ in 0..2 {
        let response = server.post("/v1/token", &[], &token_request(&broken, "repository:a/b:pull")).await;
        response.assert_problem("upstream_failed");
        assert_eq!(response.json()["step"], "token_service");
        assert!(!String::from_utf8_lossy(&response.body).contains("internals"));
    }
    assert_eq!(broken.count("/token"), 2);
}

// Threats: SES-04.
#[tokio::test]
async fn a_cookie_and_a_bearer_session_in_one_request_are_refused() {
    let fake = upstream(token_registry).await;
    let server = TestServer::with(&[&fake]);
    let session = server.login(&fake).await;
    let jwe = session.strip_prefix("Bearer ").unwrap();
    let cookie = format!("other=1; {}={jwe}", carrier::CookieScope::default().name(&fake.authority));
    let body = token_request(&fake, "repository:a/b:pull");
    let page = [("cookie", cookie.as_str()), ("origin", "http://127.0.0.1:8780"), ("x-dockpass", "1")];
    assert_eq!(server.post("/v1/token", &page, &body).await.status, StatusCode::OK);
    server.post("/v1/token", &page[..2], &body).await.assert_problem("csrf_required");
    let cross = [page[0], ("sec-fetch-site", "cross-site"), page[2]];
    server.post("/v1/token", &cross, &body).await.assert_problem("origin_not_allowed");
    server.post("/v1/token", &[page[0], page[2]], &body).await.assert_problem("origin_not_allowed");
    let both = [page[0], page[1], page[2], ("authorization", session.as_str())];
    server.post("/v1/token", &both, &body).await.assert_problem("invalid_request");
    let twice = format!("{cookie}; {}=x", carrier::CookieScope::default().name(&fake.authority));
    let twice = [("cookie", twice.as_str()), page[1], page[2]];
    server.post("/v1/token", &twice, &body).await.assert_problem("invalid_request");
    for authorization in ["Bearer x.y.z", "Basic YTpi", "Bearer", "x"] {
        server
            .post("/v1/token", &[("authorization", authorization)], &body)
            .await
            .assert_problem("invalid_session");
    }
}

// Threats: JSN-01.
#[tokio::test]
async fn an_array_is_no_object_anywhere_in_a_body() {
    let fake = upstream(token_registry).await;
    let server = TestServer::with(&[&fake]);
    let body = |challenge: Value| json!({"registry": fake.authority, "scopes": ["repository:a/b:pull"], "challenge": challenge});
    let realm = format!("http://{}/token", fake.authority);
    for challenge in [json!([realm, "fake"]), json!([realm]), json!([]), json!(realm), json!(1), json!(true)]
    {
        server.post("/v1/token", &[], &body(challenge)).await.assert_problem("invalid_request");
    }
    server.post("/v1/token", &[], &json!([fake.authority, []])).await.assert_problem("invalid_request");
    assert!(fake.received().is_empty());
    // The object, and no challenge, are read.
    for challenge in [json!({"realm": realm, "service": "fake"}), Value::Null] {
        server.post("/v1/token", &[], &body(challenge)).await.assert_problem("login_required");
    }
}

// Threats: AVL-04.
#[tokio::test]
async fn a_session_gets_tokens_for_so_many_scopes_per_minute() {
    let fake = upstream(token_registry).await;
    let server = TestServer::configured(&[&fake], |config| {
        config.limits.session_scopes_per_minute = 6.try_into().unwrap();
    });
    let (session, other) = (server.login(&fake).await, server.login(&fake).await);
    let auth = [("authorization", session.as_str())];
    let scopes = |range: std::ops::Range<u32>| {
        let scopes: Vec<String> = range.map(|number| format!("repository:a/b{number}:pull")).collect();
        json!({"registry": fake.authority, "scopes": scopes})
    };
    assert_eq!(server.post("/v1/token", &auth, &scopes(0..4)).await.status, StatusCode::OK);
    let refused = server.post("/v1/token", &auth, &scopes(4..7)).await;
    refused.assert_problem("rate_limited");
    assert_eq!(refused.header("retry-after"), Some("10"));
    assert_eq!(server.post("/v1/token", &auth, &scopes(0..4)).await.status, StatusCode::OK, "from the cache");
    assert_eq!(server.post("/v1/token", &auth, &scopes(4..6)).await.status, StatusCode::OK);
    let other = [("authorization", other.as_str())];
    assert_eq!(server.post("/v1/token", &other, &scopes(0..6)).await.status, StatusCode::OK);
    // A request that asks for more than a minute's share is possible, once a minute.
    server.clock.advance_ms(60_000);
    assert_eq!(server.post("/v1/token", &auth, &scopes(10..30)).await.status, StatusCode::OK);
    server.post("/v1/token", &auth, &scopes(30..31)).await.assert_problem("rate_limited");
}
