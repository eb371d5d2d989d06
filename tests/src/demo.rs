//! Strict registries and token services for tests and demonstrations, in this process and on loopback.
//!
//! A [`Demo`] runs one registry for each [`Kind`] on its own port, its token service on another port (so that the realm is
//! on another origin, as usual), and for the Docker Hub kind a host for blobs on a third port. All have the same few small,
//! valid images. A request that violates the specifications gets HTTP 400 with the reason and is listed in
//! [`Demo::violations`]. Every request is in [`Demo::journal`], without secrets.
//!
//! ```no_run
//! # async fn example() -> Result<(), dockpass_tests::demo::DemoError> {
//! use dockpass_tests::demo::{Demo, DemoConfig, Kind};
//!
//! let demo = Demo::start(DemoConfig::only([Kind::Token])).await?;
//! let registry = demo.registry(Kind::Token)?;
//! println!("{} with tokens from {:?}", registry.url(), registry.realm());
//! demo.stop().await;
//! # Ok(())
//! # }
//! ```

mod access;
mod archive;
mod checks;
mod clock;
mod config;
mod content;
mod control;
mod error;
mod images;
mod journal;
mod kind;
mod ready;
mod received;
mod registry;
pub(crate) mod response;
mod rules;
mod script;
pub(crate) mod server;
mod site;
mod store;
mod token_service;
mod tokens;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use self::access::{User, Visibility};
pub use self::clock::Clock;
pub use self::config::DemoConfig;
pub use self::error::DemoError;
pub use self::journal::{Record, Role, Violation};
pub use self::kind::Kind;
pub use self::ready::{Login, Ready, ReadyRegistry};
pub use self::rules::Rule;
pub use self::script::{Action, Script};
use self::site::{DemoState, Site};

/// Running registries, token services and the control endpoint. Dropping it stops them at once.
#[derive(Debug)]
pub struct Demo {
    state: Arc<DemoState>,
    registries: Vec<DemoRegistry>,
    control: SocketAddr,
    stopping: watch::Sender<bool>,
    servers: JoinSet<()>,
}

/// One running registry and the addresses that belong to it.
#[derive(Debug)]
pub struct DemoRegistry {
    site: Arc<Site>,
}

impl Demo {
    /// Builds the images, binds every listener to 127.0.0.1 on a free port and starts serving.
    ///
    /// # Errors
    /// [`DemoError`] when a port cannot be bound or a key cannot be generated.
    pub async fn start(config: DemoConfig) -> Result<Self, DemoError> {
        let kinds = config.kinds.clone();
        let state = Arc::new(DemoState::new(config)?);
        let (stopping, stop) = watch::channel(false);
        let mut servers = JoinSet::new();
        let mut registries = Vec::new();
        for kind in kinds {
            let registry = listen().await?;
            let token_service = if kind.has_own_token_host() { Some(listen().await?) } else { None };
            let cdn = if kind.redirects_blobs() { Some(listen().await?) } else { None };
            let site = Arc::new(Site::new(
                Arc::clone(&state),
                kind,
                address(&registry)?,
                token_service.as_ref().map(address).transpose()?,
                cdn.as_ref().map(address).transpose()?,
            ));
            for (listener, role) in
                [(Some(registry), Role::Registry), (token_service, Role::TokenService), (cdn, Role::Cdn)]
            {
                if let Some(listener) = listener {
                    servers.spawn(server::serve(listener, Arc::clone(&site), role, stop.clone()));
                }
            }
            registries.push(DemoRegistry { site });
        }
        let control = listen().await?;
        let control_address = address(&control)?;
        servers.spawn(control::serve(control, control_address, Arc::clone(&state), stop));
        Ok(Self { state, registries, control: control_address, stopping, servers })
    }

    /// The registry of this kind.
    ///
    /// # Errors
    /// [`DemoError::NotRunning`] when the demo was started without it.
    pub fn registry(&self, kind: Kind) -> Result<&DemoRegistry, DemoError> {
        self.registries
            .iter()
            .find(|registry| registry.kind() == kind)
            .ok_or(DemoError::NotRunning { kind: kind.name() })
    }

    /// All running registries, in the order of the configuration.
    pub fn registries(&self) -> &[DemoRegistry] {
        &self.registries
    }

    /// Where the control endpoint listens (`GET /journal`, `/violations`, `/counts`; `POST /script`, `/reset`).
    pub fn control_url(&self) -> String {
        format!("http://{}", self.control)
    }

    /// Every request received since the start or the last [`Demo::reset`], in order of arrival.
    pub fn journal(&self) -> Vec<Record> {
        self.state.journal.records()
    }

    /// The violations of the specifications since the start or the last [`Demo::reset`].
    pub fn violations(&self) -> Vec<Violation> {
        self.state.journal.violations()
    }

    /// How many requests one role of one registry received since the start or the last [`Demo::reset`].
    pub fn requests(&self, kind: Kind, role: Role) -> usize {
        self.state.journal.count(kind, role)
    }

    /// Adds a script, which determines the responses to the next matching requests.
    pub fn script(&self, script: Script) {
        self.state.scripts.push(script);
    }

    /// Empties the journal, the violations and the queue of scripts. Tokens already issued stay valid.
    pub fn reset(&self) {
        self.state.journal.clear();
        self.state.scripts.clear();
    }

    /// The content of the ready file: addresses, realms, flows and logins.
    pub fn ready(&self) -> Ready {
        let registries = self.registries.iter().map(|registry| ready::describe(&registry.site)).collect();
        Ready { registries, control: self.control_url() }
    }

    /// Stops listening and ends every connection.
    pub async fn stop(mut self) {
        // The servers may have stopped already.
        let _ = self.stopping.send(true);
        while self.servers.join_next().await.is_some() {}
    }
}

impl DemoRegistry {
    /// Which kind of registry this is.
    pub fn kind(&self) -> Kind {
        self.site.kind
    }

    /// Its origin, such as `http://127.0.0.1:40001`.
    pub fn url(&self) -> String {
        format!("http://{}", self.site.registry)
    }

    /// Its host and port.
    pub fn authority(&self) -> String {
        self.site.registry.to_string()
    }

    /// The URL of its token service, if it has one.
    pub fn realm(&self) -> Option<String> {
        self.site.realm()
    }

    /// The `service` parameter of its token requests.
    pub fn service(&self) -> &'static str {
        self.site.service()
    }

    /// The origin that blobs are redirected to, if they are.
    pub fn cdn(&self) -> Option<String> {
        self.site.cdn.map(|address| format!("http://{address}"))
    }

    /// The digest of a tag, for tests that compare.
    pub fn digest_of(&self, repository: &str, tag: &str) -> Option<String> {
        self.site.demo_state.store.repository(repository)?.tags.get(tag).cloned()
    }

    /// Digest and length of the generated large blob, if [`DemoConfig::big_blob`] is set.
    pub fn big_blob(&self) -> Option<(String, u64)> {
        self.site.demo_state.store.big_blob()
    }
}

async fn listen() -> Result<TcpListener, DemoError> {
    TcpListener::bind(("127.0.0.1", 0)).await.map_err(DemoError::Bind)
}

fn address(listener: &TcpListener) -> Result<SocketAddr, DemoError> {
    listener.local_addr().map_err(DemoError::Bind)
}
