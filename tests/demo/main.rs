//! Tests of the `dockpass-demo` program.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dockpass_tests::client::Client;
use dockpass_tests::demo::Ready;

/// Kills the program when the test ends.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // The program may have exited already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_demo_prints_its_address_and_stops_on_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ready.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_dockpass-demo"));
    command.args(["--only", "open", "--only", "basic", "--ready-file"]).arg(&path);
    let mut program = Program(command.stdout(Stdio::null()).spawn().unwrap());
    let begun = Instant::now();
    let ready: Ready = loop {
        // The file is written atomically.
        if let Ok(text) = std::fs::read(&path) {
            break serde_json::from_slice(&text).unwrap();
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "no ready file");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let names: Vec<&str> = ready.registries.iter().map(|registry| registry.name.as_str()).collect();
    assert_eq!(names, ["open", "basic"]);
    let client = Client::new();
    let base = format!("{}/v2/", ready.registries[0].url);
    assert_eq!(client.get(&base).send().await.unwrap().status, 200);
    let login = &ready.registries[1].logins[0];
    let call =
        client.get(&format!("{}/v2/", ready.registries[1].url)).basic(&login.username, &login.password);
    assert_eq!(call.send().await.unwrap().status, 200);
    let counts = client.get(&format!("{}/counts", ready.control)).send().await.unwrap().json();
    assert_eq!(counts["basic"]["registry"], 1);

    // Open connections must not delay the exit.
    let kill = Command::new("kill").args(["-TERM", &program.0.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = program.0.try_wait().unwrap() {
            break status;
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "it does not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(status.success(), "{status}");
    assert!(Client::new().get(&base).send().await.is_err(), "nobody listens any more");
}

#[test]
fn unknown_kinds_are_refused_with_the_list_of_known_ones() {
    let program =
        Command::new(env!("CARGO_BIN_EXE_dockpass-demo")).args(["--only", "nonsense"]).output().unwrap();
    assert_eq!(program.status.code(), Some(2));
    let message = String::from_utf8(program.stderr).unwrap();
    assert!(message.contains("own-realm") && message.contains("hub"), "{message}");
}

#[test]
fn an_unwritable_ready_file_is_reported() {
    let program = Command::new(env!("CARGO_BIN_EXE_dockpass-demo"))
        .args(["--only", "open", "--ready-file", "/nonexistent/folder/ready.json"])
        .output()
        .unwrap();
    assert_eq!(program.status.code(), Some(1));
    assert!(String::from_utf8(program.stderr).unwrap().contains("cannot write the ready file"));
}
