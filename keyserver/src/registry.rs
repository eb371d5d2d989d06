//! The configured registries and their state.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use dockpass_protocol::address::{is_public, is_public_name};
use dockpass_protocol::api::RegistryInfo;
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::flow::RegistryAuth;
use dockpass_protocol::origin::{Origin, Scheme};
use dockpass_protocol::realm::{Realm, RealmPolicy};
use dockpass_protocol::reference::{ReferenceError, RegistryName};
use dockpass_protocol::scope::ScopeSet;
use secrecy::SecretString;

use crate::config::{CatalogAccountSettings, LimitSettings, RegistrySettings, ScopePattern, Settings};
use crate::figures::UpstreamFigures;
use crate::http_client::{ClientError, ClientLimits, DialPolicy, HttpClient, Timeouts};
use crate::resolver::HostResolver;
use crate::secret_file::{self, FileError};

/// A refusal so long ago says nothing of the tokens that are kept now.
const REFUSED_MS: i64 = 60_000;
/// How long the authentication scheme of a registry is remembered.
const KNOWN_MS: i64 = 10 * 60 * 1000;
/// Allowed ports of a registry outside the configuration.
const OPEN_PORTS: [u16; 4] = [443, 5000, 5443, 8443];
/// Registries outside the configuration that are kept at most.
const MAX_OPEN: u64 = 1_000;

/// Why a registry cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Its client cannot be created.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The password of its catalog account cannot be read.
    #[error("catalog_password_file: {0}")]
    CatalogPassword(#[from] FileError),
}

/// The account of the key server that may list the catalog.
#[derive(Debug)]
pub(crate) struct CatalogAccount {
    pub(crate) username: String,
    pub(crate) password: SecretString,
}

impl CatalogAccount {
    /// Reads the password.
    ///
    /// # Errors
    /// [`FileError`].
    pub(crate) fn read(settings: &CatalogAccountSettings) -> Result<Self, FileError> {
        let password = secret_file::read_line(&settings.password_file)?;
        Ok(Self { username: settings.username.clone(), password })
    }
}

/// One registry.
pub struct Registry {
    name: RegistryName,
    title: String,
    origin: Origin,
    public: Option<Origin>,
    allowed_scopes: Vec<ScopePattern>,
    policy: RealmPolicy,
    /// The first realm that was admitted, with its text. Most registries have one, and every token from the cache asks for it.
    admitted: OnceLock<(String, Realm)>,
    catalog: Vec<String>,
    catalog_account: Option<Arc<CatalogAccount>>,
    client: HttpClient,
    known: Mutex<Option<(RegistryAuth, i64)>>,
    /// When it last refused a token, in milliseconds since the epoch.
    refused_ms: AtomicI64,
}

impl Registry {
    fn configured(
        settings: &RegistrySettings,
        limits: &ClientLimits,
        resolver: &HostResolver,
    ) -> Result<Self, RegistryError> {
        let mut trusted = vec![settings.origin.clone()];
        trusted.extend_from_slice(&settings.realm_origins);
        trusted.extend_from_slice(&settings.redirects);
        let policy = DialPolicy::trusting(trusted);
        let limits = ClientLimits { requests_per_second: settings.requests_per_second, ..*limits };
        let client = HttpClient::new(policy, &limits, settings.ca_file.as_deref(), resolver)?;
        let account = settings.catalog_account.as_ref().map(CatalogAccount::read).transpose()?;
        Ok(Self {
            catalog_account: account.map(Arc::new),
            name: settings.name.clone(),
            title: settings.title.clone(),
            origin: settings.origin.clone(),
            public: settings.public.clone(),
            allowed_scopes: settings.allowed_scopes.clone(),
            policy: settings.realms.clone(),
            admitted: OnceLock::new(),
            catalog: settings.catalog.iter().map(ToString::to_string).collect(),
            client,
            known: Mutex::new(None),
            refused_ms: AtomicI64::new(i64::MIN),
        })
    }

