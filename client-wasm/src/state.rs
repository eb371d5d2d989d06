//! The state that the flows of one client share.

use dockpass_protocol::flow::RegistryAuth;

use crate::token_cache::TokenCache;

/// The state that a client keeps between flows.
#[derive(Debug, Default)]
pub(crate) struct ClientState {
    /// How the registry authenticates, from its last response or the login.
    pub(crate) auth: Option<RegistryAuth>,
    /// The cached tokens.
    pub(crate) tokens: TokenCache,
    /// Whether there is a session.
    pub(crate) identified: bool,
    /// The count of logins and logouts. A token that was requested before one of them is not cached after it.
    pub(crate) epoch: u32,
}
