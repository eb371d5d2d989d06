//! Instances of the key server, a Redis, a demo registry, and users.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dockpass_keyserver::clock::{Clock, SystemClock};
use dockpass_keyserver::config::RegistrySettings;
use dockpass_keyserver::config::{StoreSettings, StoreUrl};
use dockpass_keyserver::store::{Resolver, Resolving, StoreReport};
use dockpass_keyserver::{AppState, Builder, Server, Settings};
use dockpass_tests::client::{Client, HttpResponse};
use dockpass_tests::demo::{Demo, DemoConfig, Kind, Role, User, Visibility};
use dockpass_tests::fault_proxy::FaultProxy;
use dockpass_tests::redis::{RedisServer, USER};
use http::Method;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The registry of these tests: its tokens are cheap to sign, and contain the user name.
pub(crate) const KIND: Kind = Kind::OwnRealm;
/// A rate limit that no test reaches.
const MANY: std::num::NonZeroU32 = std::num::NonZeroU32::MAX;
/// The maximum time of a wait.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The servers of a test: instances that share a Redis, or one instance without.
pub(crate) struct Cluster {
    pub(crate) demo: Demo,
    pub(crate) redis: Option<RedisServer>,
    pub(crate) instances: Vec<Instance>,
    pub(crate) client: Client,
    pub(crate) users: Vec<(String, String)>,
    kind: Kind,
    secrets: tempfile::TempDir,
}

/// Options of a cluster.
pub(crate) struct Options {
    pub(crate) instances: usize,
    pub(crate) users: usize,
    pub(crate) kind: Kind,
    /// How long sessions are accepted without the store.
    pub(crate) grace: Duration,
    /// How long a request waits for the store.
    pub(crate) timeout: Duration,
    pub(crate) configure: fn(&mut Settings),
}

impl Default for Options {
    fn default() -> Self {
        // A busy machine is not a fault: tests that count upstream requests use a long timeout of the store.
        let timeout = Duration::from_secs(5);
        Self { instances: 2, users: 2, kind: KIND, grace: Duration::from_mins(1), timeout, configure: |_| () }
    }
}

