//! The configuration of a demo.

use super::access::{User, Visibility};
use super::clock::Clock;
use super::kind::Kind;

/// The configuration of a [`super::Demo`].
#[derive(Clone, Debug)]
pub struct DemoConfig {
    /// Registries to run.
    pub kinds: Vec<Kind>,
    /// The users.
    pub users: Vec<User>,
    /// Lifetime of tokens, in seconds. At least 60 by the token specification; tests may go below.
    pub token_lifetime: u64,
    /// The clock.
    pub clock: Clock,
    /// Length in bytes of a generated blob in `library/large`, generated on request and never kept in memory.
    pub big_blob: Option<u64>,
    /// Allow requests that other registry clients send but dockpass must not ([`super::Rule::binds_only_dockpass`]).
    pub other_clients: bool,
    /// Respond to a wrong password with 200 and an anonymous token, as some Harbor versions do (harbor#20930).
    pub false_login: bool,
    /// A refresh token can be used once, and its response has the next one (RFC 6749 §6).
    pub rotate_refresh_tokens: bool,
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
            rotate_refresh_tokens: false,
        }
    }

    /// Sets the password of a user, so that a test can search for a unique one.
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
