//! What a demo is started with.

use serde::{Deserialize, Serialize};

use super::access::{User, Visibility};
use super::clock::Clock;

/// The kinds of registry, by how they authorize.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// No authorization at all.
    Open,
    /// Token service on another port that challenges with `Basic`; signed JWTs (RS256), refresh tokens.
    /// Anonymous users get what is public. The catalog shows each user what that user may see.
    Token,
    /// As `Token`, but tokens are opaque and the challenge of `/v2/` names a placeholder scope, as GHCR does.
    Opaque,
    /// Token service on the registry's own origin (HS256), replies as Harbor's: an empty `access_token`.
    /// Only who sees everything may list the catalog.
    OwnRealm,
    /// Docker Hub's way: the token service answers 200 to everyone but wrong passwords, the registry refuses what
    /// the token does not grant, nobody lists the catalog, blobs come from another host.
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

    /// Whether resources are asked for with tokens.
    pub(crate) fn uses_tokens(self) -> bool {
        !matches!(self, Self::Open | Self::Basic)
    }

    /// Whether blobs are answered with a redirect to another host.
    pub(crate) fn redirects_blobs(self) -> bool {
        self == Self::Hub
    }
}

/// What a [`super::Demo`] is started with.
#[derive(Clone, Debug)]
pub struct DemoConfig {
    /// Registries to run.
    pub kinds: Vec<Kind>,
    /// Who may log in.
    pub users: Vec<User>,
    /// Lifetime of tokens, in seconds. At least 60 by the token specification; tests may go below.
    pub token_lifetime: u64,
    /// The time that tokens are dated with.
    pub clock: Clock,
    /// Length in bytes of a generated blob in `library/large`, made on the fly and never held in memory.
    pub big_blob: Option<u64>,
    /// Allow what other registry clients do and only dockpass may not ([`super::Rule::binds_only_dockpass`]).
    pub other_clients: bool,
    /// Answer a wrong password with 200 and an anonymous token, as some Harbor versions do (harbor#20930).
    pub false_login: bool,
}

impl DemoConfig {
    /// All kinds, the demo users with their fixed passwords, tokens of five minutes.
    pub fn all() -> Self {
        Self::only(Kind::ALL)
    }

    /// As [`DemoConfig::all`], with these kinds only.
    pub fn only(kinds: impl IntoIterator<Item = Kind>) -> Self {
        Self {
            kinds: kinds.into_iter().collect(),
            users: vec![
                User::new("ada", "analytical-engine", Visibility::Everything),
                User::new("bob", "tables-turn-quietly", Visibility::Below("team-b/")),
            ],
            token_lifetime: 300,
            clock: Clock::system(),
            big_blob: None,
            other_clients: false,
            false_login: false,
        }
    }

    /// Gives a user another password, so that a test can search for one that occurs nowhere else.
    #[must_use]
    pub fn with_password(mut self, user: &str, password: &str) -> Self {
        if let Some(user) = self.users.iter_mut().find(|known| known.name == user) {
            password.clone_into(&mut user.password);
        }
        self
    }
}

impl Default for DemoConfig {
    fn default() -> Self {
        Self::all()
    }
}
