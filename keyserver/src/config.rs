//! The configuration: a YAML file, `DOCKPASS__SECTION__KEY` variables over it, defaults below it.
//!
//! It is parsed once, into [`Settings`]; nothing below sees its text. Every problem is reported at once with line and
//! column ([`ConfigProblems`]), and no message repeats a value, so that none can show a secret in the wrong place.
//!
//! To add a key, add a line to its section below; to add a section, define it with `section!` and add it to
//! [`Settings`]. The JSON schema (`docs/config.schema.json`) and the names of the environment variables follow;
//! `config.example.yaml` has to be extended by hand, which a test checks. The steps: text to a tree that knows its
//! places ([`node`]), the [`environment`] over it, sections ([`mod@section`]) of typed values ([`field`], [`kind`], [`values`],
//! [`registry`]), and last the rules that concern more than one key.

mod environment;
mod field;
mod kind;
mod node;
mod problem;
mod public_url;
mod registry;
mod schema;
mod scope_pattern;
mod section;
mod store_url;
#[cfg(test)]
mod tests;
mod values;
mod warnings;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use dockpass_protocol::api::Carrier;
use dockpass_protocol::origin::{Origin, Scheme};
pub use dockpass_protocol::reference::RegistryName;
use ipnet::IpNet;

use field::{Reader, Section as _};
use kind::{Choice, Flag, List, Optional, count, nested, per, whole};
use node::Node;
use section::section;

pub use problem::{ConfigProblem, ConfigProblems, Place};
pub use public_url::{BasePath, InvalidPublicUrl, PublicUrl};
pub use registry::{CatalogAccountSettings, RegistrySettings};
pub use schema::{schema, schema_text};
pub use scope_pattern::{InvalidScopePattern, ScopePattern};
pub use store_url::StoreUrl;
pub use values::LogFilter;

const MINUTE: u64 = 60;
const MIB: u64 = 1 << 20;

section! {
    /// Everything that can be configured.
    pub struct Settings {
        /// Address and port to listen on. Use a loopback address until a proxy with TLS is in front: passwords pass
        /// through this port.
        "listen": values::socket_address() => listen: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8780);
        /// Where browsers reach this server, if not at `listen`, such as `https://registry.example.com`, or
        /// `https://apps.example.com/registry-login` below a path of a shared host. Hosts and origins of requests are
        /// compared with it, and sessions are bound to it. Required behind a proxy and for listening on all interfaces.
        "public_origin": Optional(values::public_url()) => public_origin: Option<PublicUrl> = None;
        /// Addresses and networks (CIDR) of reverse proxies whose `X-Forwarded-For` is trusted.
        "trusted_proxies": List(values::network()) => trusted_proxies: Vec<IpNet> = Vec::new();
        /// TLS at `listen`, for a server without a proxy in front.
        "tls": nested() => tls: TlsSettings = TlsSettings::default();
        /// Sealed sessions.
        "session": nested() => session: SessionSettings = SessionSettings::default();
        /// The registries that may be used. A registry receives the passwords that users enter for it. This list
        /// replaces the default one.
        "registries": registry::Registries => registries: Vec<RegistrySettings> = registry::shipped();
        /// Whether registries outside the list may be used as well, at public addresses only. Do not enable this on a
        /// server that others can reach.
        "any_registry": Flag => any_registry: bool = false;
        /// Registry tokens that are kept in memory.
        "cache": nested() => cache: CacheSettings = CacheSettings::default();
        /// What several instances share.
        "store": nested() => store: StoreSettings = StoreSettings::default();
        /// The gateway to registries.
        "gateway": nested() => gateway: GatewaySettings = GatewaySettings::default();
        /// Pages on other origins.
        "cors": nested() => cors: CorsSettings = CorsSettings::default();
        /// Limits on what one client can use.
        "limits": nested() => limits: LimitSettings = LimitSettings::default();
        /// The listener for the operator: metrics and health.
        "admin": nested() => admin: AdminSettings = AdminSettings::default();
        /// Logs, on standard error.
        "log": nested() => log: LogSettings = LogSettings::default();
    }
}

section! {
    /// `tls`: TLS at `listen`. Both files or none.
    pub struct TlsSettings {
        /// PEM file with the certificate, and after it those of intermediate authorities. Read again on SIGHUP.
        "certificate_file": Optional(kind::path()) => certificate_file: Option<PathBuf> = None;
        /// PEM file with the private key, not readable by other users. Read again on SIGHUP.
        "key_file": Optional(kind::path()) => key_file: Option<PathBuf> = None;
    }
}

