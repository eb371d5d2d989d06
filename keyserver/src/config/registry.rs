//! One entry of `registries`.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::PathBuf;

use dockpass_protocol::address::is_public;
use dockpass_protocol::origin::{Origin, Scheme};
use dockpass_protocol::realm::RealmPolicy;
use dockpass_protocol::reference::{RegistryName, Repository};
use serde_json::{Map, Value as Json, json};

use super::field::{self, Kind, Reader, Section as _};
use super::kind::{Flag, List, Optional, Parsed, path, text, whole};
use super::node::{Node, Value};
use super::scope_pattern::ScopePattern;
use super::section::section;
use super::values::origin;

/// A registry that may be used: named, located, and with everything that is trusted for it.
#[derive(Clone, Debug)]
pub struct RegistrySettings {
    /// The name to show to people.
    pub title: String,
    /// Canonical name.
    pub name: RegistryName,
    /// Where its API is.
    pub origin: Origin,
    /// The realms that it may name.
    pub realms: RealmPolicy,
    /// Origins of token services that may have private addresses.
    pub realm_origins: Vec<Origin>,
    /// Origins to which it may redirect blobs although their addresses are private.
    pub redirects: Vec<Origin>,
    /// Repositories to show where the registry lists none itself.
    pub catalog: Vec<Repository>,
    /// The account that lists all repositories, for users whose own account cannot.
    pub catalog_account: Option<CatalogAccountSettings>,
    /// Where others reach it, if not at `origin`: what it writes about itself has this origin.
    pub public: Option<Origin>,
    /// Scopes that may be requested; empty for all.
    pub allowed_scopes: Vec<ScopePattern>,
    /// Requests to it and its token services per second, of all clients together.
    pub requests_per_second: Option<NonZeroU32>,
    /// PEM file of certificate authorities that are trusted for it, besides the system's.
    pub ca_file: Option<PathBuf>,
}

/// The account of the key server at a registry, for its catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogAccountSettings {
    /// User name.
    pub username: String,
    /// The file with the password.
    pub password_file: PathBuf,
}

section! {
    /// The keys of an entry.
    struct Entry {
        /// Name of the registry to show to people. Default: the host.
        "name": Optional(text()) => title: Option<String> = None;
        /// Host, or host and port, of a registry that is reached over HTTPS. With `url` as well, it is only the registry's
        /// name.
        "host": Optional(host()) => host: Option<RegistryName> = None;
        /// Scheme, host and port of the registry, without `/v2/`. With `host` as well, it is where this server reaches the
        /// registry of that name, and a token service elsewhere has to be in `realms`.
        "url": Optional(url()) => url: Option<Origin> = None;
        /// URLs of token services that the registry may name, besides those on its own origin, which are always allowed.
        "realms": List(realm()) => realms: Vec<String> = Vec::new();
        /// Repositories to show where the registry lists none itself.
        "catalog": List(repository()) => catalog: Vec<Repository> = Vec::new();
        /// User name of an account that may list the catalog. Users who are logged in then see those of its repositories that
        /// their own account may pull. It is used for nothing else, and only where the registry has a token service whose
        /// tokens say what they grant.
        "catalog_username": Optional(text()) => catalog_username: Option<String> = None;
        /// File with the password of `catalog_username`, in one line.
        "catalog_password_file": Optional(path()) => catalog_password_file: Option<PathBuf> = None;
        /// Origins with private addresses to which the registry may redirect downloads of blobs, such as its own storage.
        "redirects": List(storage()) => redirects: Vec<Origin> = Vec::new();
        /// Scopes that tokens may be requested for and sessions used for; an empty list allows all. A `*` at the end of a
        /// name stands for its rest, and as the actions for every action.
        "allowed_scopes": List(scope_pattern()) => allowed_scopes: Vec<ScopePattern> = Vec::new();
        /// Requests per second to the registry and its token services, of all clients together. Those of one second may come
        /// at once; further ones wait up to `limits.connect_seconds` and are then refused with `registry_busy`. 0 means no
        /// limit. Each instance has a limit of its own.
        "requests_per_second": whole(0..=1_000_000) => requests_per_second: Option<NonZeroU32> = None;
        /// PEM file of certificate authorities that are trusted for this registry, besides the system's.
        "ca_file": Optional(path()) => ca_file: Option<PathBuf> = None;
        /// Whether `http://` is allowed to hosts outside this machine and private addresses. Passwords are then sent
        /// unencrypted.
        "insecure_http": Flag => insecure_http: bool = false;
    }
}

const CLEARTEXT: &str =
    "http:// would send passwords unencrypted; use https, or set `insecure_http: true` if that is intended";

fn host() -> Parsed<RegistryName> {
    Parsed {
        parse: |text| {
            RegistryName::parse(text).map_err(|_| {
                "not the name of a registry; write host or host:port, or use `url` for a URL".to_owned()
            })
        },
        show: ToString::to_string,
        examples: &["docker.io", "registry.example.com:5000"],
    }
}

