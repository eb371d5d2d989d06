//! `doctor`, `token`, `completions` and `man`: the commands that start no server.

use std::io::Write as _;
use std::process::{Output, Stdio};

use dockpass_tests::demo::{Action, Kind, Role, Script};
use serde_json::Value;

use crate::program::{Fixture, files};

/// Runs a command to its end, with this standard input, while the demo serves it.
async fn run(fixture: &Fixture, arguments: &[&str], input: &str) -> Output {
    let mut command = fixture.command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that reads no input may have ended already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap()
}

/// The options that describe a registry of the demo, as an operator types them.
fn target(fixture: &Fixture, kind: Kind) -> Vec<String> {
    let registry = fixture.demo.registry(kind).unwrap();
    let mut words = vec![registry.url()];
    words.extend(registry.realm().into_iter().flat_map(|realm| ["--realm".to_owned(), realm]));
    words
}

/// Exit code and report of a command with `--json`.
async fn report(fixture: &Fixture, words: &[&str], kind: Kind, more: &[&str], input: &str) -> (i32, Value) {
    let target = target(fixture, kind);
    let all: Vec<&str> =
        [words, &target.iter().map(String::as_str).collect::<Vec<_>>(), more, &["--json"]].concat();
    let ended = run(fixture, &all, input).await;
    let text = String::from_utf8(ended.stdout).unwrap();
    let errors = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(
        !text.contains("canary-") && !errors.contains("canary-"),
        "{all:?} shows a secret: {text}{errors}"
    );
    let report = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{all:?}: {text}{errors}"));
    (ended.status.code().unwrap(), report)
}

/// Each kind of registry with and without a user, in few requests and without a violation of the specifications.
// Threats: LOG-01.
pub(crate) async fn the_doctor_finds_a_healthy_registry_healthy() {
    for kind in Kind::ALL {
        let fixture = Fixture::new([kind], "").await;
        let known = ["--repository", "library/alpine"];
        let (code, found) = report(&fixture, &["doctor"], kind, &known, "").await;
        // The Basic registry shows nothing to anonymous clients.
        let (expected, diagnosis) = if kind == Kind::Basic { (6, "login_needed") } else { (0, "healthy") };
        assert_eq!(code, expected, "{kind:?}: {found:#}");
        assert_eq!(found["diagnosis"]["code"], diagnosis, "{kind:?}: {found:#}");
        assert!(!found["steps"].as_array().unwrap().is_empty());
        if kind != Kind::Open {
            let hidden = ["--repository", "vault/keys", "--username", "ada"];
            let input = format!("{}\n", fixture.password);
            let (code, found) = report(&fixture, &["doctor"], kind, &hidden, &input).await;
            assert_eq!((code, &found["diagnosis"]["code"]), (0, &"healthy".into()), "{kind:?}: {found:#}");
            let (code, found) = report(&fixture, &["doctor"], kind, &hidden, "canary-wrong\n").await;
            assert_eq!(
                (code, &found["diagnosis"]["code"]),
                (6, &"wrong_password".into()),
                "{kind:?}: {found:#}"
            );
        }
        assert!(fixture.demo.violations().is_empty(), "{:?}", fixture.demo.violations());
    }
}

