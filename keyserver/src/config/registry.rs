//! One entry of `registries`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A registry that may be used.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegistryConfig {
    /// The name for people; the host when not given.
    pub name: Option<String>,
    /// Host or host:port, reached by https. Either this or `url`.
    pub host: Option<String>,
    /// Where its API is, scheme included and without `/v2/`, when it is not https.
    pub url: Option<String>,
    /// Token services that it may name besides its own origin (full URLs).
    pub realms: Vec<String>,
    /// Repositories to show where the registry lists none itself.
    pub catalog: Vec<String>,
    /// Origins to which it may redirect blobs although their addresses are not public (its own storage).
    pub redirects: Vec<String>,
    /// PEM file of certificate authorities that are trusted for this registry, besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether passwords may travel in the clear to a host that is not on this machine or its own network.
    pub insecure_http: bool,
}

impl RegistryConfig {
    /// A registry by its host, reached by https.
    pub fn by_host(name: &str, host: &str) -> Self {
        Self { name: Some(name.to_owned()), host: Some(host.to_owned()), ..Self::default() }
    }

    /// A registry by its URL.
    pub fn by_url(name: &str, url: &str) -> Self {
        Self { name: Some(name.to_owned()), url: Some(url.to_owned()), ..Self::default() }
    }
}

/// What is there without a configuration.
pub(super) fn shipped() -> Vec<RegistryConfig> {
    vec![
        RegistryConfig::by_host("Docker Hub", "docker.io"),
        RegistryConfig::by_host("GitHub", "ghcr.io"),
        RegistryConfig::by_host("Quay", "quay.io"),
        RegistryConfig::by_host("GitLab.com", "registry.gitlab.com"),
        RegistryConfig::by_host("NVIDIA", "nvcr.io"),
    ]
}