section! {
    /// `session`: how long a login lasts and which keys seal it.
    pub struct SessionSettings {
        /// Seconds from login to expiry. A session cannot be extended.
        "lifetime_seconds": whole(MINUTE..=2_592_000) => lifetime: Duration = Duration::from_hours(8);
        /// The same for sessions in `Authorization`, which scripts can read; `null` for no difference.
        "bearer_lifetime_seconds": Optional(whole(MINUTE..=2_592_000)) => bearer_lifetime: Option<Duration> = None;
        /// Seconds without a request with the session after which it ends before its expiry; `null` for no such limit.
        /// Requests with a registry token are not requests with the session. With several instances, it requires a store.
        "idle_seconds": Optional(whole(MINUTE..=2_592_000)) => idle: Option<Duration> = None;
        /// How sessions may travel: `cookie` for the server's own pages, `bearer` for pages of other origins and for
        /// programs. The other one is neither issued nor accepted.
        "carriers": List(Choice(&[("cookie", Carrier::Cookie), ("bearer", Carrier::Bearer)])) => carriers: Vec<Carrier> = vec![Carrier::Cookie, Carrier::Bearer];
        /// PEM files of RSA keys (PKCS#1 or PKCS#8, unencrypted, at least 2048 bits); `dockpass-keyserver keygen`
        /// creates one. The first key seals, all of them open. They are read again on SIGHUP. Without a file a key is
        /// generated at start, and sessions end with the process.
        "key_files": List(values::key_file()) => key_files: Vec<PathBuf> = Vec::new();
    }
}

section! {
    /// `cache`: registry tokens that are kept in memory.
    pub struct CacheSettings {
        /// Bytes of cached tokens; beyond that, the least used ones are removed.
        "max_bytes": whole(65_536..=1 << 36) => max_bytes: u64 = 33_554_432;
        /// Seconds that a token is cached at most, so that a changed password is noticed.
        "max_token_seconds": whole(0..=3_600) => max_token: Duration = Duration::from_mins(5);
        /// Seconds that a denial is cached, so that a wrong password is not tried over and over.
        "denial_seconds": whole(0..=30) => denial: Duration = Duration::from_secs(30);
    }
}

section! {
    /// `store`: what several instances share, in Redis or Valkey.
    pub struct StoreSettings {
        /// Address of the store: redis://HOST:PORT/DATABASE, or rediss:// for TLS. Without one, everything is kept in the
        /// process. Requires `session.key_files`.
        "url": Optional(store_url::store_url()) => url: Option<StoreUrl> = None;
        /// File with the name of the ACL user. Without one, the user is `default`.
        "username_file": Optional(kind::path()) => username_file: Option<PathBuf> = None;
        /// File with the password. It is read for each connection, so that a new password needs no restart.
        "password_file": Optional(kind::path()) => password_file: Option<PathBuf> = None;
        /// PEM file of certificate authorities for rediss://, in place of the system's.
        "ca_file": Optional(kind::path()) => ca_file: Option<PathBuf> = None;
        /// What every key and the channel in the store start with: 1 to 64 lower-case letters, digits, `-` and `_`.
        "prefix": store_url::store_prefix() => prefix: String = "dockpass".to_owned();
        /// Milliseconds that a request waits for the store before it continues without it.
        "timeout_milliseconds": whole(1..=10_000) => timeout_milliseconds: u32 = 50;
        /// Seconds that sessions are accepted after the last contact with the store. Then they are refused with
        /// `store_unavailable`, because it is unknown which of them were logged out.
        "revocation_grace_seconds": whole(0..=3_600) => revocation_grace: Duration = Duration::from_secs(MINUTE);
    }
}

section! {
    /// `gateway`: the gateway to registries.
    pub struct GatewaySettings {
        /// Whether only GET and HEAD requests are relayed to registries.
        "read_only": Flag => read_only: bool = true;
    }
}

section! {
    /// `cors`: pages on other origins.
    pub struct CorsSettings {
        /// Origins whose pages may call the API with a session in `Authorization`. Each is written out: `*` and patterns
        /// are not allowed.
        "allowed_origins": List(values::page_origin()) => allowed_origins: Vec<Origin> = Vec::new();
    }
}

