//! What handlers share, and the only place that builds it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dockpass_protocol::origin::Origin;

use crate::broker::Broker;
use crate::clock::{Clock, NoRandomness, Randomness, SystemClock, SystemRandomness};
use crate::config::Config;
use crate::gateway::Gateway;
use crate::rate_limit::{AnonymousLimits, LoginLimits};
use crate::registry::{Registries, RegistryError};
use crate::session::Sessions;
use crate::session::keyring::KeyError;

/// Everything that a request needs. Cloning is cheap.
#[derive(Clone)]
pub struct AppState(Arc<Inner>);

/// See [`AppState`].
#[derive(Debug)]
pub struct Inner {
    pub(crate) config: Config,
    /// The origin of our own page, as browsers write it.
    pub(crate) own_origin: String,
    pub(crate) trusted_proxies: Vec<IpAddr>,
    pub(crate) registries: Registries,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) broker: Broker,
    pub(crate) gateway: Gateway,
    pub(crate) login_limits: LoginLimits,
    pub(crate) anonymous_limits: AnonymousLimits,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Randomness>,
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

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Its keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// Its registries.
    #[error(transparent)]
    Registries(#[from] RegistryError),
    /// The system.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// Builds an [`AppState`]; tests put their own clock in.
pub struct Builder {
    config: Config,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Randomness>,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Builder {
    /// A builder with the system's clock and randomness.
    pub fn new(config: Config) -> Self {
        Self { config, clock: Arc::new(SystemClock), random: Arc::new(SystemRandomness::default()) }
    }

    /// What is to be built from.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The address that was really bound.
    #[must_use]
    pub(crate) fn listening_on(mut self, address: SocketAddr) -> Self {
        self.config.listen = address.to_string();
        self
    }

    /// With this clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// With this randomness.
    #[must_use]
    pub fn randomness(mut self, random: Arc<dyn Randomness>) -> Self {
        self.random = random;
        self
    }

    /// Loads keys and makes clients.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn build(self) -> Result<AppState, StartError> {
        let Self { config, clock, random } = self;
        if config.any_registry {
            tracing::warn!(
                "any_registry: people may send credentials to every registry on the internet through this server"
            );
        }
        let registries = Registries::new(&config)?;
        let sessions = Arc::new(Sessions::new(&config, Arc::clone(&clock), Arc::clone(&random))?);
        let broker = Broker::new(&config, Arc::clone(&sessions), Arc::clone(&clock), &*random)?;
        let gateway = Gateway::new(&config, broker.clone(), Arc::clone(&sessions), Arc::clone(&clock));
        let own_origin = config.origin();
        let own_origin = Origin::parse(&own_origin).map_or(own_origin, |origin| origin.to_string());
        Ok(AppState(Arc::new(Inner {
            own_origin,
            trusted_proxies: config.trusted_proxies.iter().filter_map(|text| text.parse().ok()).collect(),
            anonymous_limits: AnonymousLimits::new(&config.limits, Arc::clone(&clock)),
            login_limits: LoginLimits::new(&config.limits, Arc::clone(&clock)),
            registries,
            sessions,
            broker,
            gateway,
            clock,
            random,
            config,
            ready: AtomicBool::new(true),
        })))
    }
}

impl AppState {
    /// A state for this configuration, with the system's clock and randomness.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn new(config: Config) -> Result<Self, StartError> {
        Builder::new(config).build()
    }

    /// Whether new requests are wanted.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    /// From now on `GET /readyz` says no, so that load balancers send nothing more.
    pub fn stop_being_ready(&self) {
        self.ready.store(false, Ordering::Relaxed);
    }

    /// Reads the key files again; the old keys stay when that fails.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn reload_keys(&self) -> Result<(), KeyError> {
        self.sessions.reload()
    }

    /// How often a private key was used since start. For tests and benchmarks.
    pub fn private_operations(&self) -> u64 {
        self.sessions.private_operations()
    }
}
