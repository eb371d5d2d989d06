//! What the flows of one client share.

use dockpass_protocol::flow::RegistryAuth;

use crate::token_cache::TokenCache;

/// What a client keeps from one flow to the next.
#[derive(Debug, Default)]
pub(crate) struct ClientState {
    /// How the registry authenticates, by its last response or the login.
    pub(crate) auth: Option<RegistryAuth>,
    /// The tokens of this tab.
    pub(crate) tokens: TokenCache,
    /// Whether there is a session.
    pub(crate) identified: bool,
    /// Counts logins and logouts: a token that was requested before one is not kept after it.
    pub(crate) epoch: u32,
}