    fn open(name: RegistryName, origin: Origin, client: HttpClient) -> Self {
        Self {
            title: name.to_string(),
            public: None,
            allowed_scopes: Vec::new(),
            policy: RealmPolicy::new(origin.clone()),
            admitted: OnceLock::new(),
            catalog: Vec::new(),
            catalog_account: None,
            known: Mutex::new(None),
            refused_ms: AtomicI64::new(i64::MIN),
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

    /// Where others reach it, if that is elsewhere.
    pub fn public(&self) -> Option<&Origin> {
        self.public.as_ref()
    }

    /// Whether this origin is the registry, as this server or others reach it.
    pub fn is_own(&self, origin: &Origin) -> bool {
        *origin == self.origin || self.public.as_ref() == Some(origin)
    }

    /// Whether all of these scopes may be requested.
    ///
    /// # Errors
    /// [`ErrorCode::ScopeNotAllowed`].
    pub fn admit_scopes(&self, scopes: &ScopeSet) -> Result<(), ErrorCode> {
        let is_allowed = |scope| self.allowed_scopes.iter().any(|pattern| pattern.covers(scope));
        if self.allowed_scopes.is_empty() || scopes.iter().all(is_allowed) {
            Ok(())
        } else {
            Err(ErrorCode::ScopeNotAllowed)
        }
    }

    /// The account that may list its catalog, if one is configured.
    pub(crate) fn catalog_account(&self) -> Option<&Arc<CatalogAccount>> {
        self.catalog_account.as_ref()
    }

    /// Which token services it may name.
    pub fn policy(&self) -> &RealmPolicy {
        &self.policy
    }

    /// The realm of this text, if the policy admits it.
    ///
    /// # Errors
    /// The errors of [`RealmPolicy::admit`].
    pub(crate) fn admit_realm(&self, text: &str) -> Result<Realm, ErrorCode> {
        if let Some((known, realm)) = self.admitted.get()
            && known == text
        {
            return Ok(realm.clone());
        }
        let realm = self.policy.admit(text)?;
        self.admitted.get_or_init(|| (text.to_owned(), realm.clone()));
        Ok(realm)
    }

    /// The client that may dial it, its token services and, for the rest, public addresses only.
    pub fn client(&self) -> &HttpClient {
        &self.client
    }

    /// How it authenticates, if that was seen recently enough.
    pub fn known_auth(&self, now_ms: i64) -> Option<RegistryAuth> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().filter(|(_, until)| now_ms < *until).map(|(auth, _)| auth.clone())
    }

    /// Remembers that it has refused a token.
    pub fn note_refusal(&self, now_ms: i64) {
        self.refused_ms.fetch_max(now_ms, Ordering::Relaxed);
    }

    /// When it last refused a token, if that was lately.
    pub fn refused_lately(&self, now_ms: i64) -> Option<i64> {
        let at_ms = self.refused_ms.load(Ordering::Relaxed);
        (now_ms.saturating_sub(at_ms) < REFUSED_MS).then_some(at_ms)
    }

    /// Remembers how it authenticates.
    pub fn learn_auth(&self, auth: RegistryAuth, now_ms: i64) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((auth, now_ms.saturating_add(KNOWN_MS)));
    }

    /// The registry as `GET /v1/registries` shows it.
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

/// All registries.
#[derive(Debug)]
pub struct Registries {
    listed: Vec<Arc<Registry>>,
    by_name: HashMap<String, Arc<Registry>>,
    /// Registries outside the configuration, if those are allowed.
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    client: HttpClient,
    limits: ClientLimits,
    own_host: String,
    opened: moka::sync::Cache<String, Arc<Registry>>,
}

impl Registries {
    /// The registries of these settings, at a server of this origin.
    ///
    /// # Errors
    /// [`RegistryError`], most likely because of a file.
    pub fn new(settings: &Settings, own: &Origin, resolver: &HostResolver) -> Result<Self, RegistryError> {
        let limits = client_limits(&settings.limits);
        let mut listed = Vec::new();
        let mut by_name = HashMap::new();
        for entry in &settings.registries {
            let registry = Arc::new(Registry::configured(entry, &limits, resolver)?);
            by_name.insert(registry.name().to_owned(), Arc::clone(&registry));
            listed.push(registry);
        }
        let open = if settings.any_registry {
            Some(Open {
                client: HttpClient::new(DialPolicy::public_only(), &limits, None, resolver)?,
                limits,
                own_host: own.host().to_owned(),
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

    /// The figures of each configured registry, and of all others together.
    pub(crate) fn figures(&self) -> impl Iterator<Item = (&str, &UpstreamFigures)> {
        let listed = self.listed.iter().map(|registry| (registry.name(), registry.client.figures()));
        listed.chain(self.open.iter().map(|open| ("other", open.client.figures())))
    }

    /// The registry with this name. No name is resolved and no connection is made.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidRegistry`] (or the code for a name that is not ASCII), [`ErrorCode::RegistryNotAllowed`].
    pub fn find(&self, text: &str) -> Result<Arc<Registry>, ErrorCode> {
        // Most callers write the canonical name, which is the key.
        if let Some(registry) = self.by_name.get(text) {
            return Ok(Arc::clone(registry));
        }
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
        let origin = name.origin(Scheme::Https)?;
        let public = match origin.ip() {
            Some(address) => is_public(address),
            None => is_public_name(origin.host()) && origin.host().contains('.'),
        };
        if !public || !OPEN_PORTS.contains(&origin.port()) || open.own_host == origin.host() {
            return Err(ErrorCode::RegistryNotAllowed);
        }
        let registry = {
            let client = open.client.for_registry(&origin, &open.limits);
            Arc::new(Registry::open(name, origin, client))
        };
        open.opened.insert(registry.name().to_owned(), Arc::clone(&registry));
        Ok(registry)
    }
}

/// What the client of one registry may use.
fn client_limits(limits: &LimitSettings) -> ClientLimits {
    ClientLimits {
        timeouts: Timeouts {
            connect: limits.connect_timeout,
            response: limits.upstream_timeout,
            idle: limits.idle_timeout,
        },
        concurrency: limits.registry_concurrency,
        breaker_failures: limits.breaker_failures,
        requests_per_second: None,
    }
}

#[cfg(test)]
mod tests;
