//! One registry with its servers, and the state that all registries share.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::access::User;
use super::config::DemoConfig;
use super::error::DemoError;
use super::images;
use super::journal::{Journal, Role};
use super::kind::Kind;
use super::script::Scripts;
use super::store::SharedStore;
use super::tokens::{Format, Tokens};

/// The state that all registries of a demo share.
#[derive(Debug)]
pub(crate) struct DemoState {
    pub(crate) config: DemoConfig,
    pub(crate) store: SharedStore,
    pub(crate) journal: Journal,
    pub(crate) scripts: Scripts,
    pub(crate) tokens: Tokens,
}

/// One registry, its token service and its host of blobs.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) demo_state: Arc<DemoState>,
    pub(crate) kind: Kind,
    pub(crate) registry: SocketAddr,
    pub(crate) token_service: Option<SocketAddr>,
    pub(crate) cdn: Option<SocketAddr>,
    pulls_left: AtomicU32,
}

/// The realm and service in challenges.
#[derive(Clone, Debug)]
pub(crate) struct ServiceNames {
    pub(crate) realm: String,
    pub(crate) service: String,
}

/// The number of pulls until the counter of the Docker Hub kind stays at zero. No request is refused.
const PULL_LIMIT: u32 = 100;

impl DemoState {
    pub(crate) fn new(config: DemoConfig) -> Result<Self, DemoError> {
        Ok(Self {
            store: Arc::new(images::build(config.big_blob)?),
            config,
            journal: Journal::default(),
            scripts: Scripts::default(),
            tokens: Tokens::new()?,
        })
    }

    /// The user with this name and password.
    pub(crate) fn user(&self, name: &str, password: &str) -> Option<&User> {
        self.config.users.iter().find(|user| user.name == name && user.password == password)
    }

    /// The user with this name.
    pub(crate) fn user_named(&self, name: &str) -> Option<&User> {
        self.config.users.iter().find(|user| user.name == name)
    }
}

impl Site {
    pub(crate) fn new(
        demo_state: Arc<DemoState>,
        kind: Kind,
        registry: SocketAddr,
        token_service: Option<SocketAddr>,
        cdn: Option<SocketAddr>,
    ) -> Self {
        Self { demo_state, kind, registry, token_service, cdn, pulls_left: AtomicU32::new(PULL_LIMIT) }
    }

    /// The address of the server with this role.
    pub(crate) fn address(&self, role: Role) -> SocketAddr {
        match role {
            Role::Registry => Some(self.registry),
            Role::TokenService => self.token_service,
            Role::Cdn => self.cdn,
        }
        .unwrap_or(self.registry)
    }

    /// The role for a path: a token service on the registry's own origin is recognised by its path.
    pub(crate) fn role_for(&self, listener: Role, path: &str) -> Role {
        let own = self.kind.uses_tokens() && self.token_service.is_none() && path == self.realm_path();
        if listener == Role::Registry && own { Role::TokenService } else { listener }
    }

    /// The path of the token service.
    pub(crate) fn realm_path(&self) -> &'static str {
        if self.token_service.is_some() { "/token" } else { "/service/token" }
    }

    /// The URL of the token service, if there is one.
    pub(crate) fn realm(&self) -> Option<String> {
        self.kind
            .uses_tokens()
            .then(|| format!("http://{}{}", self.address(Role::TokenService), self.realm_path()))
    }

    /// The `service` parameter of token requests.
    pub(crate) fn service(&self) -> &'static str {
        match self.kind {
            Kind::Open | Kind::Basic => "",
            Kind::Token => "registry.demo",
            Kind::Opaque => "opaque.demo",
            Kind::OwnRealm => "demo-registry",
            Kind::Hub => "hub.demo",
        }
    }

    /// The issuer of the tokens, one for each running registry.
    pub(crate) fn issuer(&self) -> String {
        format!("http://{}", self.registry)
    }

    /// The realm and service in challenges without a script.
    pub(crate) fn named(&self) -> ServiceNames {
        ServiceNames { realm: self.realm().unwrap_or_default(), service: self.service().to_owned() }
    }

    /// The form of the tokens.
    pub(crate) fn format(&self) -> Format {
        match self.kind {
            Kind::Opaque => Format::Opaque,
            Kind::OwnRealm => Format::Hs256,
            _ => Format::Rs256,
        }
    }

    /// Counts a pull, and returns how many are left.
    pub(crate) fn pulls_left(&self, counts: bool) -> u32 {
        if counts {
            let next = |left: u32| Some(left.saturating_sub(1));
            let _ = self.pulls_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        }
        self.pulls_left.load(Ordering::Relaxed)
    }
}
