//! Image references and registry names, normalised as docker does it (distribution/reference `normalize.go`). All names of
//! Docker Hub are one.
//!
//! ```text
//! reference = [ registry "/" ] repository [ ":" tag ] [ "@" digest ]
//! ```

mod error;
pub(crate) mod grammar;
mod names;
mod registry;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

pub use error::ReferenceError;
pub use names::{Digest, Repository, Tag};
pub use registry::{DOCKER_HUB, DOCKER_HUB_ENDPOINT, RegistryName};

/// The maximum length of a reference: a name, a tag and a digest at their limits.
const MAX_REFERENCE: usize = 255 + 1 + 128 + 1 + 255;

/// An image reference in normal form.
///
/// ```
/// use dockpass_protocol::reference::Reference;
/// let reference: Reference = "alpine:3".parse().unwrap();
/// assert_eq!(reference.to_string(), "docker.io/library/alpine:3");
/// assert_eq!(reference.registry.endpoint(), "registry-1.docker.io");
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Reference {
    /// The registry; Docker Hub if none is given.
    pub registry: RegistryName,
    /// The repository, with `library/` for Docker Hub's official images.
    pub repository: Repository,
    /// The tag, if one is given; `latest` is not added.
    pub tag: Option<Tag>,
    /// The digest, if one is given.
    pub digest: Option<Digest>,
}

impl FromStr for Reference {
    type Err = ReferenceError;

    /// Reads a reference as docker does: the part before the first `/` is the registry if it holds a `.` or `:`, is
    /// `localhost`, or has an upper-case letter; without one it is Docker Hub, where a single name means `library/`. Beyond
    /// docker's grammar a host may have an underscore, as in container networks.
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.is_empty() {
            return Err(ReferenceError::Empty);
        }
        if text.len() > MAX_REFERENCE {
            return Err(ReferenceError::TooLong);
        }
        if crate::text::has(text, "://") {
            return Err(ReferenceError::Scheme);
        }
        if text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(ReferenceError::BareDigest);
        }
        let (name_and_tag, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse()?)),
            None => (text, None),
        };
        let (registry, rest) = match name_and_tag.split_once('/') {
            Some((first, rest)) if is_registry(first) => (RegistryName::parse(first)?, rest),
            _ => (RegistryName::docker_hub(), name_and_tag),
        };
        let (name, tag) = match crate::text::split_last(rest, b':') {
            Some((name, tag)) => (name, Some(tag.parse()?)),
            None => (rest, None),
        };
        let repository = if registry.is_docker_hub() && !name.contains('/') {
            Repository::parse(&format!("library/{name}"))?
        } else {
            Repository::parse(name)?
        };
        if registry.as_str().len() + 1 + repository.as_str().len() > grammar::MAX_NAME {
            return Err(ReferenceError::TooLong);
        }
        Ok(Self { registry, repository, tag, digest })
    }
}

/// Whether docker reads the part before the first `/` as a registry.
fn is_registry(first: &str) -> bool {
    first == "localhost"
        || first
            .bytes()
            .any(|byte| matches!(byte, b'.' | b':') || byte.is_ascii_uppercase() || !byte.is_ascii())
}

/// The normal form, always with the registry. Parsing it gives the same reference.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let registry = self.registry.as_str();
        f.write_str(registry)?;
        // Without its port a host of one label would be read as the first component of a Docker Hub repository.
        f.write_str(if is_registry(registry) { "/" } else { ":443/" })?;
        f.write_str(self.repository.as_str())?;
        if let Some(tag) = &self.tag {
            f.write_str(":")?;
            f.write_str(tag.as_str())?;
        }
        if let Some(digest) = &self.digest {
            f.write_str("@")?;
            f.write_str(digest.as_str())?;
        }
        Ok(())
    }
}
