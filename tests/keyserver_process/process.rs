//! Start, signals, logs and failures of the process.

use std::time::Duration;

use dockpass_tests::demo::{Action, Kind, Role, Script};
use serde_json::Value;

use crate::program::{Fixture, Program, files};

const SERVE: [&str; 3] = ["serve", "--config", "config.yaml"];

/// SIGTERM: no new connections are accepted, running requests finish, then the process exits.
// Threats: SHD-01.
pub(crate) async fn sigterm_finishes_requests_and_exits() {
    let fixture = Fixture::new([Kind::Open], "").await;
    let mut program = fixture.start(&SERVE);
    let url = format!(
        "{}/r/{}/v2/_catalog",
        program.origin,
        fixture.demo.registry(Kind::Open).unwrap().authority()
    );
    assert_eq!(fixture.client.get(&url).send().await.unwrap().status, 200);
    for path in ["/healthz", "/readyz"] {
        let response = fixture.client.get(&format!("{}{path}", program.origin)).send().await.unwrap();
        assert_eq!(response.status, 200, "{path}");
    }
    let slow = Script::once(Kind::Open, Role::Registry, Action::Nothing).after(Duration::from_millis(900));
    fixture.demo.script(slow);
    let in_flight = tokio::spawn({
        let (client, url) = (dockpass_tests::client::Client::new(), url.clone());
        async move { client.get(&url).send().await }
    });
    while fixture.demo.requests(Kind::Open, Role::Registry) < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    program.signal("TERM");
    let response = in_flight.await.unwrap().expect("a request in flight ends well");
    assert_eq!(response.status, 200);
    let status = program.ended().await;
    assert_eq!(status.code(), Some(0), "{}", program.log());
    assert!(dockpass_tests::client::Client::new().get(&url).send().await.is_err(), "nobody listens any more");
}

/// Searches logs at trace level, files, arguments and the environment after successful and failed logins.
// Threats: LOG-01.
pub(crate) async fn no_secret_is_in_logs_files_arguments_or_environment() {
    let kinds = [Kind::Token, Kind::OwnRealm, Kind::Hub, Kind::Basic];
    let fixture = Fixture::new(kinds, "log:\n  filter: trace\n").await;
    let mut program = fixture.start(&SERVE);
    let mut secrets = vec![fixture.password.clone()];
    for kind in kinds {
        let session = fixture.session(&program, kind).await;
        let wrong = fixture.login(&program, kind, "canary-which-is-wrong").await;
        assert_eq!(wrong.status, 401, "{}", wrong.text());
        if kind != Kind::Basic {
            let token = fixture.token(&program, kind, &session).await;
            secrets.push(token.json()["token"].as_str().unwrap().to_owned());
        }
        assert_eq!(fixture.tags(&program, kind, &session).await, 200);
        secrets.push(session);
    }
    secrets.push("canary-which-is-wrong".to_owned());
    program.signal("TERM");
    assert!(program.ended().await.success());

    let log = program.log();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "the filter works: {log}");
    let written = files(fixture.folder.path());
    assert_eq!(
        written.len(),
        1,
        "it writes no file: {:?}",
        written.iter().map(|(path, _)| path).collect::<Vec<_>>()
    );
    for secret in secrets {
        use base64::Engine as _;
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("ada:{secret}"));
        for form in [secret, basic] {
            assert!(!log.contains(&form), "a secret is in the log");
            for (path, content) in &written {
                let found = content.windows(form.len()).any(|window| window == form.as_bytes());
                assert!(!found, "a secret is in {}", path.display());
            }
        }
    }
    assert!(fixture.demo.violations().is_empty(), "{:?}", fixture.demo.violations());
}

/// Key rotation keeps sessions: the new key seals, the former one still opens. An invalid file changes nothing.
// Threats: JWE-25, KEY-05.
pub(crate) async fn keys_are_reloaded_on_sighup() {
    let fixture = Fixture::new([Kind::Token], "session:\n  key_files: [current.pem, former.pem]\n").await;
    for file in ["current.pem", "former.pem"] {
        let made = fixture.output(&["keygen", "--out", file]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    let path = |file: &str| fixture.folder.path().join(file);
    let program = fixture.start(&SERVE);
    let before = kids(&fixture, &program).await;
    assert_eq!(before.len(), 2);
    let session = fixture.session(&program, Kind::Token).await;

    std::fs::rename(path("current.pem"), path("former.pem")).unwrap();
    assert!(fixture.output(&["keygen", "--out", "current.pem"]).status.success());
    program.signal("HUP");
    program.wait_for_log("key files reloaded").await;
    let after = kids(&fixture, &program).await;
    assert_eq!((after.len(), &after[1]), (2, &before[0]), "what sealed before still opens");
    assert!(!before.contains(&after[0]));
    assert_eq!(fixture.who_am_i(&program, &session).await, 200);
    let new = fixture.session(&program, Kind::Token).await;
    assert_ne!(new.split('.').next(), session.split('.').next(), "the new key seals");

    std::fs::write(path("current.pem"), "no key").unwrap();
    program.signal("HUP");
    program.wait_for_log("the current keys stay in use").await;
    assert_eq!(kids(&fixture, &program).await, after);
    assert_eq!(fixture.who_am_i(&program, &new).await, 200);
}

async fn kids(fixture: &Fixture, program: &Program) -> Vec<Value> {
    let keys = fixture.client.get(&format!("{}/v1/keys", program.origin)).send().await.unwrap().json();
    keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect()
}

/// Each failure has one message and its own exit code.
pub(crate) async fn failures_at_start_have_a_message_and_exit_code() {
    let fixture = Fixture::new([Kind::Open], "").await;
    let write = |name: &str, text: &str| std::fs::write(fixture.folder.path().join(name), text).unwrap();
    let taken = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let taken = taken.local_addr().map(|address| (taken, address)).unwrap();
    write("unknown.yaml", "listen: \"127.0.0.1:0\"\nlisten_adress: hunter2\n");
    write("syntax.yaml", "listen: [\n");
    write("nokey.yaml", "listen: \"127.0.0.1:0\"\nsession:\n  key_files: [missing.pem]\n");
    write("badkey.yaml", "listen: \"127.0.0.1:0\"\nsession:\n  key_files: [bad.pem]\n");
    write("bad.pem", "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n");
    let address = taken.1.to_string();
    for (arguments, code, says) in [
        (vec!["serve", "--config", "config.yaml", "--listen", &address], 4, address.as_str()),
        (vec!["serve", "--config", "unknown.yaml"], 3, "listen_adress"),
        (vec!["check-config", "unknown.yaml"], 3, "2"),
        (vec!["serve", "--config", "syntax.yaml"], 3, "line 1"),
        (vec!["serve", "--config", "absent.yaml"], 3, "absent.yaml"),
        (vec!["serve", "--config", "nokey.yaml"], 5, "missing.pem"),
        (vec!["serve", "--config", "badkey.yaml"], 5, "bad.pem"),
        (vec!["keygen", "--out", "bad.pem"], 5, "bad.pem"),
        (vec!["serve", "--nonsense"], 2, "--nonsense"),
    ] {
        let ended = fixture.output(&arguments);
        let message = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(code), "{arguments:?}: {message}");
        assert!(message.contains(says), "{arguments:?} does not name {says}: {message}");
        assert!(!message.contains("hunter2"), "a value is shown: {message}");
        assert!(!message.contains("panicked"), "{message}");
    }
    assert!(fixture.output(&["check-config", "config.yaml"]).status.success());
}
