//! Selects the challenge to follow, and reads a registry's Bearer challenge.

use super::{Challenge, Param};

/// Why a challenge cannot be used to find the token service.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BearerError {
    /// The scheme is another one.
    #[error("the challenge is not a Bearer challenge")]
    NotBearer,
    /// `realm` is absent or empty (Azure's management API sends such challenges).
    #[error("the Bearer challenge has no realm")]
    NoRealm,
    /// `realm` is neither an absolute http or https URL nor a path.
    #[error("the realm of the Bearer challenge is neither an http(s) URL nor a path")]
    RealmNotAbsolute,
}

impl BearerError {
    /// A stable code for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotBearer => "bearer_not_bearer",
            Self::NoRealm => "bearer_no_realm",
            Self::RealmNotAbsolute => "bearer_realm_not_absolute",
        }
    }
}

/// The parameters of a registry's Bearer challenge: the token service, and the scopes to request
/// (distribution `docs/content/spec/auth/token.md`, RFC 6750 §3). Empty values count as absent.
///
/// The realm is unchecked: nothing may be sent there before it has become a
/// [`Realm`](crate::realm::Realm).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct BearerChallenge {
    /// The URL of the token service, http or https, or a path on the registry's own origin. Unchecked.
    pub realm: String,
    /// The name of the registry at the token service. Challenges of Google and of older Gitea versions have none.
    pub service: Option<String>,
    /// The scopes that the registry requires for this request, separated by spaces. Not always of the scope grammar
    /// (ECR public sends `aws`, Gitea `*`), and on `/v2/` sometimes a placeholder (GHCR) that must not be used.
    pub scope: Option<String>,
    /// `invalid_token`, `insufficient_scope` or another code of RFC 6750 §3.1.
    pub error: Option<String>,
}

/// The challenge to follow, in the order of protocol rule 1.4: a Bearer challenge with a usable realm, then Basic,
/// then any other.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Selected {
    /// Request a token from the token service.
    Bearer(BearerChallenge),
    /// Send the credentials to the registry itself.
    Basic {
        /// A description for people. It is not an address, even where it looks like one (ECR private).
        realm: Option<String>,
    },
    /// A scheme that registries do not use, or a Bearer challenge without a usable realm.
    Other {
        /// The scheme in lower case.
        scheme: String,
    },
    /// No challenge at all.
    None,
}

/// Selects the challenge to follow.
pub fn select(challenges: &[Challenge<'_>]) -> Selected {
    if let Some(bearer) = bearer_candidates(challenges).next() {
        return Selected::Bearer(bearer);
    }
    if let Some(basic) = challenges.iter().find(|challenge| challenge.is_basic()) {
        return Selected::Basic { realm: given(basic, "realm") };
    }
    match challenges.first() {
        Some(first) => Selected::Other { scheme: first.scheme.clone().into_owned() },
        None => Selected::None,
    }
}

/// All Bearer challenges with a usable realm, in order. With more than one, a caller takes the first whose realm its
/// policy allows.
pub fn bearer_candidates(challenges: &[Challenge<'_>]) -> impl Iterator<Item = BearerChallenge> {
    challenges.iter().filter_map(|challenge| BearerChallenge::try_from(challenge).ok())
}

impl TryFrom<&Challenge<'_>> for BearerChallenge {
    type Error = BearerError;

    fn try_from(challenge: &Challenge<'_>) -> Result<Self, BearerError> {
        if !challenge.is_bearer() {
            return Err(BearerError::NotBearer);
        }
        let realm = given(challenge, "realm").ok_or(BearerError::NoRealm)?;
        if !is_path(&realm) && !is_absolute_http(&realm) {
            return Err(BearerError::RealmNotAbsolute);
        }
        Ok(Self {
            realm,
            service: given(challenge, "service"),
            scope: given(challenge, "scope"),
            error: given(challenge, "error"),
        })
    }
}

/// A parameter's value, unless it is empty.
fn given(challenge: &Challenge<'_>, name: &str) -> Option<String> {
    let Param { value, .. } = challenge.params.iter().find(|param| param.name == name)?;
    (!value.is_empty()).then(|| value.clone().into_owned())
}

fn is_absolute_http(realm: &str) -> bool {
    let starts =
        |prefix: &str| realm.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let rest = if starts("https://") {
        realm.get(8..)
    } else if starts("http://") {
        realm.get(7..)
    } else {
        None
    };
    rest.and_then(|rest| rest.chars().next()).is_some_and(|first| !matches!(first, '/' | '?' | '#' | '\\'))
}

/// A path on the registry's own host. `//host/path` and `/\host/path` name another host.
fn is_path(realm: &str) -> bool {
    realm.starts_with('/') && !matches!(realm.as_bytes().get(1), Some(b'/' | b'\\'))
}
