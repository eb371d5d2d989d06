//! How a registry authenticates.

use serde::{Deserialize, Serialize};

/// How a registry authenticates. In JSON, the members `auth` (`open`, `basic` or `bearer`), `realm` and `service`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "auth", rename_all = "snake_case")]
pub enum RegistryAuth {
    /// No authorization at all.
    Open,
    /// Basic at the registry: it has no tokens, the gateway sends the credentials.
    Basic,
    /// Bearer tokens of a token service.
    Bearer {
        /// The realm as the registry sent it. Nothing is sent there before a [`RealmPolicy`](crate::realm::RealmPolicy) has
        /// admitted it.
        realm: String,
        /// The service, if the registry sent one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        service: Option<String>,
    },
}

impl RegistryAuth {
    /// `open`, `basic` or `bearer`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Basic => "basic",
            Self::Bearer { .. } => "bearer",
        }
    }

    /// Creates the value from its parts, as the accessors return them. `None` if the parts do not fit together.
    pub fn from_parts(kind: &str, realm: Option<String>, service: Option<String>) -> Option<Self> {
        match (kind, realm, service) {
            ("open", None, None) => Some(Self::Open),
            ("basic", None, None) => Some(Self::Basic),
            ("bearer", Some(realm), service) => Some(Self::Bearer { realm, service }),
            _ => None,
        }
    }

    /// The realm, where there is a token service.
    pub fn realm(&self) -> Option<&str> {
        match self {
            Self::Bearer { realm, .. } => Some(realm),
            Self::Open | Self::Basic => None,
        }
    }

    /// The service, where there is a token service that has one.
    pub fn service(&self) -> Option<&str> {
        match self {
            Self::Bearer { service, .. } => service.as_deref(),
            Self::Open | Self::Basic => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RegistryAuth;

    #[test]
    fn parts_and_json_are_those_it_was_made_of() {
        let bearer = |service: Option<&str>| RegistryAuth::Bearer {
            realm: "https://auth.test/token".to_owned(),
            service: service.map(str::to_owned),
        };
        for (auth, json) in [
            (RegistryAuth::Open, r#"{"auth":"open"}"#),
            (RegistryAuth::Basic, r#"{"auth":"basic"}"#),
            (bearer(None), r#"{"auth":"bearer","realm":"https://auth.test/token"}"#),
            (bearer(Some("s")), r#"{"auth":"bearer","realm":"https://auth.test/token","service":"s"}"#),
        ] {
            let own = |text: Option<&str>| text.map(str::to_owned);
            let parts = RegistryAuth::from_parts(auth.as_str(), own(auth.realm()), own(auth.service()));
            assert_eq!(parts.as_ref(), Some(&auth));
            assert_eq!(serde_json::to_string(&auth).unwrap(), json);
            assert_eq!(serde_json::from_str::<RegistryAuth>(json).unwrap(), auth);
        }
        for (kind, realm, service) in [
            ("bearer", None, None),
            ("basic", Some("x"), None),
            ("open", None, Some("x")),
            ("digest", None, None),
        ] {
            let own = |text: Option<&str>| text.map(str::to_owned);
            assert_eq!(RegistryAuth::from_parts(kind, own(realm), own(service)), None, "{kind}");
        }
    }
}
