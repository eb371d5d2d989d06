//! The state that handlers share.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dockpass_protocol::origin::Origin;

use crate::audit;
use crate::broker::Broker;
use crate::carrier::{CarrierPolicy, CookieScope};
use crate::clock::{Clock, NoRandomness, Randomness, SystemClock, SystemRandomness};
use crate::config::{BasePath, NoOrigin, Settings};
use crate::figures::{Connections, Limits, Requests};
use crate::gateway::Gateway;
use crate::own_address::OwnAddress;
use crate::page_origins::PageOrigins;
use crate::rate_limit::{LoginLimits, RequestLimits, SharedCounts};
use crate::registry::{Registries, RegistryError};
use crate::request_id::RequestIds;
use crate::resolver::{ForStore, HostResolver, Lookup};
use crate::session::Sessions;
use crate::session::keyring::KeyError;
use crate::store::{Endpoint, Resolver, StoreFileError, StoreReport};
use crate::tls::{Tls, TlsError};

/// Shared state of all requests. Cloning is cheap.
#[derive(Clone)]
pub struct AppState(Arc<Inner>);

/// See [`AppState`].
#[derive(Debug)]
pub struct Inner {
    pub(crate) settings: Settings,
    /// The origin of our own page.
    pub(crate) own_origin: Origin,
    /// The path below which a proxy serves this server.
    pub(crate) base_path: BasePath,
    /// TLS of the clients' listener.
    pub(crate) tls: Option<Tls>,
    /// How sessions may travel.
    pub(crate) carriers: CarrierPolicy,
    /// The origins of pages, as browsers send them.
    pub(crate) page_origins: PageOrigins,
    pub(crate) registries: Registries,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) broker: Broker,
    pub(crate) gateway: Gateway,
    pub(crate) login_limits: LoginLimits,
    pub(crate) request_limits: RequestLimits,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Randomness>,
    pub(crate) request_ids: RequestIds,
    /// Figures for the operator.
    pub(crate) requests: Requests,
    pub(crate) connections: Connections,
    pub(crate) limits_hit: Limits,
    ready: AtomicBool,
}

impl std::ops::Deref for AppState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl fmt::Debug for AppState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppState").field("own_origin", &self.own_origin).finish_non_exhaustive()
    }
}

