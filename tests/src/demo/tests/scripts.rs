//! Scripted responses, and the control endpoint for other processes.

use std::time::{Duration, Instant};

use serde_json::json;

use super::super::{Action, Demo, DemoConfig, Kind, Role, Script};
use super::{ADA, Stage};
use crate::client::ClientError;
use crate::untouched::Untouched;

const TAGS: &str = "/v2/library/alpine/tags/list";
const SCOPE: &str = "repository:library/alpine:pull";

#[tokio::test]
async fn a_script_answers_the_next_matching_request_and_no_other() {
    let stage = Stage::of(Kind::Open).await;
    let respond = Action::Respond {
        status: 503,
        headers: vec![("content-type".into(), "text/html".into()), ("set-cookie".into(), "a=b".into())],
        body: "<h1>sorry</h1>".into(),
    };
    stage.demo.script(Script::once(Kind::Open, Role::Registry, respond).below("/v2/library/"));
    assert_eq!(stage.get("/v2/").await.status, 200);
    let spoiled = stage.get(TAGS).await;
    assert_eq!(
        (spoiled.status, &*spoiled.text(), &*spoiled.header("set-cookie")),
        (503, "<h1>sorry</h1>", "a=b")
    );
    assert_eq!(stage.get(TAGS).await.status, 200);
    assert_eq!(
        stage.demo.journal().iter().map(|record| record.scripted).collect::<Vec<_>>(),
        [false, true, false]
    );
}

#[tokio::test]
async fn every_scripted_fault_works() {
    let stage = Stage::of(Kind::Token).await;
    let script = |action| stage.demo.script(Script::once(Kind::Token, Role::TokenService, action));

    script(Action::TooMany { retry_after: Some("23.722µs".into()) });
    let response = stage.ask(&[SCOPE], None).await;
    assert_eq!(response.status, 429);
    assert_eq!(response.header("retry-after"), "23.722µs", "as GHCR was seen to send it");

    script(Action::WrongJson);
    assert_eq!(stage.ask(&[SCOPE], None).await.json(), json!(null));

    script(Action::Huge { bytes: 200_000 });
    assert!(stage.ask(&[SCOPE], None).await.body.len() > 200_000);

    script(Action::Redirect { status: 307, location: "http://127.0.0.1:1/".into() });
    assert_eq!(stage.ask(&[SCOPE], None).await.header("location"), "http://127.0.0.1:1/");

    script(Action::AddHeaders { headers: vec![("clear-site-data".into(), "\"*\"".into())] });
    let response = stage.ask(&[SCOPE], None).await;
    assert_eq!((response.status, &*response.header("clear-site-data")), (200, "\"*\""));

    script(Action::Close);
    assert!(matches!(stage.client.get(&stage.realm(&[])).send().await, Err(ClientError::Connection(_))));

    script(Action::Truncate { bytes: 10 });
    assert!(matches!(stage.client.get(&stage.realm(&[SCOPE])).send().await, Err(ClientError::Body(_))));

    let start = Instant::now();
    let nothing = Script::once(Kind::Token, Role::TokenService, Action::Nothing);
    stage.demo.script(nothing.after(Duration::from_millis(80)));
    assert_eq!(stage.ask(&[SCOPE], None).await.status, 200);
    assert!(start.elapsed() >= Duration::from_millis(80));

    let start = Instant::now();
    script(Action::Drip { bytes: 400, every_ms: 10 });
    assert_eq!(stage.ask(&[SCOPE], None).await.status, 200);
    assert!(start.elapsed() >= Duration::from_millis(30), "a reply of over 1200 bytes");
    assert_eq!(stage.broken(), [""; 0]);
}

