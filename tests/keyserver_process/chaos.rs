//! Faults of the environment: of upstreams, of the log, of descriptors, memory and the clock.
//!
//! In each of them the process lives, users of another registry are served, and no secret is written. The tests take less
//! than a minute. The long run repeats them with other requests each time:
//!
//! ```sh
//! cargo test --package dockpass-tests --test keyserver_process -- --seconds 600
//! ```

mod faults;
mod resources;

use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use dockpass_tests::client::{Client, HttpResponse};
use dockpass_tests::demo::{Kind, Script};
use serde_json::json;

use crate::program::{Fixture, Program};
// Threats: UPS-01, UPS-09.
pub(crate) use faults::faults_of_a_registry_stay_with_it;
// Threats: AVL-05, FLT-04, FLT-05, TIM-03, TIM-04.
pub(crate) use resources::{
    a_day_forwards_and_back, few_descriptors_are_shared_with_upstreams, little_memory_is_enough,
};

/// The registry whose servers fail, and the one whose users are to be served.
const FAILING: Kind = Kind::Token;
const SOUND: Kind = Kind::OwnRealm;

/// Timeouts of a second, and rate limits that no test reaches. Faults are repeated, so the circuit breaker is off: with it
/// most of them would not be met.
const CONFIG: &str = "limits:\n  connect_seconds: 1\n  upstream_seconds: 1\n  idle_seconds: 1\n  request_seconds: 3\n  \
                      header_seconds: 2\n  login_burst: 100000\n  login_per_minute: 100000\n  account_per_minute: 100000\n  \
                      anonymous_per_minute: 100000\n  session_scopes_per_minute: 100000\n  requests_per_minute: 0\n  \
                      breaker_failures: 0\n  drain_seconds: 0\n";
/// How long a request may take: `request_seconds`, and a second for a busy machine.
const LONGEST: Duration = Duration::from_secs(4);
/// How long a request of a user of the sound registry may take.
const SOON: Duration = Duration::from_secs(3);

/// A key server with a failing and a sound registry, and users of both.
struct Chaos {
    fixture: Fixture,
    program: Program,
    /// Sessions at the failing and the sound registry.
    sessions: [String; 2],
    /// Distinguishes scopes, so that no token comes from the cache.
    turn: u32,
}

impl Chaos {
    /// Starts a key server, with these further lines of configuration, below this program with its arguments if any.
    async fn start(further: &str, below: &[&str]) -> Self {
        let fixture = Fixture::new([FAILING, SOUND], &format!("{CONFIG}{further}")).await;
        let program = fixture.start_below(below, &["serve", "--config", "config.yaml"]);
        let sessions = [fixture.session(&program, FAILING).await, fixture.session(&program, SOUND).await];
        Self { fixture, program, sessions, turn: 0 }
    }

    fn registry(&self, kind: Kind) -> String {
        self.fixture.demo.registry(kind).unwrap().authority()
    }

    /// A user of the sound registry logs in, gets a new token, and lists tags.
    async fn serves_others(&mut self, during: &str) {
        self.turn += 1;
        let begun = Instant::now();
        let client = Client::new();
        let session = &self.sessions[1];
        let body = json!({
            "registry": self.registry(SOUND),
            "scopes": [format!("repository:vault/keys:pull"), format!("repository:vault/turn-{}:pull", self.turn)],
        });
        let token = client.post(&format!("{}/v1/token", self.program.origin)).bearer(session).json(&body);
        let token =
            token.send().await.unwrap_or_else(|error| panic!("{during}: {error}\n{}", self.program.log()));
        assert_eq!(token.status, 200, "{during}: {}", token.text());
        assert_eq!(self.fixture.tags(&self.program, SOUND, session).await, 200, "{during}");
        let login = self.fixture.login(&self.program, SOUND, &self.fixture.password).await;
        assert_eq!(login.status, 200, "{during}: {}", login.text());
        let took = begun.elapsed();
        assert!(took < SOON, "{during}: users of another registry waited for {took:?}");
    }

