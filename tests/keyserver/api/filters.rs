//! Filters of the gateway that have no way round.

use dockpass_tests::scripted::{Request, Response, Scripted, respond};
use http::StatusCode;

use crate::api::{TestServer, basic_registry, upstream};

fn path(fake: &Scripted, rest: &str) -> String {
    format!("/r/{}{rest}", fake.authority)
}

/// Answers everything with 200.
fn anything(_own: &str, _received: &Request) -> Response {
    respond(200, &[("content-type", "application/json")], "{}")
}

// Threats: SES-22.
#[tokio::test]
async fn nothing_that_contains_a_session_is_relayed_in_any_form() {
    let (fake, basic) = (upstream(anything).await, upstream(basic_registry).await);
    let server = TestServer::with(&[&fake, &basic]);
    let session = server.login(&basic).await;
    let session = session.strip_prefix("Bearer ").unwrap();
    let jwe = session.rsplit_once('.').unwrap().0;
    for value in [
        format!("Bearer {session}, {session}"),
        format!("Bearer {session},{session}"),
        format!("Bearer {session}."),
        format!("Bearer {session}.x"),
        format!("Bearer x.{session}"),
        format!("Bearer x{session}"),
        format!("Bearer {session}=="),
        format!("Bearer {session} x"),
        format!("Bearer x {session}"),
        format!("Bearer  {session}"),
        format!("bearer {session}"),
        format!("Bearer \"{session}\""),
        format!("Bearer {jwe}"),
        format!("Bearer ~{jwe}"),
        format!("Basic {session}"),
        session.to_owned(),
    ] {
        let response = server.get(&path(&fake, "/v2/"), &[("authorization", &value)]).await;
        assert!(response.status.is_client_error(), "{value}: {response:?}");
    }
    let line = format!("Bearer {session}");
    for lines in [[line.as_str(), line.as_str()], ["Bearer t", line.as_str()], [line.as_str(), "Bearer t"]] {
        let headers = lines.map(|line| ("authorization", line));
        server.get(&path(&fake, "/v2/"), &headers).await.assert_problem("invalid_request");
    }
    assert!(fake.received().is_empty(), "{:?}", fake.received());
    // A token that is none of ours passes.
    let token = server.get(&path(&fake, "/v2/"), &[("authorization", "Bearer a.b.c")]).await;
    assert_eq!(token.status, StatusCode::OK);
}

// Threats: GW-26.
#[tokio::test]
async fn whatever_is_opened_as_a_document_is_downloaded() {
    for media_type in ["application/json", "text/html", "application/json;,text/html", "image/svg+xml"] {
        let fake =
            upstream(move |_, _| respond(200, &[("content-type", media_type)], "<script>1</script>")).await;
        let server = TestServer::with(&[&fake]);
        for rest in ["/v2/", "/v2/a/manifests/x", "/v2/a/tags/list", "/v2/_catalog"] {
            for header in [("sec-fetch-dest", "document"), ("sec-fetch-mode", "navigate")] {
                let opened =
                    server.get(&path(&fake, rest), &[header, ("sec-fetch-site", "same-origin")]).await;
                assert_eq!(opened.status, StatusCode::OK, "{rest} {header:?}");
                assert_eq!(opened.header("content-disposition"), Some("attachment"), "{rest} {header:?}");
            }
            let fetched = [("sec-fetch-dest", "empty"), ("sec-fetch-site", "same-origin")];
            let fetched = server.get(&path(&fake, rest), &fetched).await;
            assert!(fetched.header("content-disposition").is_none(), "{rest}");
            let shown = fetched.header("content-type").unwrap();
            assert!(!shown.contains("html") && !shown.contains("svg") && !shown.contains(','), "{shown}");
        }
    }
}

// Threats: GW-27.
#[tokio::test]
async fn a_broken_challenge_line_hides_no_foreign_realm() {
    let foreign = "Bearer realm=\"https://evil.test/token\",service=\"x\"";
    for lines in [
        [foreign, "Bearer realm=\"unclosed"],
        ["Bearer realm=\"unclosed", foreign],
        [foreign, "=== , \\"],
        ["Basic realm=\"a", foreign],
    ] {
        let fake = upstream(move |_, _| {
            respond(401, &[("www-authenticate", lines[0]), ("www-authenticate", lines[1])], "{}")
        })
        .await;
        let server = TestServer::with(&[&fake]);
        let response = server.get(&path(&fake, "/v2/_catalog"), &[]).await;
        response.assert_problem("realm_not_allowed");
        assert!(!String::from_utf8_lossy(&response.body).contains("evil"), "{response:?}");
    }
}
