//! The registries that may be used, and what is known of each.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use dockpass_protocol::address::{is_public, is_public_name};
use dockpass_protocol::api::RegistryInfo;
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::flow::KnownAuth;
use dockpass_protocol::origin::{Origin, Scheme};
use dockpass_protocol::realm::RealmPolicy;
use dockpass_protocol::reference::{ReferenceError, RegistryName};

use crate::config::{Config, RegistryConfig};
use crate::http_client::{ClientError, DialPolicy, HttpClient, Timeouts};

/// How long it is remembered how a registry authenticates.
const KNOWN_MS: i64 = 10 * 60 * 1000;
/// Ports that a registry outside the configuration may have: those that registries use.
const OPEN_PORTS: [u16; 4] = [443, 5000, 5443, 8443];
/// So many registries outside the configuration are kept at one time.
const MAX_OPEN: u64 = 1_000;

/// Name and place of a configured registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Located {
    /// Canonical name.
    pub(crate) name: RegistryName,
    /// Where its API is.
    pub(crate) origin: Origin,
}

/// The registry that an entry of the configuration names, or what is wrong with it.
pub(crate) fn locate(entry: &RegistryConfig) -> Result<Located, &'static str> {
    match (&entry.host, &entry.url) {
        (Some(host), None) => {
            let name = RegistryName::parse(host)
                .map_err(|_| "`host` is not the name of a registry; write host or host:port")?;
            let origin = Origin::for_registry(&name, Scheme::Https)
                .map_err(|_| "`host` is not the name of a registry")?;
            Ok(Located { name, origin })
        }
        (None, Some(url)) => {
            let origin = Origin::parse(url)
                .map_err(|_| "expected scheme and host without a path, such as http://127.0.0.1:5000")?;
            let name = RegistryName::parse(&origin.authority())
                .map_err(|_| "this host cannot be the name of a registry")?;
            if name.is_docker_hub() {
                return Err("write `host: docker.io` for Docker Hub");
            }
            Ok(Located { name, origin })
        }
        (None, None) => Err("a registry needs `host` (reached by https) or `url`"),
        (Some(_), Some(_)) => Err("`host` and `url` exclude each other; `url` says it all"),
    }
}

/// The origin of a token service's URL, if it is one that this registry's configuration may pair with it.
pub(crate) fn realm_origin(registry: &Origin, realm: &str) -> Option<Origin> {
    let policy = RealmPolicy::new(registry.clone()).allow(realm).ok()?;
    Some(policy.admit(realm).ok()?.origin().clone())
}

/// One registry.
pub struct Registry {
    name: RegistryName,
    title: String,
    origin: Origin,
    policy: RealmPolicy,
    catalog: Vec<String>,
    client: HttpClient,
    known: Mutex<Option<(KnownAuth, i64)>>,
}

impl Registry {
    fn configured(entry: &RegistryConfig, timeouts: Timeouts) -> Result<Self, RegistryError> {
        let Located { name, origin } = locate(entry).map_err(RegistryError::Entry)?;
        let mut policy = RealmPolicy::new(origin.clone());
        let mut trusted = vec![origin.clone()];
        for realm in &entry.realms {
            policy = policy
                .allow(realm)
                .map_err(|_| RegistryError::Entry("a realm is no URL of a token service"))?;
            trusted.extend(realm_origin(&origin, realm));
        }
        trusted.extend(entry.redirects.iter().filter_map(|text| Origin::parse(text).ok()));
        let policy_of_dials = DialPolicy::trusting(trusted);
        let client = HttpClient::new(policy_of_dials, timeouts, entry.ca_file.as_deref())?;
        let title = entry.name.clone().unwrap_or_else(|| name.to_string());
        let known = Mutex::new(None);
        Ok(Self { name, title, origin, policy, catalog: entry.catalog.clone(), client, known })
    }

    fn open(name: RegistryName, origin: Origin, client: HttpClient) -> Self {
        Self {
            title: name.to_string(),
            policy: RealmPolicy::new(origin.clone()),
            catalog: Vec::new(),
            known: Mutex::new(None),
            name,
            origin,
            client,
        }
    }

