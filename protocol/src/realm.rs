//! Who may be sent credentials.

use crate::code::ErrorCode;
use crate::origin::Origin;

/// A token service that may be sent credentials for one registry. Exists only by [`RealmPolicy::admit`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Realm {
    origin: Origin,
    path_and_query: String,
}

impl Realm {
    /// Scheme, host and port.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Path and query, canonical.
    pub fn path_and_query(&self) -> &str {
        &self.path_and_query
    }
}

/// Which realms a registry may name: its own origin, or a configured pair.
#[derive(Clone, Debug)]
pub struct RealmPolicy {
    registry: Origin,
}

impl RealmPolicy {
    /// The policy of a registry, with the pairs that ship (Docker Hub, GitLab.com, nvcr.io).
    pub fn new(registry: Origin) -> Self {
        Self { registry }
    }

    /// The same with one more realm, written as a URL.
    ///
    /// # Errors
    /// When the text is no http(s) URL that may be a realm.
    pub fn allow(self, realm: &str) -> Result<Self, ErrorCode> {
        let _ = realm;
        todo!()
    }

    /// The registry it is for.
    pub fn registry(&self) -> &Origin {
        &self.registry
    }

    /// The realm, if this registry may name it.
    ///
    /// # Errors
    /// [`ErrorCode::RealmNotAllowed`], or [`ErrorCode::UpstreamInvalid`] when it is no URL.
    pub fn admit(&self, realm: &str) -> Result<Realm, ErrorCode> {
        let _ = realm;
        todo!()
    }
}
