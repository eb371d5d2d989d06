//! A key server and a demo in one process, and checks that run after every test: no secret in logs or responses, no
//! violation in upstream requests, and every error a problem document.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use dockpass_keyserver::Settings;
use dockpass_keyserver::config::RegistrySettings;
use dockpass_tests::client::{Call, Client, HttpResponse};
use dockpass_tests::demo::{Demo, DemoConfig, DemoRegistry, Kind, Role};
use http::Method;
use serde_json::{Value, json};

use crate::server::{ManualTime, Running, shared_key};

/// The servers of one test. [`Stack::end`] runs the common checks.
pub(crate) struct Stack {
    pub(crate) demo: Demo,
    pub(crate) server: Running,
    pub(crate) client: Client,
    /// The password of both users, random for each test.
    pub(crate) password: String,
    /// Strings that must not occur in logs.
    secrets: Mutex<Vec<String>>,
    /// Whether the test causes violations on purpose.
    pub(crate) forgives_violations: bool,
}

/// Requests that reached each role of a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Upstream {
    pub(crate) registry: usize,
    pub(crate) tokens: usize,
    pub(crate) cdn: usize,
}

impl Upstream {
    pub(crate) const NOTHING: Self = Self { registry: 0, tokens: 0, cdn: 0 };

    pub(crate) fn of(registry: usize, tokens: usize) -> Self {
        Self { registry, tokens, cdn: 0 }
    }
}

impl Stack {
    /// A key server with these demo registries.
    pub(crate) async fn of(kinds: impl IntoIterator<Item = Kind>) -> Self {
        Self::with(DemoConfig::only(kinds), |_| ()).await
    }

    /// The same, with the demo and the key server configured further.
    pub(crate) async fn with(demo: DemoConfig, configure: impl FnOnce(&mut Settings)) -> Self {
        Self::build(demo, None, configure).await
    }

    /// The same with a manual clock.
    pub(crate) async fn with_time(
        demo: DemoConfig,
        time: ManualTime,
        configure: impl FnOnce(&mut Settings),
    ) -> Self {
        Self::build(DemoConfig { clock: time.for_demo(), ..demo }, Some(time), configure).await
    }

    async fn build(
        demo: DemoConfig,
        time: Option<ManualTime>,
        configure: impl FnOnce(&mut Settings),
    ) -> Self {
        log();
        let password = format!("canary-{}", random_hex());
        let demo = demo.with_password("ada", &password).with_password("bob", &password);
        let demo = Demo::start(demo).await.unwrap();
        let mut config = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            registries: demo.registries().iter().map(entry).collect(),
            ..Settings::default()
        };
        // Tests log in more often than users. The limit has its own test.
        config.limits.login_burst = 10_000.try_into().unwrap();
        config.limits.login_per_minute = 10_000.try_into().unwrap();
        config.limits.account_per_minute = 10_000.try_into().unwrap();
        // There is no load balancer here.
        config.limits.drain_time = std::time::Duration::from_secs(0);
        config.session.key_files = vec![shared_key()];
        // Its default port is one for all tests.
        config.admin.listen = None;
        configure(&mut config);
        let server = Running::start(config, time).await;
        let secrets = Mutex::new(vec![password.clone()]);
        Self { demo, server, client: Client::new(), password, secrets, forgives_violations: false }
    }

    pub(crate) fn registry(&self, kind: Kind) -> &DemoRegistry {
        self.demo.registry(kind).unwrap()
    }

    /// The name of a registry in the key server's configuration.
    pub(crate) fn name(&self, kind: Kind) -> String {
        self.registry(kind).authority()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.origin)
    }

    /// The gateway's URL for a path below `/v2/`.
    pub(crate) fn gateway(&self, kind: Kind, path: &str) -> String {
        self.url(&format!("/r/{}/v2/{path}", self.name(kind)))
    }

    /// This string must not occur in any log from now on.
    pub(crate) fn keep_secret(&self, text: &str) {
        assert!(text.len() >= 12, "too short to search for: {text}");
        self.lock_secrets().push(text.to_owned());
    }

    fn lock_secrets(&self) -> MutexGuard<'_, Vec<String>> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request to the key server and runs the checks for every response.
    pub(crate) async fn send(&self, call: Call<'_>) -> HttpResponse {
        let response = call.send().await.unwrap();
        let everything = format!("{:?}\n{}", response.headers, response.text());
        for form in forms_of(&self.password) {
            assert!(!everything.contains(&form), "the response shows the password: {everything}");
        }
        assert!(!everything.to_ascii_lowercase().contains("www-authenticate: basic"), "{everything}");
        let basic = response
            .headers
            .get_all("www-authenticate")
            .iter()
            .any(|line| line.to_str().unwrap_or_default().to_ascii_lowercase().contains("basic"));
        assert!(!basic, "a browser would open its password dialog: {everything}");
        assert_eq!(response.header("x-content-type-options"), "nosniff", "{everything}");
        response
    }

    pub(crate) async fn get(&self, url: &str, session: Option<&str>) -> HttpResponse {
        let call = self.client.get(url);
        self.send(match session {
            Some(session) => call.bearer(session),
            None => call,
        })
        .await
    }

    pub(crate) async fn post(&self, path: &str, session: Option<&str>, body: &Value) -> HttpResponse {
        let call = self.client.post(&self.url(path)).json(body);
        self.send(match session {
            Some(session) => call.bearer(session),
            None => call,
        })
        .await
    }

    pub(crate) async fn try_login(&self, kind: Kind, user: &str, password: &str) -> HttpResponse {
        let body = json!({ "registry": self.name(kind), "username": user, "password": password });
        self.post("/v1/sessions", None, &body).await
    }

    /// Logs in and returns the sealed session.
    pub(crate) async fn login(&self, kind: Kind, user: &str) -> String {
        let response = self.try_login(kind, user, &self.password).await;
        assert_eq!(response.status, 200, "{}", response.text());
        let session = response.json()["session"].as_str().unwrap().to_owned();
        self.keep_secret(&session);
        session
    }

    pub(crate) async fn ask(&self, session: Option<&str>, kind: Kind, scopes: &[&str]) -> HttpResponse {
        let body = json!({ "registry": self.name(kind), "scopes": scopes });
        self.post("/v1/token", session, &body).await
    }

    /// Requests a token and returns it.
    pub(crate) async fn token(&self, session: Option<&str>, kind: Kind, scopes: &[&str]) -> String {
        let response = self.ask(session, kind, scopes).await;
        assert_eq!(response.status, 200, "{}", response.text());
        let token = response.json()["token"].as_str().unwrap().to_owned();
        self.keep_secret(&token);
        token
    }

    /// The number of requests at the demo since the last reset.
    pub(crate) fn upstream(&self, kind: Kind) -> Upstream {
        let count = |role| self.demo.requests(kind, role);
        let counts = Upstream {
            registry: count(Role::Registry),
            tokens: count(Role::TokenService),
            cdn: count(Role::Cdn),
        };
        assert!(
            self.forgives_violations || self.demo.violations().is_empty(),
            "{:?}",
            self.demo.violations()
        );
        counts
    }

    /// Removes the recorded requests of the demo, and its scripts.
    pub(crate) fn reset(&self) {
        assert!(
            self.forgives_violations || self.demo.violations().is_empty(),
            "{:?}",
            self.demo.violations()
        );
        self.demo.reset();
    }

    /// Runs the common checks and stops everything.
    pub(crate) async fn end(self) {
        if !self.forgives_violations {
            assert!(self.demo.violations().is_empty(), "{:#?}", self.demo.violations());
        }
        // On a new connection, because the server may have closed an idle one.
        let health = Client::new().get(&self.url("/healthz")).send().await.unwrap();
        assert_eq!(health.status, 200, "the process lives");
        self.server.stop().await;
        self.demo.stop().await;
        let log = log_text();
        for secret in self.secrets.into_inner().unwrap_or_else(PoisonError::into_inner) {
            for form in forms_of(&secret) {
                let found = log.lines().find(|line| line.contains(&form));
                assert_eq!(found, None, "a secret is in the log");
            }
        }
    }
}