    /// Requests of every kind to the failing registry, at once. Each gets a response in time.
    async fn strikes(&mut self, during: &str) -> [HttpResponse; 3] {
        self.turn += 1;
        let (registry, origin) = (self.registry(FAILING), &self.program.origin);
        let scope = format!("repository:vault/turn-{}:pull", self.turn);
        let client = Client::new();
        let session = &self.sessions[0];
        let token = client.post(&format!("{origin}/v1/token")).bearer(session);
        let token = token.json(&json!({ "registry": registry, "scopes": [scope] }));
        let tags = client.get(&format!("{origin}/r/{registry}/v2/vault/keys/tags/list")).bearer(session);
        let login = json!({ "registry": registry, "username": "ada", "password": self.fixture.password });
        let login = client.post(&format!("{origin}/v1/sessions")).json(&login);
        let begun = Instant::now();
        let (token, tags, login) = tokio::join!(token.send(), tags.send(), login.send());
        let took = begun.elapsed();
        assert!(took < LONGEST, "{during}: the responses took {took:?}");
        let unless_cut = |result: Result<HttpResponse, _>| {
            // A relayed body that breaks off upstream breaks off here as well: an intact end would be a lie.
            result.unwrap_or_else(|_| HttpResponse {
                status: 0,
                headers: http::HeaderMap::new(),
                body: bytes::Bytes::new(),
            })
        };
        let token = token.unwrap_or_else(|error| panic!("{during}: {error}"));
        let login = login.unwrap_or_else(|error| panic!("{during}: {error}"));
        [token, unless_cut(tags), login]
    }

    /// After the fault the registry is used again.
    async fn recovers(&mut self, from: &str) {
        self.fixture.demo.reset();
        let begun = Instant::now();
        loop {
            let statuses = self.strikes(from).await.map(|response| response.status);
            if statuses == [200; 3] {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "no recovery from {from}: {statuses:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// One fault: it stays with its registry, and ends.
    async fn survives(&mut self, during: &str, scripts: Vec<Script>) {
        for script in scripts {
            self.fixture.demo.script(script);
        }
        let mut seen = String::new();
        // At the same time, because waiting must not be shared.
        let (origin, registry) = (self.program.origin.clone(), self.registry(SOUND));
        let session = self.sessions[1].clone();
        let other = tokio::spawn(async move {
            let url = format!("{origin}/r/{registry}/v2/vault/keys/tags/list");
            let begun = Instant::now();
            let status =
                Client::new().get(&url).bearer(&session).send().await.map(|response| response.status);
            (status, begun.elapsed())
        });
        let [token, relayed, login] = self.strikes(during).await;
        for response in [&token, &login] {
            let has_code = response.json()["code"].is_string();
            assert!(response.status < 400 || has_code, "{during}: {} {}", response.status, response.text());
        }
        for response in [token, relayed, login] {
            seen.push_str(&response.text());
        }
        let (status, took) = other.await.unwrap();
        assert!(
            status.is_ok_and(|status| status == 200) && took < SOON,
            "{during}: others waited for {took:?}"
        );
        self.shows_no_secret(&seen);
        self.recovers(during).await;
    }

    /// Neither the log nor these responses contain a password.
    fn shows_no_secret(&self, responses: &str) {
        for text in [responses, &self.program.log()] {
            assert!(!text.contains(&self.fixture.password), "a password is shown");
            for session in &self.sessions {
                assert!(!text.contains(session), "a session is shown");
            }
        }
    }

    /// The process lives and stops as it should.
    async fn ends(mut self) {
        let url = format!("{}/healthz", self.program.origin);
        assert_eq!(Client::new().get(&url).send().await.unwrap().status, 200);
        self.shows_no_secret("");
        assert!(!self.program.log().contains("panicked"), "{}", self.program.log());
        self.program.signal("TERM");
        assert_eq!(self.program.ended().await.code(), Some(0), "{}", self.program.log());
    }
}

/// The words of a shell that sets a limit and becomes the program that follows.
fn limited(limit: &'static str) -> [&'static str; 3] {
    // The shell's own `$0` is the program.
    ["sh", "-c", limit]
}

/// `--seconds N`: repeats all faults for this time.
pub(crate) fn soak(arguments: &[String]) -> ExitCode {
    let Some(seconds) = arguments.get(2).and_then(|text| text.parse::<u64>().ok()) else {
        println!("usage: … --test keyserver_process -- --seconds N");
        return ExitCode::from(64);
    };
    let (begun, mut rounds) = (Instant::now(), 0_u32);
    while rounds == 0 || begun.elapsed() < Duration::from_secs(seconds) {
        // A process for each: a failure is then reported by the harness, with its name. `resources` has the faults of the
        // log and of open files.
        for group in ["chaos", "resources"] {
            let mut round = Command::new(std::env::current_exe().unwrap());
            let status = round.args([group, "--test-threads", "1"]).stdin(Stdio::null()).status().unwrap();
            if !status.success() {
                return ExitCode::FAILURE;
            }
        }
        rounds += 1;
        println!("round {rounds} passed after {} s", begun.elapsed().as_secs());
    }
    ExitCode::SUCCESS
}