/// One instance in this process.
pub(crate) struct Instance {
    pub(crate) origin: String,
    pub(crate) state: AppState,
    /// The proxy between the instance and the Redis.
    pub(crate) proxy: Option<FaultProxy>,
    pub(crate) time: ShiftedTime,
    pub(crate) names: Names,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Cluster {
    /// Starts instances with a store.
    pub(crate) async fn shared(options: Options) -> Self {
        let redis = RedisServer::start().await.unwrap_or_else(|error| panic!("{error}"));
        Self::build(Some(redis), options).await
    }

    /// Starts one instance without a store.
    pub(crate) async fn alone(options: Options) -> Self {
        Self::build(None, Options { instances: 1, ..options }).await
    }

    pub(crate) async fn build(redis: Option<RedisServer>, options: Options) -> Self {
        let users: Vec<(String, String)> =
            (0..options.users).map(|index| (format!("user-{index}"), canary())).collect();
        let mut demo = DemoConfig::only([options.kind]);
        demo.rotate_refresh_tokens = true;
        demo.users =
            users.iter().map(|(name, password)| User::new(name, password, Visibility::Everything)).collect();
        let demo = Demo::start(demo).await.unwrap();
        let secrets = tempfile::tempdir().unwrap();
        let (instances, client, kind) = (Vec::new(), Client::new(), options.kind);
        let mut cluster = Self { demo, redis, instances, client, users, kind, secrets };
        for _ in 0..options.instances {
            let instance = cluster.start(&options).await;
            cluster.instances.push(instance);
        }
        cluster
    }

    /// Starts another instance of the same cluster.
    pub(crate) async fn start(&self, options: &Options) -> Instance {
        let instance = self.start_with(options, |_| ()).await;
        assert!(instance.state.wait_for_store(PATIENCE).await, "the store answers");
        instance
    }

    /// The same with other settings of the store, which need not reply.
    pub(crate) async fn start_with(
        &self,
        options: &Options,
        change: impl FnOnce(&mut StoreSettings),
    ) -> Instance {
        let mut config = self.config();
        (options.configure)(&mut config);
        let (time, names) = (ShiftedTime::default(), Names::default());
        let mut proxy = None;
        if let Some(redis) = &self.redis {
            let through = FaultProxy::start(redis.store_address()).await.unwrap();
            config.store = self.settings(redis, through.address(), options);
            change(&mut config.store);
            proxy = Some(through);
        }
        let builder =
            Builder::new(config).clock(Arc::new(time.clone())).store_resolver(Arc::new(names.clone()));
        let server = Server::bind_with(builder).await.unwrap();
        let (origin, state) = (format!("http://{}", server.address()), server.state().clone());
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(server.run(async {
            // A dropped sender (after a failed test) stops it as well.
            let _ = stopped.await;
        }));
        Instance { origin, state, proxy, time, names, stop: Some(stop), serving }
    }

    /// The configuration of every instance.
    pub(crate) fn config(&self) -> Settings {
        let registry = self.demo.registry(self.kind).unwrap();
        let mut entry = RegistrySettings::at("Demo", registry.url().parse().unwrap()).unwrap();
        if let Some(realm) = registry.realm() {
            entry.allow_realm(&realm).unwrap();
        }
        let mut config = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            registries: vec![entry],
            ..Settings::default()
        };
        config.limits.login_burst = MANY;
        config.limits.login_per_minute = MANY;
        config.limits.account_per_minute = MANY;
        config.limits.anonymous_per_minute = MANY;
        config.limits.session_scopes_per_minute = MANY;
        config.limits.requests_per_minute = None;
        config.limits.client_concurrency = std::num::NonZeroUsize::MAX;
        config.limits.drain_time = Duration::ZERO;
        config.admin.listen = None;
        config.session.key_files = vec![shared_key()];
        config
    }

    /// The settings of the store at this address.
    pub(crate) fn settings(
        &self,
        redis: &RedisServer,
        through: SocketAddr,
        options: &Options,
    ) -> StoreSettings {
        let file = |name: &str, text: &str| {
            let path = self.secrets.path().join(name);
            std::fs::write(&path, format!("{text}\n")).unwrap();
            path
        };
        StoreSettings {
            username_file: Some(file("username", USER)),
            password_file: Some(file("password", redis.password())),
            timeout_milliseconds: u32::try_from(options.timeout.as_millis()).unwrap(),
            revocation_grace: options.grace,
            url: Some(StoreUrl::parse(&format!("redis://store.test:{}", through.port())).unwrap()),
            ..StoreSettings::default()
        }
    }

    pub(crate) fn redis(&self) -> &RedisServer {
        self.redis.as_ref().unwrap()
    }

    /// The instances in turn.
    pub(crate) fn origin(&self, index: usize) -> &str {
        &self.instances[index % self.instances.len()].origin
    }

    pub(crate) fn registry(&self) -> String {
        self.demo.registry(self.kind).unwrap().authority()
    }

    pub(crate) async fn try_login(&self, instance: usize, user: usize, password: &str) -> HttpResponse {
        let body =
            json!({ "registry": self.registry(), "username": self.users[user].0, "password": password });
        self.client.post(&format!("{}/v1/sessions", self.origin(instance))).json(&body).send().await.unwrap()
    }

    /// Logs in and returns the session.
    pub(crate) async fn login(&self, instance: usize, user: usize) -> String {
        let reply = self.try_login(instance, user, &self.users[user].1).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["session"].as_str().unwrap().to_owned()
    }

    /// Requests a token for one repository.
    pub(crate) async fn ask(&self, instance: usize, session: Option<&str>, scope: &str) -> HttpResponse {
        ask(&self.client, self.origin(instance), &self.registry(), session, scope).await.unwrap()
    }

