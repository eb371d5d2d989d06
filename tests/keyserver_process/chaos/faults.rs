//! Faults of upstreams, and of the reader of the log.

use std::time::Duration;

use dockpass_tests::demo::{Action, Role, Script};

use super::{Chaos, FAILING};

fn respond(status: u16, headers: &[(&str, &str)], body: &str) -> Action {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Action::Respond { status, headers, body: body.to_owned() }
}

fn challenge(lines: &[&str]) -> Action {
    Action::Challenge { lines: lines.iter().map(|line| (*line).to_owned()).collect() }
}

/// What a server of a registry can do wrong, with a delay before it.
fn actions() -> Vec<(&'static str, Action, Duration)> {
    let json = [("content-type", "application/json")];
    let too_late = Duration::from_millis(2_500);
    let now = Duration::ZERO;
    let realm = "http://127.0.0.9:9/token?account=x".to_owned();
    vec![
        ("closes the connection", Action::Close, now),
        ("responds too late", Action::Nothing, too_late),
        ("responds with 500", respond(500, &json, "{}"), now),
        (
            "responds with a proxy's page",
            respond(502, &[("content-type", "text/html")], "<h1>Bad Gateway</h1>"),
            now,
        ),
        ("responds with 503", respond(503, &[("retry-after", "1")], ""), now),
        ("responds with 429", Action::TooMany { retry_after: Some("1".to_owned()) }, now),
        ("responds with 429 and no time", Action::TooMany { retry_after: None }, now),
        ("responds with 404", respond(404, &json, "{}"), now),
        ("responds with 418", respond(418, &json, "{}"), now),
        ("responds with an empty 200", respond(200, &json, ""), now),
        ("responds with an empty object", respond(200, &json, "{}"), now),
        ("responds with an empty token", respond(200, &json, r#"{"token":""}"#), now),
        ("responds with a token of two lines", respond(200, &json, r#"{"token":"a\r\nx: y"}"#), now),
        ("responds with a list", respond(200, &json, "[1,2,3]"), now),
        ("responds with broken JSON", Action::WrongJson, now),
        ("responds with a long body", Action::Huge { bytes: 200_000 }, now),
        (
            "redirects elsewhere",
            Action::Redirect { status: 302, location: "http://127.0.0.9:9/".to_owned() },
            now,
        ),
        ("redirects to itself", Action::Redirect { status: 307, location: "/v2/".to_owned() }, now),
        ("sends octet by octet", Action::Drip { bytes: 1, every_ms: 1_500 }, now),
        ("breaks off", Action::Truncate { bytes: 5 }, now),
        ("names another realm", Action::Realm { realm: Some(realm), service: None }, now),
        ("sends a challenge of another scheme", challenge(&[r#"Digest realm="a", nonce="b""#]), now),
        ("sends a challenge that is none", challenge(&[r#"Bearer realm="a,,="#]), now),
        ("sends 401 without a challenge", respond(401, &json, "{}"), now),
        ("sends many challenges", challenge(&[r#"Bearer realm="http://127.0.0.9:9/t""#; 60]), now),
        ("sends long headers", respond(200, &[("x-long", &"x".repeat(100_000))], "{}"), now),
    ]
}

/// Every fault of both servers of a registry: the other registry's users do not notice, and it ends with the fault.
pub(crate) async fn faults_of_a_registry_stay_with_it() {
    let mut chaos = Chaos::start("", &[]).await;
    for (what, action, pause) in actions() {
        for role in [Role::Registry, Role::TokenService] {
            let script = Script::always(FAILING, role, action.clone()).after(pause);
            chaos.survives(&format!("{role:?} {what}"), vec![script]).await;
        }
    }
    chaos.serves_others("afterwards").await;
    chaos.ends().await;
}
