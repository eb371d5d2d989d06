//! Instances in their own processes, one of which is killed.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use dockpass_keyserver::{Server, Settings};
use serde_json::json;

use crate::faults::GRACE;
use crate::harness::{Cluster, Options, PATIENCE, shared_key, until};
use crate::load::Load;

/// Runs an instance in the child process: `serve-an-instance FOLDER`. Like `serve`, but it waits for the store.
pub(crate) fn serve(arguments: &[String]) -> ExitCode {
    use std::io::Write as _;

    let settings = Settings::load(Some(&Path::new(&arguments[1]).join("config.yaml")), []).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Server::bind(settings).await.unwrap();
        assert!(server.state().wait_for_store(PATIENCE).await, "the store answers");
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", server.address()).unwrap();
        out.flush().unwrap();
        drop(out);
        server.run(std::future::pending()).await;
    });
    ExitCode::SUCCESS
}

struct Program {
    child: Child,
    origin: String,
}

impl Program {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["serve-an-instance", folder.to_str().unwrap()]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains(':'), "it does not listen: {line:?}");
        Self { child, origin: format!("http://{}", line.trim()) }
    }

    /// `kill -9`.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // The process may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Browsers keep the sessions, and the store and the other instance keep the logouts, so the end of a process loses nothing.
// Threats: SHD-02, SES-08.
pub(crate) async fn sessions_outlive_a_killed_instance() {
    // The demo, the Redis and the users. The cluster's own instance is used for checks only.
    let cluster = Cluster::shared(Options { instances: 1, users: 4, ..Options::default() }).await;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("username", dockpass_tests::redis::USER);
    write("password", cluster.redis().password());
    write(
        "config.yaml",
        &format!(
            "listen: 127.0.0.1:0\nsession:\n  key_files: [{}]\nregistries:\n  - url: {}\nlimits:\n  login_burst: 100000\n  \
             login_per_minute: 100000\n  account_per_minute: 100000\n  anonymous_per_minute: 100000\n  \
             session_scopes_per_minute: 1000000\n  requests_per_minute: 0\nstore:\n  url: \
             redis://{}\n  username_file: {}\n  password_file: {}\n  revocation_grace_seconds: {}\n",
            json!(shared_key()),
            json!(cluster.demo.registry(crate::harness::KIND).unwrap().url()),
            cluster.redis().address(),
            json!(folder.path().join("username")),
            json!(folder.path().join("password")),
            GRACE.as_secs(),
        ),
    );
    let mut first = Program::start(folder.path());
    let second = Program::start(folder.path());
    let both = vec![first.origin.clone(), second.origin.clone()];
    let load = Load::of(&cluster, both, GRACE).await;
    let workers = load.start(3);
    tokio::time::sleep(Duration::from_secs(1)).await;

    load.forgives_connections.store(true, Ordering::SeqCst);
    first.kill();
    load.redirect(vec![second.origin.clone()]);
    tokio::time::sleep(Duration::from_millis(300)).await;
    load.forgives_connections.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(700)).await;

    let again = Program::start(folder.path());
    load.redirect(vec![second.origin.clone(), again.origin.clone()]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    load.stop(workers).await;
    load.tally.check();
    assert!(load.tally.tokens.load(Ordering::Relaxed) > 20, "{:?}", load.tally);
    let living = load.living();
    assert!(living.len() > 3, "{}", living.len());
    for session in living {
        for origin in [&second.origin, &again.origin] {
            let url = format!("{origin}/v1/session");
            until("every session is still good", async || {
                cluster.client.get(&url).bearer(&session).send().await.unwrap().status == 200
            })
            .await;
        }
    }
    drop((second, again));
    cluster.end().await;
}