#[tokio::test]
async fn challenges_can_be_changed_permanently() {
    let stage = Stage::of(Kind::Token).await;
    let realm = Action::Realm { realm: Some("http://evil.test/t".into()), service: None };
    stage.demo.script(Script::always(Kind::Token, Role::Registry, realm));
    for _ in 0..3 {
        let challenge = stage.get(TAGS).await.header("www-authenticate");
        assert!(
            challenge.starts_with("Bearer realm=\"http://evil.test/t\",service=\"registry.demo\""),
            "{challenge}"
        );
    }
    stage.demo.reset();
    let lines = vec!["Bearer realm=\"unterminated".to_owned(), "Basic".to_owned()];
    stage.demo.script(Script::once(Kind::Token, Role::Registry, Action::Challenge { lines }));
    let response = stage.get(TAGS).await;
    assert_eq!(response.headers.get_all("www-authenticate").iter().count(), 2);
    assert!(!stage.get(TAGS).await.header("www-authenticate").contains("evil"));
}

#[tokio::test]
async fn other_processes_use_the_control_endpoint() {
    let stage = Stage::of(Kind::Basic).await;
    let control = stage.demo.control_url();
    let url = |path: &str| format!("{control}{path}");
    let script = json!({
        "registry": "basic", "role": "registry", "times": 2,
        "action": { "do": "too_many", "retry_after": "3" },
    });
    let queued = stage.client.post(&url("/script")).json(&script).send().await.unwrap();
    assert_eq!((queued.status, queued.json()), (200, json!({ "queued": 1 })));
    let many = json!([script, script]);
    assert_eq!(
        stage.client.post(&url("/script")).json(&many).send().await.unwrap().json(),
        json!({ "queued": 2 })
    );
    for _ in 0..6 {
        assert_eq!(stage.get_as("/v2/", ADA).await.header("retry-after"), "3");
    }
    assert_eq!(stage.get_as("/v2/", ADA).await.status, 200);
    stage.client.get(&stage.url("/v2/")).bearer("abc").send().await.unwrap();

    let get = async |path: &str| stage.client.get(&url(path)).send().await.unwrap().json();
    assert_eq!(get("/counts").await, json!({ "basic": { "registry": 8 } }));
    let journal = get("/journal").await;
    assert_eq!((&journal[0]["path"], &journal[0]["scripted"]), (&json!("/v2/"), &json!(true)));
    assert_eq!(get("/violations").await[0]["rule"], "bearer_to_basic_registry");
    stage.client.post(&url("/reset")).send().await.unwrap();
    assert_eq!((get("/journal").await, get("/violations").await), (json!([]), json!([])));

    let wrong = json!({ "registry": "basic", "role": "registry", "action": { "do": "dance" } });
    let response = stage.client.post(&url("/script")).json(&wrong).send().await.unwrap();
    assert_eq!(response.status, 400);
    assert!(response.text().contains("dance"), "{}", response.text());
    let rebound = stage.client.get(&url("/journal")).header("host", "evil.test").send().await.unwrap();
    assert_eq!(rebound.status, 421);
}

#[tokio::test]
async fn the_ready_file_names_everything() {
    let demo = Demo::start(DemoConfig::all()).await.unwrap();
    let ready = serde_json::to_value(demo.ready()).unwrap();
    let registries = ready["registries"].as_array().unwrap();
    let flows: Vec<_> = registries.iter().map(|registry| registry["flow"].as_str().unwrap()).collect();
    assert_eq!(flows, ["open", "token", "token", "token", "hub", "basic"]);
    assert_eq!(registries[0]["logins"], json!([]));
    assert_eq!(registries[1]["logins"][0]["username"], "ada");
    assert_eq!(registries[1]["realms"][0], demo.registry(Kind::Token).unwrap().realm().unwrap());
    assert_eq!(registries[4]["cdn"], demo.registry(Kind::Hub).unwrap().cdn().unwrap());
    assert!(registries[4]["repositories"].as_array().unwrap().contains(&json!("library/python")));
    assert!(registries[0].get("repositories").is_none(), "its catalog can be listed");
    assert_eq!(ready["control"], demo.control_url());
    demo.stop().await;
}

#[tokio::test]
async fn untouched_listeners_count_connections() {
    let evil = Untouched::start().await.unwrap();
    assert_eq!(evil.connections(), 0);
    let stage = Stage::of(Kind::Open).await;
    assert!(stage.client.get(&evil.url("/token")).send().await.is_err());
    assert!(evil.connections() > 0);
}