fn url() -> Parsed<Origin> {
    Parsed {
        parse: |text| {
            Origin::parse(text).map_err(|_| {
                "expected scheme and host without a path, such as http://127.0.0.1:5000".to_owned()
            })
        },
        examples: &["http://127.0.0.1:5000"],
        ..origin()
    }
}

fn storage() -> Parsed<Origin> {
    Parsed {
        parse: |text| {
            Origin::parse(text)
                .map_err(|_| "expected scheme and host, such as https://storage.example.com".to_owned())
        },
        examples: &["https://storage.example.com"],
        ..origin()
    }
}

/// Text only: whether it may be a realm depends on the registry, see [`Entry::locate`].
fn realm() -> Parsed<String> {
    Parsed { examples: &["https://auth.example.com/token"], ..text() }
}

fn scope_pattern() -> Parsed<ScopePattern> {
    Parsed {
        parse: |text| {
            text.parse().map_err(|_| "expected type:name:actions, such as repository:team/*:pull".to_owned())
        },
        show: ToString::to_string,
        examples: &["repository:team/*:pull", "registry:catalog:*"],
    }
}

fn repository() -> Parsed<Repository> {
    Parsed {
        parse: |text| {
            Repository::parse(text)
                .map_err(|_| "expected the name of a repository, such as team/app".to_owned())
        },
        show: ToString::to_string,
        examples: &["team/app"],
    }
}

impl RegistrySettings {
    /// A registry at this origin, with its own token services only.
    ///
    /// # Errors
    /// A sentence when the origin's host cannot be the name of a registry.
    pub fn at(title: &str, origin: Origin) -> Result<Self, &'static str> {
        let name = RegistryName::parse(&origin.authority())
            .map_err(|_| "this host cannot be the name of a registry")?;
        if name.is_docker_hub() {
            return Err("write `host: docker.io` for Docker Hub");
        }
        Ok(Self::new(Some(title.to_owned()), name, origin))
    }

    fn new(title: Option<String>, name: RegistryName, origin: Origin) -> Self {
        Self {
            title: title.unwrap_or_else(|| name.to_string()),
            name,
            realms: RealmPolicy::new(origin.clone()),
            origin,
            realm_origins: Vec::new(),
            redirects: Vec::new(),
            catalog: Vec::new(),
            catalog_account: None,
            public: None,
            allowed_scopes: Vec::new(),
            requests_per_second: None,
            ca_file: None,
        }
    }

    /// Allows one more realm: the URL of a token service.
    ///
    /// # Errors
    /// A sentence when the text is not a URL that may be a realm of this registry.
    pub fn allow_realm(&mut self, realm: &str) -> Result<&Origin, &'static str> {
        const EXPECTED: &str = "expected the URL of a token service, such as https://auth.example.com/token, without \
                                user, query or fragment, and with https if the registry has https";
        let realms = self.realms.clone().allow(realm).map_err(|_| EXPECTED)?;
        let origin = realms.admit(realm).map_err(|_| EXPECTED)?.origin().clone();
        self.realms = realms;
        self.realm_origins.push(origin);
        self.realm_origins.last().ok_or(EXPECTED)
    }
}

impl Entry {
    /// The registry that the entry describes; `None` after a problem was reported.
    fn locate(self, node: &Node, reader: &mut Reader) -> Option<RegistrySettings> {
        let located = match (self.host, self.url) {
            (Some(name), None) => {
                let Ok(origin) = name.origin(Scheme::Https) else {
                    report(node, "host", reader, "not the name of a registry");
                    return None;
                };
                RegistrySettings::new(self.title, name, origin)
            }
            (None, Some(url)) => match RegistrySettings::at("", url) {
                Ok(located) => RegistrySettings::new(self.title, located.name, located.origin),
                Err(message) => {
                    report(node, "url", reader, message);
                    return None;
                }
            },
            (Some(name), Some(url)) => {
                let public = name.origin(Scheme::Https).ok().filter(|public| *public != url);
                RegistrySettings { public, ..RegistrySettings::new(self.title, name, url) }
            }
            (None, None) => {
                // A `host` or `url` that is there and cannot be used was reported already.
                let written = |key| node.get(key).is_some_and(|node| !matches!(node.value, Value::Null));
                if !written("host") && !written("url") {
                    reader.wrong(node, "an entry needs `host` (reached over HTTPS) or `url`");
                }
                return None;
            }
        };
        let catalog_account = match (self.catalog_username, self.catalog_password_file) {
            (Some(username), Some(password_file)) => Some(CatalogAccountSettings { username, password_file }),
            (Some(_), None) => {
                report(node, "catalog_username", reader, "needs `catalog_password_file` as well");
                None
            }
            (None, Some(_)) => {
                report(node, "catalog_password_file", reader, "needs `catalog_username` as well");
                None
            }
            (None, None) => None,
        };
        let mut registry = RegistrySettings {
            catalog_account,
            redirects: self.redirects,
            catalog: self.catalog,
            allowed_scopes: self.allowed_scopes,
            requests_per_second: self.requests_per_second,
            ca_file: self.ca_file,
            ..located
        };
        let in_clear =
            |origin: &Origin| origin.scheme() == Scheme::Http && !self.insecure_http && !is_near(origin);
        if in_clear(&registry.origin) {
            report(node, "url", reader, CLEARTEXT);
        }
        // By their nodes, for the place of each; items that are not strings were reported already.
        for (index, item) in node.get("realms").map_or(&[][..], Node::items).iter().enumerate() {
            let Value::Text(realm) = &item.value else { continue };
            let problem = match registry.allow_realm(realm) {
                Ok(origin) if in_clear(origin) => CLEARTEXT,
                Ok(_) => continue,
                Err(problem) => problem,
            };
            reader.below(&format!(".realms[{index}]"), |reader| reader.wrong(item, problem));
        }
        Some(registry)
    }
}