    /// Canonical name.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Where its API is.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Which token services it may name.
    pub fn policy(&self) -> &RealmPolicy {
        &self.policy
    }

    /// The client that may dial it, its token services and, for the rest, public addresses only.
    pub fn client(&self) -> &HttpClient {
        &self.client
    }

    /// How it was last seen to authenticate, unless that is too long ago.
    pub fn known_auth(&self, now_ms: i64) -> Option<KnownAuth> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().filter(|(_, until)| now_ms < *until).map(|(auth, _)| auth.clone())
    }

    /// Remembers how it was seen to authenticate.
    pub fn learn_auth(&self, auth: KnownAuth, now_ms: i64) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((auth, now_ms.saturating_add(KNOWN_MS)));
    }

    /// What `GET /v1/registries` says of it.
    pub fn info(&self) -> RegistryInfo {
        RegistryInfo {
            registry: self.name.to_string(),
            name: self.title.clone(),
            url: self.origin.to_string(),
            gateway: format!("r/{}/v2/", self.name),
            catalog: self.catalog.clone(),
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("name", &self.name)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// Why the registries of a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// An entry that does not name a registry; the configuration's own check says it with its line.
    #[error("registries: {0}")]
    Entry(&'static str),
    /// No client could be made, most likely for want of a certificate file.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// All of them.
#[derive(Debug)]
pub struct Registries {
    listed: Vec<Arc<Registry>>,
    by_name: HashMap<String, Arc<Registry>>,
    /// Registries outside the list, when those may be used.
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    client: HttpClient,
    own_host: Option<String>,
    opened: moka::sync::Cache<String, Arc<Registry>>,
}

impl Registries {
    /// The registries of a configuration.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn new(config: &Config) -> Result<Self, RegistryError> {
        let timeouts = Timeouts::from(&config.limits);
        let mut listed = Vec::new();
        let mut by_name = HashMap::new();
        for entry in &config.registries {
            let registry = Arc::new(Registry::configured(entry, timeouts)?);
            by_name.insert(registry.name().to_owned(), Arc::clone(&registry));
            listed.push(registry);
        }
        let open = if config.any_registry {
            Some(Open {
                client: HttpClient::new(DialPolicy::public_only(), timeouts, None)?,
                own_host: Origin::parse(&config.origin()).ok().map(|origin| origin.host().to_owned()),
                opened: moka::sync::Cache::builder().max_capacity(MAX_OPEN).build(),
            })
        } else {
            None
        };
        Ok(Self { listed, by_name, open })
    }

    /// In the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Registry>> {
        self.listed.iter()
    }

    /// The registry that a caller names. No name is resolved and nothing is dialled.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidRegistry`] (or the code for a name that is not ASCII), [`ErrorCode::RegistryNotAllowed`].
    pub fn find(&self, text: &str) -> Result<Arc<Registry>, ErrorCode> {
        let name = RegistryName::parse(text).map_err(|error| match error {
            ReferenceError::NonAsciiHost => ErrorCode::NonAsciiHost,
            _ => ErrorCode::InvalidRegistry,
        })?;
        if let Some(registry) = self.by_name.get(name.as_str()) {
            return Ok(Arc::clone(registry));
        }
        let open = self.open.as_ref().ok_or(ErrorCode::RegistryNotAllowed)?;
        if let Some(registry) = open.opened.get(name.as_str()) {
            return Ok(registry);
        }
        let origin = Origin::for_registry(&name, Scheme::Https)?;
        let public = match origin.ip() {
            Some(address) => is_public(address),
            None => is_public_name(origin.host()) && origin.host().contains('.'),
        };
        if !public || !OPEN_PORTS.contains(&origin.port()) || open.own_host.as_deref() == Some(origin.host())
        {
            return Err(ErrorCode::RegistryNotAllowed);
        }
        let registry = Arc::new(Registry::open(name, origin, open.client.clone()));
        open.opened.insert(registry.name().to_owned(), Arc::clone(&registry));
        Ok(registry)
    }
}

#[cfg(test)]
mod tests;