/// The earliest time at which this version can run, in milliseconds since the epoch: 2026-01-01. A machine without a battery
/// for its clock starts in 1970, and may start services before it has the time from the network. Raised with each release.
const EARLIEST_MS: i64 = 1_767_225_600_000;

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The keys cannot be loaded.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// A registry cannot be used.
    #[error(transparent)]
    Registries(#[from] RegistryError),
    /// The server does not know its own origin.
    #[error(transparent)]
    Origin(#[from] NoOrigin),
    /// The store that instances share.
    #[error(transparent)]
    Store(#[from] StoreFileError),
    /// The certificate of the listener, or its key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// There are no threads for name resolution.
    #[error("the threads for name resolution cannot be created: {0}")]
    Threads(std::io::Error),
    /// The clock is not set: sessions would be sealed with times long past, and certificates not be valid yet.
    #[error("the system's clock is {} days behind the release of this program; set it", (EARLIEST_MS - now_ms) / 86_400_000)]
    Clock {
        /// The clock's time, in milliseconds since the epoch.
        now_ms: i64,
    },
    /// The system's random number generator failed.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// Builds an [`AppState`]; tests inject a clock.
pub struct Builder {
    settings: Settings,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Randomness>,
    resolver: Option<Arc<dyn Resolver>>,
    lookup: Option<Arc<dyn Lookup>>,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Builder {
    /// A builder with the system's clock and randomness.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandomness::default()),
            resolver: None,
            lookup: None,
        }
    }

    /// What the state is built from.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Sets the address that was bound.
    #[must_use]
    pub(crate) fn listening_on(mut self, address: SocketAddr) -> Self {
        self.settings.listen = address;
        self
    }

    /// Uses this clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Uses this randomness.
    #[must_use]
    pub fn randomness(mut self, random: Arc<dyn Randomness>) -> Self {
        self.random = random;
        self
    }

    /// Looks host names up in this way.
    #[must_use]
    pub fn lookup(mut self, lookup: Arc<dyn Lookup>) -> Self {
        self.lookup = Some(lookup);
        self
    }

    /// With another resolver for the name of the store.
    #[must_use]
    pub fn store_resolver(mut self, resolver: Arc<dyn Resolver>) -> Self {
        self.resolver = Some(resolver);
        self
    }

    /// Loads keys and creates clients. With a store it must be called inside the runtime.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn build(self) -> Result<AppState, StartError> {
        let Self { settings, clock, random, resolver, lookup } = self;
        for warning in settings.warnings() {
            tracing::warn!("{warning}");
        }
        let now_ms = clock.now_ms();
        if now_ms < EARLIEST_MS {
            return Err(StartError::Clock { now_ms });
        }
        let own_origin = settings.own_origin()?;
        let base_path = settings.base_path();
        let tls = Tls::load(&settings.tls)?;
        let names =
            lookup.map_or_else(HostResolver::system, HostResolver::with).map_err(StartError::Threads)?;
        let registries = Registries::new(&settings, &own_origin, &names)?;
        let resolver = resolver.unwrap_or_else(|| Arc::new(ForStore::new(&names)));
        let sessions = Sessions::new(&settings, Arc::clone(&clock), Arc::clone(&random))?;
        let sessions = if let Some(endpoint) = Endpoint::of(&settings.store, Some(resolver)) {
            sessions.share(endpoint)?
        } else {
            if !settings.session.key_files.is_empty() {
                // The keys may be those of other instances too.
                tracing::warn!(
                    "no store: logout is known to this process only, so that an instance with the same key_files takes \
                     a session until it expires, and so does this one after a restart"
                );
                if settings.session.idle.is_some() {
                    tracing::warn!(
                        "session.idle_seconds without a store: an instance does not know of requests to the others, and \
                         ends sessions that are in use there"
                    );
                }
            }
            sessions
        };
        let sessions = Arc::new(sessions);
        let broker = Broker::new(&settings, Arc::clone(&sessions), Arc::clone(&clock), &random)?;
        let gateway = Gateway::new(&settings, broker.clone(), Arc::clone(&sessions), Arc::clone(&clock));
        Ok(AppState(Arc::new(Inner {
            carriers: CarrierPolicy::new(
                OwnAddress::new(&own_origin, settings.listen),
                &settings.session.carriers,
                CookieScope::of(base_path.as_str()),
            ),
            base_path,
            tls,
            page_origins: PageOrigins::new(&own_origin, settings.listen, &settings.cors.allowed_origins),
            own_origin,
            request_limits: RequestLimits::new(
                &settings.limits,
                Arc::clone(&clock),
                SharedCounts::of(&sessions),
            ),
            login_limits: LoginLimits::new(&settings.limits, Arc::clone(&clock), SharedCounts::of(&sessions)),
            registries,
            sessions,
            broker,
            gateway,
            request_ids: RequestIds::new(&*random)?,
            random,
            clock,
            settings,
            requests: Requests::default(),
            connections: Connections::default(),
            limits_hit: Limits::default(),
            ready: AtomicBool::new(true),
        })))
    }
}

impl AppState {
    /// A state for these settings, with the system's clock and randomness.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn new(settings: Settings) -> Result<Self, StartError> {
        Builder::new(settings).build()
    }

    /// Whether the server accepts new requests.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    /// Makes `GET /readyz` fail from now on, so that load balancers stop sending requests.
    pub fn stop_being_ready(&self) {
        self.ready.store(false, Ordering::Relaxed);
    }

    /// Reloads the key files, and certificate and key of the listener. On an error the current ones stay in use, and the
    /// log says why.
    pub fn reload(&self) {
        match self.sessions.reload() {
            Ok(()) => audit::keys_reloaded(&self.sessions.jwks()),
            Err(error) => audit::keys_refused(&error),
        }
        match self.tls.as_ref().map(Tls::reload) {
            Some(Ok(())) => tracing::info!("TLS certificate reloaded"),
            Some(Err(error)) => {
                tracing::error!(%error, "reloading the TLS certificate failed; the current one stays in use");
            }
            None => {}
        }
    }

    /// State and counters of the store; `None` without one.
    pub fn store_report(&self) -> Option<StoreReport> {
        self.sessions.store().map(|store| store.report())
    }

    /// Waits at most this long for the store. Whether it replied; `true` without a store.
    pub async fn wait_for_store(&self, limit: Duration) -> bool {
        match self.sessions.store() {
            Some(store) => store.wait_for_contact(limit).await,
            None => true,
        }
    }

    /// Number of private-key operations since start, for tests and benchmarks.
    pub fn private_operations(&self) -> u64 {
        self.sessions.private_operations()
    }
}