    /// Requests a token and returns it.
    pub(crate) async fn token(&self, instance: usize, session: Option<&str>, scope: &str) -> String {
        let reply = self.ask(instance, session, scope).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn logout(&self, instance: usize, session: &str) -> HttpResponse {
        let url = format!("{}/v1/session", self.origin(instance));
        self.client.call(Method::DELETE, &url).bearer(session).send().await.unwrap()
    }

    pub(crate) async fn who_am_i(&self, instance: usize, session: &str) -> HttpResponse {
        let url = format!("{}/v1/session", self.origin(instance));
        self.client.get(&url).bearer(session).send().await.unwrap()
    }

    /// The number of token requests since the last call.
    pub(crate) fn token_requests(&self) -> usize {
        let count = self.demo.requests(self.kind, Role::TokenService);
        self.demo.reset();
        count
    }

    pub(crate) fn report(&self, instance: usize) -> StoreReport {
        self.instances[instance].state.store_report().unwrap()
    }

    /// Runs the common checks and stops everything.
    pub(crate) async fn end(mut self) {
        for instance in &mut self.instances {
            let health = Client::new().get(&format!("{}/healthz", instance.origin)).send().await.unwrap();
            assert_eq!(health.status, 200, "the process lives");
            if let Some(stop) = instance.stop.take() {
                let _ = stop.send(());
            }
        }
        for instance in self.instances {
            tokio::time::timeout(PATIENCE, instance.serving).await.unwrap().unwrap();
        }
        assert!(self.demo.violations().is_empty(), "{:#?}", self.demo.violations());
        self.demo.stop().await;
    }
}

/// Requests a token from an instance.
pub(crate) async fn ask(
    client: &Client,
    origin: &str,
    registry: &str,
    session: Option<&str>,
    scope: &str,
) -> Result<HttpResponse, dockpass_tests::client::ClientError> {
    let body = json!({ "registry": registry, "scopes": [scope] });
    let call = client.post(&format!("{origin}/v1/token")).json(&body);
    match session {
        Some(session) => call.bearer(session),
        None => call,
    }
    .send()
    .await
}

/// The claims of a token.
pub(crate) fn claims(token: &str) -> serde_json::Value {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).unwrap_or_default();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// Asserts that a response is a problem document with this code.
#[track_caller]
pub(crate) fn problem(reply: &HttpResponse, status: u16, code: &str) {
    assert_eq!((reply.status, reply.json()["code"].as_str()), (status, Some(code)), "{}", reply.text());
}

/// Waits until the condition is true.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    begun.elapsed()
}

/// A random string.
pub(crate) fn canary() -> String {
    let mut bytes = [0_u8; 12];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    bytes.iter().fold("canary-".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// The system's clock with an offset.
#[derive(Clone, Debug, Default)]
pub(crate) struct ShiftedTime(Arc<AtomicI64>);

impl ShiftedTime {
    pub(crate) fn shift_s(&self, seconds: i64) {
        self.0.store(seconds * 1_000, Ordering::SeqCst);
    }
}

impl Clock for ShiftedTime {
    fn now_ms(&self) -> i64 {
        SystemClock.now_ms() + self.0.load(Ordering::SeqCst)
    }
}

/// A DNS resolver for the store, until the name is removed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    pub(crate) are_gone: Arc<AtomicBool>,
}

impl Resolver for Names {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Resolving<'a> {
        assert_eq!(host, "store.test");
        Box::pin(async move {
            if self.are_gone.load(Ordering::SeqCst) {
                return Err(io::Error::new(io::ErrorKind::NotFound, "no such host"));
            }
            Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))])
        })
    }
}

/// A key that all tests share. It is generated once and kept in the target folder.
pub(crate) fn shared_key() -> PathBuf {
    static MADE: Mutex<()> = Mutex::new(());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join("keyserver-store-tests.pem");
    let _one_at_a_time = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if !path.exists() {
        let own = folder.join(format!("keyserver-store-tests-{}.pem", std::process::id()));
        dockpass_keyserver::session::keyring::generate_file(&own, 2_048).unwrap();
        std::fs::rename(own, &path).unwrap();
    }
    path
}