section! {
    /// `limits`: what one client can use.
    pub struct LimitSettings {
        /// Failed logins that one client address may have at once.
        "login_burst": whole(1..=100_000) => login_burst: NonZeroU32 = per(10);
        /// Failed logins per minute of one client address, after the burst.
        "login_per_minute": whole(1..=100_000) => login_per_minute: NonZeroU32 = per(10);
        /// Failed logins per minute for one account at one registry, from all addresses. An address that has logged in to
        /// the account before has as many of its own. Keep it below the registry's own limit.
        "account_per_minute": whole(1..=100_000) => account_per_minute: NonZeroU32 = per(20);
        /// Scopes per minute for which anonymous tokens are requested for one client address. Tokens from the cache are not
        /// counted.
        "anonymous_per_minute": whole(1..=100_000) => anonymous_per_minute: NonZeroU32 = per(300);
        /// Scopes per minute for which tokens are requested for one session. Tokens from the cache are not counted.
        "session_scopes_per_minute": whole(1..=1_000_000) => session_scopes_per_minute: NonZeroU32 = per(300);
        /// Requests per minute of one client address, and of one session, that reach a registry or token service: relayed
        /// requests, logins, and tokens that are not in the cache. 0 means no limit.
        "requests_per_minute": whole(0..=10_000_000) => requests_per_minute: Option<NonZeroU32> = NonZeroU32::new(1_200);
        /// Such requests of one session, or of one client address without a session, at one time. A relayed request lasts
        /// until its response ends.
        "client_concurrency": whole(1..=100_000) => client_concurrency: NonZeroUsize = count(128);
        /// Bytes of the body of an API request.
        "body_bytes": whole(1_024..=MIB) => body_bytes: usize = 65_536;
        /// Bytes of the headers of a request. A session may take 16 KiB of them.
        "header_bytes": whole(8_192..=MIB) => header_bytes: usize = 32_768;
        /// Bytes of a password or refresh token. Cookies hold at least 4 KiB of it, `Authorization` more.
        "credential_bytes": whole(64..=10_240) => credential_bytes: usize = 8_192;
        /// Open connections. Further connections wait until one closes.
        "connections": whole(1..=1_000_000) => connections: NonZeroUsize = count(4_096);
        /// Open connections of one client address. Trusted proxies are not limited.
        "connections_per_address": whole(1..=1_000_000) => connections_per_address: NonZeroUsize = count(256);
        /// Requests to one registry at one time, and as many to its token services. Further requests wait for
        /// `connect_seconds` and are then refused with `registry_busy`.
        "registry_concurrency": whole(1..=100_000) => registry_concurrency: NonZeroUsize = count(256);
        /// Requests in a row that a registry or token service may leave without a response. Then requests to it are
        /// refused with `registry_unavailable` until one of them, sent every five seconds, gets a response; 0 means never.
        "breaker_failures": whole(0..=100_000) => breaker_failures: Option<NonZeroU32> = NonZeroU32::new(10);
        /// RSA operations at one time; 0 means one per processor.
        "rsa_concurrency": whole(0..=1_024) => rsa_concurrency: Option<NonZeroUsize> = None;
        /// Requests that may wait for an RSA operation. One session may have a quarter of the queue; forged ones never get
        /// there.
        "rsa_queue": whole(1..=100_000) => rsa_queue: usize = 256;
        /// Seconds to receive the headers of a request, and the body of an API request.
        "header_seconds": whole(1..=300) => header_timeout: Duration = Duration::from_secs(10);
        /// Seconds for an API request, including requests to the token service.
        "request_seconds": whole(1..=600) => request_timeout: Duration = Duration::from_secs(30);
        /// Seconds to connect to a registry or token service, including name resolution. The TLS handshake counts
        /// towards `upstream_seconds`.
        "connect_seconds": whole(1..=60) => connect_timeout: Duration = Duration::from_secs(5);
        /// Seconds from the end of a request to the response headers of a registry, or to the end of the response of a
        /// token service.
        "upstream_seconds": whole(1..=300) => upstream_timeout: Duration = Duration::from_secs(15);
        /// Seconds without progress of a relayed body, in either direction, after which the connection is closed.
        "idle_seconds": whole(1..=3_600) => idle_timeout: Duration = Duration::from_secs(30);
        /// Seconds after SIGTERM during which `/readyz` fails and requests are still accepted, so that load balancers
        /// notice.
        "drain_seconds": whole(0..=300) => drain_time: Duration = Duration::from_secs(1);
        /// Seconds that requests in flight then have to finish.
        "stop_seconds": whole(0..=300) => stop_time: Duration = Duration::from_secs(10);
    }
}

/// Where the admin listener is by default.
pub(crate) const DEFAULT_ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8781);

section! {
    /// `admin`: the listener for the operator.
    pub struct AdminSettings {
        /// Address and port of `/metrics` (Prometheus), `/healthz` and `/readyz`; `null` for no such listener. It has no
        /// authentication: on other addresses than loopback, keep clients away from it. If the default address is in
        /// use, the server starts without this listener and logs a warning.
        "listen": Optional(values::socket_address()) => listen: Option<SocketAddr> = Some(DEFAULT_ADMIN);
    }
}

