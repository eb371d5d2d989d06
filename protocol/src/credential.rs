//! Credentials that a session can hold.

use secrecy::SecretString;

use crate::code::ErrorCode;

/// How a flow identifies itself. `Debug` shows no secret.
#[derive(Clone, Debug, Default)]
pub enum Credential {
    /// Anonymous: no `Authorization` is ever sent.
    #[default]
    Anonymous,
    /// A user name and password, personal access token or robot account.
    Password {
        /// RFC 7617 §2 user-id: no colon, no control character.
        username: String,
        /// The password as typed; never trimmed, normalised or logged.
        password: SecretString,
    },
    /// An OAuth2 refresh token (docker's "identity token"), sent only to the token service.
    RefreshToken {
        /// The user that it was issued to, for display.
        username: String,
        /// The token itself.
        token: SecretString,
    },
}

impl Credential {
    /// A user name and password that can be sent as Basic credentials.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidUsername`] when the name is empty, or holds a colon or control character (RFC 7617 §2).
    pub fn password(username: String, password: SecretString) -> Result<Self, ErrorCode> {
        let credential = Self::Password { username, password };
        credential.check().map(|()| credential)
    }

    /// Checks that the credential can be sent over HTTP.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidUsername`], as in [`Credential::password`].
    pub fn check(&self) -> Result<(), ErrorCode> {
        match self {
            Self::Password { username, .. }
                if username.is_empty() || username.contains(|c: char| c == ':' || c.is_control()) =>
            {
                Err(ErrorCode::InvalidUsername)
            }
            _ => Ok(()),
        }
    }

    /// Whether this is [`Credential::Anonymous`].
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

#[cfg(test)]
mod tests {
    use super::*;

    // Threats: INJ-03.
    #[test]
    fn user_names_that_basic_cannot_carry() {
        for name in ["", "a:b", "a\nb", "a\u{7f}", "a\0"] {
            let refused = Credential::password(name.to_owned(), SecretString::from("p"));
            assert_eq!(refused.err(), Some(ErrorCode::InvalidUsername), "{name:?}");
        }
        for name in ["ada", "robot$ci", "josé", "ns+robot", "_json_key", "user@example.com"] {
            assert!(Credential::password(name.to_owned(), SecretString::from("p:p")).is_ok(), "{name:?}");
        }
        assert!(Credential::Anonymous.check().is_ok());
    }

    #[test]
    fn debug_shows_no_secret() {
        let password = Credential::password("ada".to_owned(), SecretString::from("correct horse")).unwrap();
        let refresh = Credential::RefreshToken {
            username: "ada".to_owned(),
            token: SecretString::from("correct horse"),
        };
        assert!(!format!("{password:?}{refresh:?}").contains("correct"));
    }
}