/// Asserts that a response is a problem document with this code (RFC 9457).
#[track_caller]
pub(crate) fn problem(response: &HttpResponse, status: u16, code: &str) {
    let text = response.text();
    assert_eq!((response.status, response.json()["code"].as_str()), (status, Some(code)), "{text}");
    assert_eq!(response.header("content-type"), "application/problem+json", "{text}");
    assert_eq!(response.header("cache-control"), "no-store", "{text}");
    let document = response.json();
    assert_eq!(document["status"], status);
    assert_eq!(document["type"], "about:blank");
    assert!(document["title"].as_str().is_some_and(|title| !title.is_empty()), "{text}");
    assert!(document["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{text}");
}

/// The registry's entry in the key server's configuration.
pub(crate) fn entry(registry: &DemoRegistry) -> RegistrySettings {
    let own = registry.realm().filter(|realm| !realm.starts_with(&registry.url()));
    let mut settings = RegistrySettings::at(registry.kind().name(), registry.url().parse().unwrap()).unwrap();
    if let Some(realm) = own {
        settings.allow_realm(&realm).unwrap();
    }
    settings.redirects.extend(registry.cdn().map(|origin| origin.parse().unwrap()));
    settings
}

/// The forms of a secret: plain, and in Basic credentials of the demo's users.
fn forms_of(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    for user in ["", "ada:", "bob:"] {
        forms.push(STANDARD.encode(format!("{user}{secret}")));
        forms.push(URL_SAFE_NO_PAD.encode(format!("{user}{secret}")));
    }
    forms
}

/// 96 random bits in hexadecimal.
pub(crate) fn random_hex() -> String {
    let mut bytes = [0_u8; 12];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// Sends these bytes as a request and returns status and response. Client libraries cannot send malformed targets.
pub(crate) async fn raw(origin: &str, request: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(origin.trim_start_matches("http://")).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    let reading = tokio::time::timeout(std::time::Duration::from_secs(10), stream.read_to_end(&mut response));
    // The connection may be reset after the response.
    let _ = reading.await.expect("the connection ends");
    let response = String::from_utf8_lossy(&response).into_owned();
    let status = response.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    (status, response)
}

/// Sends a `GET` of this target on its own connection.
pub(crate) async fn raw_get(origin: &str, target: &str) -> (u16, String) {
    let host = origin.trim_start_matches("http://");
    raw(origin, &format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await
}

/// Methods that write.
pub(crate) const WRITING: [Method; 4] = [Method::PUT, Method::POST, Method::PATCH, Method::DELETE];

/// The log of this process at level TRACE.
static LOG: OnceLock<Mutex<Vec<u8>>> = OnceLock::new();

fn log() -> &'static Mutex<Vec<u8>> {
    LOG.get_or_init(|| {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
            .event_format(dockpass_keyserver::WithRequestId::text(false))
            .with_writer(|| LogWriter)
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        Mutex::default()
    })
}

/// The log so far.
pub(crate) fn log_text() -> String {
    String::from_utf8_lossy(&log().lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(log) = LOG.get() {
            log.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
