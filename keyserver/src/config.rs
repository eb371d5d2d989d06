//! The configuration: a YAML file, `DOCKPASS__SECTION__KEY` variables over it, defaults below it.
//!
//! Every problem is reported at once and with its line ([`ConfigProblems`]); no message repeats a value, so none can show a
//! secret that was put into the wrong place. Loading takes these steps: text to a tree that knows its lines
//! ([`source`]), the environment over it, unknown keys and wrong types against the shape of the defaults ([`shape`]),
//! and last the rules that a type cannot say ([`validate`]).

mod registry;
mod shape;
mod source;
#[cfg(test)]
mod tests;
mod validate;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use registry::RegistryConfig;
pub use source::{ConfigProblem, ConfigProblems};

/// Everything that can be configured. `config.example.yaml` explains each key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address and port to listen on.
    pub listen: String,
    /// Where browsers reach this server, scheme included; from `listen` when not given.
    pub public_origin: Option<String>,
    /// Addresses of reverse proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<String>,
    /// Sealed sessions.
    pub session: SessionConfig,
    /// The registries that may be used.
    pub registries: Vec<RegistryConfig>,
    /// Whether registries outside the list may be used as well (public addresses only).
    pub any_registry: bool,
    /// Tokens kept in the process.
    pub cache: CacheConfig,
    /// The way to the registries.
    pub gateway: GatewayConfig,
    /// Pages on other origins.
    pub cors: CorsConfig,
    /// Bounds on what one caller can use up.
    pub limits: LimitsConfig,
    /// Logs.
    pub log: LogConfig,
}

/// `session`: how long a login lasts and which keys seal it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionConfig {
    /// Seconds from login to expiry.
    pub lifetime_seconds: u64,
    /// PEM files (PKCS#1 or PKCS#8) of RSA keys; the first seals, all open. Empty: a key made at start.
    pub key_files: Vec<PathBuf>,
}

/// `cache`: registry tokens kept in the process.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CacheConfig {
    /// Bytes of keys and tokens together.
    pub max_bytes: u64,
    /// No token is kept longer than this, in seconds.
    pub max_token_seconds: u64,
    /// A refusal is kept this long, in seconds; at most 30.
    pub denial_seconds: u64,
}

/// `gateway`: the way to the registries.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatewayConfig {
    /// Whether only GET and HEAD pass.
    pub read_only: bool,
}

/// `cors`: pages on other origins.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CorsConfig {
    /// Exact origins whose pages may call the API with a session in `Authorization`.
    pub allowed_origins: Vec<String>,
}

/// `limits`: bounds on what one caller can use up.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Logins that one address may try at once.
    pub login_burst: u32,
    /// Logins per minute that one address may try after the burst.
    pub login_per_minute: u32,
    /// Logins per minute for one account at one registry, from all addresses together.
    pub account_per_minute: u32,
    /// Anonymous tokens per minute that one address may make this server ask for; those from the cache are not counted.
    pub anonymous_per_minute: u32,
    /// Bytes of a request to the API.
    pub body_bytes: usize,
    /// Bytes of a request's headers.
    pub header_bytes: usize,
    /// Bytes of a password or refresh token.
    pub credential_bytes: usize,
    /// Connections at one time.
    pub connections: usize,
    /// Connections that one address may have at one time; trusted proxies may have any number.
    pub connections_per_address: usize,
    /// RSA operations at one time; 0 means one per processor.
    pub rsa_concurrency: usize,
    /// Requests that may wait for an RSA operation; half as many of those whose session was never seen before.
    pub rsa_queue: usize,
    /// Seconds for the headers of a request.
    pub header_seconds: u64,
    /// Seconds for a request to the API, body included.
    pub request_seconds: u64,
    /// Seconds to connect to a registry or token service, name resolution included; TLS counts towards the answer.
    pub connect_seconds: u64,
    /// Seconds from the end of a request until the head of an upstream's answer, and until the end of one of a token
    /// service.
    pub upstream_seconds: u64,
    /// Seconds that a relayed body may stand still, whoever it is that does not send or does not read.
    pub idle_seconds: u64,
    /// Seconds from the moment that `/readyz` says no to the one when nothing new is accepted.
    pub drain_seconds: u64,
    /// Seconds that requests in flight then have to end.
    pub stop_seconds: u64,
}

/// `log`: what goes to standard error.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// For people or for machines.
    pub format: LogFormat,
    /// A filter in the form of `tracing`'s `EnvFilter`.
    pub filter: String,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line of text.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

impl Config {
    /// The configuration of this file and these environment variables; without a file, the defaults.
    ///
    /// # Errors
    /// Every problem that was found.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigProblems> {
        let text = match file {
            None => String::new(),
            Some(path) => source::read(path)?,
        };
        Self::parse(&text, environment)
    }

    /// The configuration of this YAML text and these environment variables.
    ///
    /// # Errors
    /// Every problem that was found.
    pub fn parse(
        text: &str,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigProblems> {
        let mut tree = source::Tree::parse(text)?;
        let shape = shape::of_config();
        let mut problems = tree.overlay(environment, &shape);
        problems.extend(shape::compare(&tree, &shape));
        if !problems.is_empty() {
            return Err(ConfigProblems(problems));
        }
        let config: Self = tree.decode()?;
        let problems = validate::check(&config, &tree);
        if problems.is_empty() { Ok(config) } else { Err(ConfigProblems(problems)) }
    }

    /// What is wrong with listening at every address without saying where browsers reach this server: cookies, origins
    /// and hosts could then be compared with nothing.
    pub(crate) fn origin_problem(&self) -> Option<&'static str> {
        let everywhere = self.listen.parse::<std::net::SocketAddr>().is_ok_and(|at| at.ip().is_unspecified());
        (everywhere && self.public_origin.is_none()).then_some(
            "at every address of this machine only with a `public_origin`, such as https://registry.example.com: it is what \
             hosts, origins and cookies of requests are compared with",
        )
    }

    /// Where browsers reach this server: `public_origin`, else from `listen`.
    pub fn origin(&self) -> String {
        match &self.public_origin {
            Some(origin) => origin.trim_end_matches('/').to_ascii_lowercase(),
            None => format!("http://{}", self.listen),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8780".to_owned(),
            public_origin: None,
            trusted_proxies: Vec::new(),
            session: SessionConfig::default(),
            registries: registry::shipped(),
            any_registry: false,
            cache: CacheConfig::default(),
            gateway: GatewayConfig::default(),
            cors: CorsConfig::default(),
            limits: LimitsConfig::default(),
            log: LogConfig::default(),
        }
    }
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self { lifetime_seconds: 28_800, key_files: Vec::new() }
    }
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self { max_bytes: 33_554_432, max_token_seconds: 300, denial_seconds: 30 }
    }
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self { read_only: true }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            login_burst: 10,
            login_per_minute: 10,
            account_per_minute: 20,
            anonymous_per_minute: 300,
            body_bytes: 65_536,
            header_bytes: 32_768,
            credential_bytes: 16_384,
            connections: 4_096,
            connections_per_address: 256,
            rsa_concurrency: 0,
            rsa_queue: 256,
            header_seconds: 10,
            request_seconds: 30,
            connect_seconds: 5,
            upstream_seconds: 15,
            idle_seconds: 30,
            drain_seconds: 1,
            stop_seconds: 10,
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}
