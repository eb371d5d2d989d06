//! What a session can hold to prove who someone is.

use secrecy::SecretString;

/// How a flow identifies itself. `Debug` shows no secret.
#[derive(Clone, Debug, Default)]
pub enum Credential {
    /// Nobody: no `Authorization` is ever sent.
    #[default]
    Anonymous,
    /// A user name and password, or whatever the registry takes as such (personal access token, robot account).
    Password {
        /// RFC 7617 §2 user-id: no colon, no control character.
        username: String,
        /// Bytes as typed; never trimmed, normalised or logged.
        password: SecretString,
    },
    /// An OAuth2 refresh token (docker's "identity token"), sent only to the token service.
    RefreshToken {
        /// Who it was issued to, for display.
        username: String,
        /// The token itself.
        token: SecretString,
    },
}

impl Credential {
    /// Whether there is nothing to authenticate with.
    pub fn is_anonymous(&self) -> bool {
        matches!(self, Self::Anonymous)
    }

    /// The name to show, if any.
    pub fn username(&self) -> Option<&str> {
        match self {
            Self::Anonymous => None,
            Self::Password { username, .. } | Self::RefreshToken { username, .. } => Some(username),
        }
    }
}
