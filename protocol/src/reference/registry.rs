//! The names of registries.

use std::fmt;
use std::str::FromStr;

use super::error::ReferenceError;
use crate::code::ErrorCode;
use crate::origin::{Origin, Scheme};

/// The canonical name of Docker Hub.
pub const DOCKER_HUB: &str = "docker.io";

/// The host of Docker Hub's registry API.
pub const DOCKER_HUB_ENDPOINT: &str = "registry-1.docker.io";

/// All host names of Docker Hub.
const DOCKER_HUB_ALIASES: [&str; 6] = [
    DOCKER_HUB,
    DOCKER_HUB_ENDPOINT,
    "index.docker.io",
    "registry.docker.io",
    "registry.hub.docker.com",
    "hub.docker.com",
];

/// The name of a registry, `host` or `host:port`, in one canonical form: lower case, no trailing dot, no `:443`, IPv6 in
/// brackets and compressed, international names as `xn--`, all names of Docker Hub as `docker.io`. Equal names are the
/// same registry.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RegistryName(String);

impl RegistryName {
    /// Parses `host` or `host:port`. Malformed names are refused and not repaired, see [`Origin::from_authority`].
    ///
    /// # Errors
    /// [`ReferenceError::NonAsciiHost`], [`ReferenceError::Scheme`] for a URL, else [`ReferenceError::Registry`].
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        if crate::text::has(text, "://") {
            return Err(ReferenceError::Scheme);
        }
        if !text.is_ascii() {
            return Err(ReferenceError::NonAsciiHost);
        }
        let origin = Origin::from_authority(Scheme::Https, text).map_err(|_| ReferenceError::Registry)?;
        let name = origin.authority();
        Ok(if DOCKER_HUB_ALIASES.contains(&&*name) { Self::docker_hub() } else { Self(name) })
    }

    /// Docker Hub.
    pub fn docker_hub() -> Self {
        Self(DOCKER_HUB.to_owned())
    }

    /// The canonical name, to compare and to show.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is Docker Hub.
    pub fn is_docker_hub(&self) -> bool {
        self.0 == DOCKER_HUB
    }

    /// `host` or `host:port` of the registry's API: the name itself, except for Docker Hub.
    pub fn endpoint(&self) -> &str {
        if self.is_docker_hub() { DOCKER_HUB_ENDPOINT } else { &self.0 }
    }

    /// The origin of the registry's API: [`endpoint`](Self::endpoint) with this scheme.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidRegistry`] when the stricter parser of origins refuses the name (`127.1`, `0x7f.1`).
    pub fn origin(&self, scheme: Scheme) -> Result<Origin, ErrorCode> {
        Origin::from_authority(scheme, self.endpoint())
    }

    /// The same as [`endpoint`](Self::endpoint).
    pub fn api_host(&self) -> &str {
        self.endpoint()
    }
}

impl FromStr for RegistryName {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        Self::parse(text)
    }
}

impl fmt::Display for RegistryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
