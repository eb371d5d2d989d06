//! A child process with its files and servers.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use dockpass_tests::client::{Client, HttpResponse};
use dockpass_tests::demo::{Demo, DemoConfig, Kind};
use serde_json::json;

/// A key server in its own process and folder. Dropping it kills the process.
pub(crate) struct Program {
    child: Child,
    pub(crate) origin: String,
    /// Standard error, which contains the log.
    log: PathBuf,
}

/// A demo, a folder with a configuration for it, and a folder for logs.
pub(crate) struct Fixture {
    pub(crate) demo: Demo,
    pub(crate) client: Client,
    pub(crate) password: String,
    pub(crate) folder: tempfile::TempDir,
    logs: tempfile::TempDir,
}

impl Fixture {
    /// Starts a demo of these kinds, and writes `config.yaml` with its registries and these further lines.
    pub(crate) async fn new(kinds: impl IntoIterator<Item = Kind>, further: &str) -> Self {
        let mut bytes = [0_u8; 12];
        aws_lc_rs::rand::fill(&mut bytes).unwrap();
        let password = bytes.iter().fold("canary-".to_owned(), |text, byte| format!("{text}{byte:02x}"));
        let demo = Demo::start(DemoConfig::only(kinds).with_password("ada", &password)).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let entries = demo.registries().iter().fold(String::new(), |text, registry| {
            let list = |values: Option<String>| json!(values.into_iter().collect::<Vec<_>>());
            let own = registry.realm().filter(|realm| !realm.starts_with(&registry.url()));
            format!(
                "{text}  - url: {}\n    realms: {}\n    redirects: {}\n",
                json!(registry.url()),
                list(own),
                list(registry.cdn())
            )
        });
        let text = format!("listen: \"127.0.0.1:0\"\n{further}registries:\n{entries}");
        std::fs::write(folder.path().join("config.yaml"), text).unwrap();
        Self { demo, client: Client::new(), password, folder, logs: tempfile::tempdir().unwrap() }
    }

    /// This program with these arguments, in the folder, with a minimal environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command
    }

    /// Runs a command to its end.
    pub(crate) fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Starts a key server and waits until it listens.
    pub(crate) fn start(&self, arguments: &[&str]) -> Program {
        self.start_below(&[], arguments)
    }

    /// The same, as the last arguments of another program that becomes the key server.
    pub(crate) fn start_below(&self, program: &[&str], arguments: &[&str]) -> Program {
        let command = match program {
            [] => self.command(arguments),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(std::env::current_exe().unwrap()).args(arguments);
                command.current_dir(self.folder.path()).env_clear();
                command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
                command
            }
        };
        self.start_command(command)
    }

    /// The same with this limit on open files, as the shell sets it.
    pub(crate) fn limited(&self, ulimit: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("{ulimit}; exec \"$0\" \"$@\"")]).arg(std::env::current_exe().unwrap());
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command
    }

    /// Starts a key server by a command and waits until it listens.
    pub(crate) fn start_command(&self, mut command: Command) -> Program {
        let log = self.logs.path().join("log");
        command.stdout(Stdio::piped()).stderr(File::options().create(true).append(true).open(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Some(origin) = line.trim().strip_prefix("dockpass-keyserver listening on ") else {
            panic!("it does not listen: {line:?}\n{}", std::fs::read_to_string(&log).unwrap());
        };
        let origin = origin.to_owned();
        Program { child, origin, log }
    }

    pub(crate) async fn login(&self, program: &Program, kind: Kind, password: &str) -> HttpResponse {
        let registry = self.demo.registry(kind).unwrap().authority();
        let body = json!({ "registry": registry, "username": "ada", "password": password });
        self.client.post(&format!("{}/v1/sessions", program.origin)).json(&body).send().await.unwrap()
    }

    /// Logs in and returns the session.
    pub(crate) async fn session(&self, program: &Program, kind: Kind) -> String {
        let response = self.login(program, kind, &self.password).await;
        assert_eq!(response.status, 200, "{}", response.text());
        response.json()["session"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn who_am_i(&self, program: &Program, session: &str) -> u16 {
        let call = self.client.get(&format!("{}/v1/session", program.origin)).bearer(session);
        call.send().await.unwrap().status
    }

    pub(crate) async fn token(&self, program: &Program, kind: Kind, session: &str) -> HttpResponse {
        let registry = self.demo.registry(kind).unwrap().authority();
        let body = json!({ "registry": registry, "scopes": ["repository:vault/keys:pull"] });
        let call = self.client.post(&format!("{}/v1/token", program.origin)).bearer(session);
        call.json(&body).send().await.unwrap()
    }

    /// The tags of a private repository, through the gateway.
    pub(crate) async fn tags(&self, program: &Program, kind: Kind, session: &str) -> u16 {
        self.tags_or_none(program, kind, session).await.unwrap()
    }

    /// The same; none if the server did not respond.
    pub(crate) async fn tags_or_none(&self, program: &Program, kind: Kind, session: &str) -> Option<u16> {
        let registry = self.demo.registry(kind).unwrap().authority();
        let url = format!("{}/r/{registry}/v2/vault/keys/tags/list", program.origin);
        self.client.get(&url).bearer(session).send().await.ok().map(|response| response.status)
    }
}

impl Program {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The log so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until the log contains this string.
    pub(crate) async fn wait_for_log(&self, text: &str) {
        let begun = Instant::now();
        while !self.log().contains(text) {
            assert!(begun.elapsed() < Duration::from_secs(10), "never logged {text:?}:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Sends a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let kill = Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]).status().unwrap();
        assert!(kill.success());
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "it does not end:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // The process may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every file below a folder, with its content.
pub(crate) fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push((path.clone(), std::fs::read(path).unwrap()));
            }
        }
    }
    found
}