/// Reports a problem with a key of this entry.
fn report(node: &Node, key: &str, reader: &mut Reader, message: &str) {
    let at = node.get(key).unwrap_or(node);
    reader.below(&format!(".{key}"), |reader| reader.wrong(at, message));
}

/// Whether cleartext to this host stays on the machine or its own network. A name other than `localhost` does not
/// count: what it resolves to is not known here.
pub(super) fn is_near(origin: &Origin) -> bool {
    match origin.ip() {
        Some(address) => !is_public(address),
        None => origin.host() == "localhost" || origin.host().ends_with(".localhost"),
    }
}

/// The list of registries.
pub(super) struct Registries;

impl Registries {
    /// The entries that can be used, each with its node; an entry with a problem is reported and left out.
    fn located<'n>(node: &'n Node, reader: &mut Reader) -> Vec<(usize, &'n Node, RegistrySettings)> {
        let read = |(index, item): (usize, &'n Node)| {
            reader.below(&format!("[{index}]"), |reader| {
                let registry = Entry::read(item, reader).locate(item, reader)?;
                Some((index, item, registry))
            })
        };
        node.items().iter().enumerate().filter_map(read).collect()
    }

    /// Reports entries that name the key server itself.
    pub(super) fn refuse_self(node: &Node, own: &Origin, reader: &mut Reader) {
        for (index, item, registry) in Self::located(node, &mut Reader::default()) {
            if registry.origin == *own {
                reader.below(&format!(".registries[{index}]"), |reader| {
                    reader.wrong(item, "this is the key server itself");
                });
            }
        }
    }
}

impl Kind for Registries {
    type Value = Vec<RegistrySettings>;

    fn read(&self, node: &Node, reader: &mut Reader) -> Option<Self::Value> {
        if !matches!(node.value, Value::List(_)) {
            reader.wrong(node, "expected a list of registries");
            return None;
        }
        let mut names = BTreeSet::new();
        let mut registries = Vec::new();
        for (index, item, registry) in Self::located(node, reader) {
            if names.insert(registry.name.clone()) {
                registries.push(registry);
            } else {
                reader.below(&format!("[{index}]"), |reader| {
                    reader.wrong(item, "this registry is in the list twice");
                });
            }
        }
        Some(registries)
    }

    fn schema(&self) -> Map<String, Json> {
        let mut entry = field::schema(Entry::fields());
        let given = |key: &str| json!({ "required": [key], "properties": { key: { "type": "string" } } });
        entry.insert("anyOf".to_owned(), json!([given("host"), given("url")]));
        field::object(&json!({ "type": "array", "items": entry }))
    }

    fn write(&self, value: &Self::Value) -> Json {
        let write = |registry: &RegistrySettings| {
            let by_host = registry.name.origin(Scheme::Https).is_ok_and(|origin| origin == registry.origin);
            let is_named = by_host || registry.public.is_some();
            Entry {
                title: Some(registry.title.clone()),
                host: is_named.then(|| registry.name.clone()),
                url: (!by_host).then(|| registry.origin.clone()),
                redirects: registry.redirects.clone(),
                catalog: registry.catalog.clone(),
                catalog_username: registry.catalog_account.as_ref().map(|account| account.username.clone()),
                catalog_password_file: registry
                    .catalog_account
                    .as_ref()
                    .map(|account| account.password_file.clone()),
                allowed_scopes: registry.allowed_scopes.clone(),
                requests_per_second: registry.requests_per_second,
                ca_file: registry.ca_file.clone(),
                ..Entry::default()
            }
            .write()
        };
        value.iter().map(write).collect::<Vec<_>>().into()
    }
}

/// The registries that are known without a configuration.
pub(super) fn shipped() -> Vec<RegistrySettings> {
    let shipped = [
        ("Docker Hub", "docker.io"),
        ("GitHub", "ghcr.io"),
        ("Quay", "quay.io"),
        ("GitLab.com", "registry.gitlab.com"),
        ("NVIDIA", "nvcr.io"),
    ];
    let located = |(title, host): (&str, &str)| {
        let name = RegistryName::parse(host).ok()?;
        let origin = name.origin(Scheme::Https).ok()?;
        Some(RegistrySettings::new(Some(title.to_owned()), name, origin))
    };
    // Constants that parse; a test counts them.
    shipped.into_iter().filter_map(located).collect()
}