/// What is wrong is named, with the server and what to do, in both forms.
pub(crate) async fn the_doctor_names_what_is_wrong() {
    let fixture = Fixture::new([Kind::Token], "").await;
    let url = fixture.demo.registry(Kind::Token).unwrap().url();
    // The realm is on another host, and nobody has said that it belongs to the registry.
    let ended = run(&fixture, &["doctor", &url], "").await;
    let text = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(ended.status.code(), Some(6), "{text}");
    for word in ["diagnosis  realm_not_paired", "realm=", "what to do", "GET /v2/"] {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
    let further = ["--repository", "library/alpine"];
    let failing = Action::Respond { status: 503, headers: Vec::new(), body: "canary-of-upstream".to_owned() };
    fixture.demo.script(Script::always(Kind::Token, Role::TokenService, failing));
    let (code, found) = report(&fixture, &["doctor"], Kind::Token, &further, "").await;
    assert_eq!((code, &found["diagnosis"]["code"]), (6, &"upstream_failed".into()), "{found:#}");
    assert_eq!(found["diagnosis"]["hop"], "token_service");
    let ended = run(&fixture, &["doctor", "127.0.0.1:1", "--json"], "").await;
    let found: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(
        (ended.status.code(), &found["diagnosis"]["code"]),
        (Some(6), &"unreachable".into()),
        "{found:#}"
    );
}

/// `token` says what is granted, and shows the token only where that was asked for.
pub(crate) async fn a_token_is_described_and_printed_only_on_request() {
    let fixture = Fixture::new([Kind::Token, Kind::Basic], "").await;
    let (mine, other) = ("repository:vault/keys:pull", "repository:library/alpine:pull");
    let (code, found) = report(&fixture, &["token"], Kind::Token, &[other], "").await;
    assert_eq!((code, &found["token"]["granted"][0]), (0, &other.into()), "{found:#}");
    assert!(found["token"]["token"].is_null(), "{found:#}");
    let (code, found) = report(&fixture, &["token"], Kind::Token, &[mine, other], "").await;
    assert_eq!((code, &found["diagnosis"]["code"]), (6, &"login_needed".into()), "{found:#}");
    // Another user, who may not see it.
    let other_user = [mine, "--username", "bob"];
    let (code, found) = report(&fixture, &["token"], Kind::Token, &other_user, "tables-turn-quietly").await;
    assert_eq!((code, &found["diagnosis"]["code"]), (6, &"scope_denied".into()), "{found:#}");
    assert!(found["token"].is_null() || found["token"]["denied"][0] == mine, "{found:#}");
    std::fs::write(fixture.folder.path().join("password"), format!("{}\n", fixture.password)).unwrap();
    let user = [mine, "--username", "ada", "--password-file", "password"];
    let (code, found) = report(&fixture, &["token"], Kind::Token, &user, "").await;
    assert_eq!((code, &found["token"]["granted"][0]), (0, &mine.into()), "{found:#}");

    let registry = target(&fixture, Kind::Token);
    let words: Vec<&str> = registry.iter().map(String::as_str).collect();
    let ended = run(&fixture, &[&["token"], &words[..], &user, &["--print-token"]].concat(), "").await;
    let token = String::from_utf8(ended.stdout).unwrap();
    let report_text = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.success(), "{report_text}");
    assert_eq!((token.lines().count(), token.split('.').count()), (1, 3), "one JWT: {token}");
    assert!(report_text.contains("granted") && !report_text.contains(token.trim()), "{report_text}");
    let tags = format!("{}/v2/vault/keys/tags/list", fixture.demo.registry(Kind::Token).unwrap().url());
    assert_eq!(fixture.client.get(&tags).bearer(token.trim()).send().await.unwrap().status, 200);

    let (code, found) = report(&fixture, &["token"], Kind::Basic, &[other], "").await;
    assert_eq!((code, &found["diagnosis"]["code"]), (6, &"basic_only".into()), "{found:#}");
}

/// With a configuration, its registries, realms and rules apply, and its key files need not be readable.
pub(crate) async fn a_registry_of_the_configuration_is_diagnosed_as_configured() {
    let further = "session:\n  key_files: [absent.pem]\n";
    let fixture = Fixture::new([Kind::Token], further).await;
    let name = fixture.demo.registry(Kind::Token).unwrap().authority();
    let known = ["doctor", &name, "--config", "config.yaml", "--repository", "library/alpine"];
    let ended = run(&fixture, &known, "").await;
    let text = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert_eq!(ended.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&ended.stderr));
    for (arguments, code, says) in [
        (vec!["doctor", "quay.io", "--config", "config.yaml"], 2, "configuration"),
        (vec!["doctor", "http://registry.example.com"], 3, "unencrypted"),
        (vec!["doctor", "a b"], 3, "registry"),
        (vec!["doctor", &name, "--username", "ada", "--password-file", "absent"], 1, "--password-file"),
        (vec!["doctor", &name, "--username", "ada"], 1, "no password"),
        (vec!["doctor", &name, "--repository", "../x"], 2, "--repository"),
        (vec!["token", &name, "no scope"], 2, "scope"),
    ] {
        let ended = run(&fixture, &arguments, "").await;
        let message = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(code), "{arguments:?}: {message}");
        assert!(message.contains(says) && !message.contains("panicked"), "{arguments:?}: {message}");
    }
}

/// They are made from the same definition as `--help`, so that every command is in them.
pub(crate) async fn completions_and_manual_pages_name_every_command() {
    let fixture = Fixture::new([], "").await;
    let commands =
        ["serve", "keygen", "check-config", "config-schema", "doctor", "token", "completions", "man"];
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = String::from_utf8(fixture.output(&["completions", shell]).stdout).unwrap();
        assert!(commands.iter().all(|command| script.contains(command)), "{shell}: {script}");
    }
    let page = String::from_utf8(fixture.output(&["man"]).stdout).unwrap();
    assert!(page.contains(".TH dockpass-keyserver") && page.contains("Exit codes"), "{page}");
    let out = tempfile::tempdir().unwrap();
    assert!(fixture.output(&["man", "--out", out.path().to_str().unwrap()]).status.success());
    let pages = files(out.path());
    for command in commands {
        let name = format!("dockpass-keyserver-{command}.1");
        assert!(pages.iter().any(|(path, text)| path.ends_with(&name) && !text.is_empty()), "{name}");
    }
}
