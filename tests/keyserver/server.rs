//! The key server in this process, on a port of its own.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dockpass_keyserver::clock::Clock as ServerClock;
use dockpass_keyserver::{AppState, Builder, Server, Settings};
use dockpass_tests::demo::Clock as DemoClock;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A key server that runs until [`Running::stop`].
pub(crate) struct Running {
    /// The origin, such as `http://127.0.0.1:40001`.
    pub(crate) origin: String,
    /// The origin of the admin listener, if it is on.
    pub(crate) admin: Option<String>,
    state: AppState,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn start(config: Settings, time: Option<ManualTime>) -> Self {
        let builder = Builder::new(config);
        let builder = match time {
            Some(time) => builder.clock(Arc::new(time)),
            None => builder,
        };
        let server = Server::bind_with(builder).await.unwrap();
        let origin = format!("http://{}", server.address());
        let admin = server.admin_address().map(|address| format!("http://{address}"));
        let state = server.state().clone();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(server.run(async {
            // A dropped sender (after a failed test) stops it as well.
            let _ = stopped.await;
        }));
        Self { origin, admin, state, stop, serving }
    }

    /// The number of private-key operations.
    pub(crate) fn rsa_operations(&self) -> u64 {
        self.state.private_operations()
    }

    /// Stops the server and waits for its end.
    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        tokio::time::timeout(Duration::from_secs(20), self.serving).await.unwrap().unwrap();
    }
}

/// A manual clock for key server and demo.
#[derive(Clone, Debug)]
pub(crate) struct ManualTime(Arc<AtomicI64>);

impl ManualTime {
    /// Starts in 2027.
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_800_000_000_000)))
    }

    /// The time of a machine whose clock was not set.
    pub(crate) fn unset() -> Self {
        let time = Self::new();
        time.0.store(0, Ordering::SeqCst);
        time
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// The same clock for the demo.
    pub(crate) fn for_demo(&self) -> DemoClock {
        let time = self.clone();
        DemoClock::from_fn(move || u64::try_from(time.now_ms() / 1_000).unwrap())
    }
}

impl ServerClock for ManualTime {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A key that all tests share. It is generated once and kept in the target folder, because generating one takes longer
/// than most tests.
pub(crate) fn shared_key() -> PathBuf {
    static MADE: Mutex<()> = Mutex::new(());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join("keyserver-tests.pem");
    let _one_at_a_time = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if !path.exists() {
        let own = folder.join(format!("keyserver-tests-{}.pem", std::process::id()));
        write_key(&own);
        std::fs::rename(own, &path).unwrap();
    }
    path
}

/// Writes a new private key as PEM (PKCS#8), the way `openssl genpkey` does.
pub(crate) fn write_key(path: &Path) {
    use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
    use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
    use base64::Engine as _;

    let key = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
    let text = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
    std::fs::write(path, pem).unwrap();
    let mut permissions = std::fs::metadata(path).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
    std::fs::set_permissions(path, permissions).unwrap();
}