section! {
    /// `log`: what is written to standard error.
    pub struct LogSettings {
        /// `text` for people, `json` for log collectors.
        "format": Choice(&[("text", LogFormat::Text), ("json", LogFormat::Json)]) => format: LogFormat = LogFormat::Text;
        /// Filter in the syntax of `tracing`'s `EnvFilter`: `info`, `debug`, `dockpass_keyserver=trace`. Libraries log at
        /// `info` or above only. Secrets are never logged, whatever the filter.
        "filter": values::log_filter() => filter: LogFilter = LogFilter::info();
        /// Whether audit events name the user who logged in or out. Refused names are never written: people type
        /// passwords into the wrong field.
        "audit_usernames": Flag => audit_usernames: bool = false;
    }
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One line of text.
    Text,
    /// One JSON object.
    Json,
}

/// Why the server does not know its own origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoOrigin {
    /// It listens everywhere and no origin is configured.
    #[error(
        "listening on all interfaces requires `public_origin`, such as https://registry.example.com: hosts, origins \
         and cookies of requests are compared with it"
    )]
    AllInterfaces,
    /// Port 0: the port is not known before the address is bound.
    #[error("the port is chosen when the server starts")]
    NoPort,
}

impl SessionSettings {
    /// Time from login to expiry of a session with this carrier.
    pub fn lifetime_of(&self, carrier: Carrier) -> Duration {
        match carrier {
            Carrier::Bearer => self.bearer_lifetime.unwrap_or(self.lifetime),
            Carrier::Cookie => self.lifetime,
        }
    }

    /// The longest time from login to expiry.
    pub fn longest(&self) -> Duration {
        self.lifetime.max(self.bearer_lifetime.unwrap_or_default())
    }
}

impl Settings {
    /// The settings of this file and these environment variables; without a file, the defaults.
    ///
    /// # Errors
    /// Every problem that was found.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigProblems> {
        let text = match file {
            None => String::new(),
            Some(path) => node::read(path)?,
        };
        Self::parse(&text, environment)
    }

    /// The settings of this YAML text and these environment variables.
    ///
    /// # Errors
    /// Every problem that was found.
    pub fn parse(
        text: &str,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigProblems> {
        let mut root = Node::parse(text)?;
        let mut reader = Reader::default();
        environment::overlay(&mut root, environment, &Self::fields(), &mut reader.problems);
        let settings = Self::read(&root, &mut reader);
        if settings.store.url.is_some() && settings.session.key_files.is_empty() {
            let url = root.get("store").and_then(|store| store.get("url"));
            reader.below(".store.url", |reader| {
                reader.wrong(
                    url.unwrap_or(&root),
                    "a store requires session.key_files: sessions under a key generated at start cannot be shared",
                );
            });
        }
        if settings.tls.certificate_file.is_some() != settings.tls.key_file.is_some() {
            let tls = root.get("tls").unwrap_or(&root);
            reader.below(".tls", |reader| {
                reader.wrong(tls, "TLS requires both certificate_file and key_file");
            });
        }
        if settings.session.carriers.is_empty() {
            let carriers = root.get("session").and_then(|session| session.get("carriers"));
            reader.below(".session.carriers", |reader| {
                reader.wrong(carriers.unwrap_or(&root), "expected at least one of `cookie` and `bearer`");
            });
        }
        match (settings.own_origin(), root.get("listen"), root.get("registries")) {
            (Ok(own), _, Some(registries)) => {
                registry::Registries::refuse_self(registries, &own, &mut reader);
            }
            (Err(problem @ NoOrigin::AllInterfaces), Some(listen), _) => {
                reader.below(".listen", |reader| reader.wrong(listen, problem.to_string()));
            }
            _ => {}
        }
        reader.problems.or(settings)
    }

    /// What clients of `listen` speak.
    pub fn scheme(&self) -> Scheme {
        if self.tls.certificate_file.is_some() { Scheme::Https } else { Scheme::Http }
    }

    /// The path of `public_origin`.
    pub fn base_path(&self) -> BasePath {
        self.public_origin.as_ref().map(|url| url.base_path.clone()).unwrap_or_default()
    }

    /// Where browsers reach this server: `public_origin`, else `listen`.
    ///
    /// # Errors
    /// [`NoOrigin`].
    pub fn own_origin(&self) -> Result<Origin, NoOrigin> {
        if let Some(url) = &self.public_origin {
            return Ok(url.origin.clone());
        }
        let address = self.listen.ip();
        if address.is_unspecified() {
            return Err(NoOrigin::AllInterfaces);
        }
        // Without an IPv6 zone, which no browser sends.
        let authority = SocketAddr::new(address, self.listen.port()).to_string();
        Origin::from_authority(self.scheme(), &authority).map_err(|_| NoOrigin::NoPort)
    }
}
