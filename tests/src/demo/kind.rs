//! The kinds of registry that a demo runs.

use serde::{Deserialize, Serialize};

/// The kinds of registry, by how they authorize.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// No authorization at all.
    Open,
    /// Token service on another port that challenges with `Basic`; signed JWTs (RS256), refresh tokens.
    /// Anonymous users can read public repositories. The catalog contains the repositories that a user may see.
    Token,
    /// As `Token`, but tokens are opaque and the challenge of `/v2/` names a placeholder scope, as GHCR does.
    Opaque,
    /// Token service on the registry's own origin (HS256), with responses like Harbor's: an empty `access_token`.
    /// Only users with access to all repositories may list the catalog.
    OwnRealm,
    /// Like Docker Hub: the token service responds with 200 except to wrong passwords, the registry refuses scopes that the
    /// token does not grant, there is no catalog, and blobs are on another host.
    Hub,
    /// `Basic` at the registry itself.
    Basic,
}

impl Kind {
    /// All kinds, in the order in which they are shown.
    pub const ALL: [Self; 6] =
        [Self::Open, Self::Token, Self::Opaque, Self::OwnRealm, Self::Hub, Self::Basic];

    /// The name in the ready file and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Token => "token",
            Self::Opaque => "opaque",
            Self::OwnRealm => "own-realm",
            Self::Hub => "hub",
            Self::Basic => "basic",
        }
    }

    /// The flow that a client goes through: `open`, `token`, `hub` or `basic`.
    pub fn flow(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Token | Self::Opaque | Self::OwnRealm => "token",
            Self::Hub => "hub",
            Self::Basic => "basic",
        }
    }

    /// Whether the token service listens on a port of its own.
    pub(crate) fn has_own_token_host(self) -> bool {
        matches!(self, Self::Token | Self::Opaque | Self::Hub)
    }

    /// Whether requests to the registry need tokens.
    pub(crate) fn uses_tokens(self) -> bool {
        !matches!(self, Self::Open | Self::Basic)
    }

    /// Whether blobs are redirected to another host.
    pub(crate) fn redirects_blobs(self) -> bool {
        self == Self::Hub
    }
}
