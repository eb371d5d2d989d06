//! The rules for clients of registries and token services.

use serde::{Deserialize, Serialize};

/// A violated rule. The names in JSON are stable; tests compare them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rule {
    /// More than one `Authorization` header (RFC 9110 §5.3 allows one).
    MultipleAuthorization,
    /// An `Authorization` header that is not `Basic` or `Bearer` with a well-formed value.
    MalformedAuthorization,
    /// A password sent to a registry that requires tokens.
    BasicToBearerRegistry,
    /// A token sent to a registry that requires a password.
    BearerToBasicRegistry,
    /// Credentials sent to an open registry.
    CredentialsToOpenRegistry,
    /// A token sent to the token service.
    BearerToTokenService,
    /// `Basic` credentials with an empty user name or password, as some clients send them for anonymous users.
    EmptyCredentials,
    /// `Authorization` sent along a redirect to another host.
    AuthorizationToCdn,
    /// A refresh token used as a token; it must be sent only to the token service.
    RefreshTokenAtRegistry,
    /// A sealed session (JWE) of dockpass left the key server.
    SealedSessionLeaked,
    /// A header of the page, the browser or a proxy.
    LeakedHeader,
    /// A known password in a path, query or header other than `Authorization`.
    SecretInClear,
    /// A compressed response was requested from the token service.
    EncodedTokenReply,
    /// A token request without `service`.
    MissingService,
    /// A token request for another service.
    WrongService,
    /// A scope outside the grammar.
    MalformedScope,
    /// The placeholder scope in the challenge of `/v2/`.
    PlaceholderScope,
    /// A parameter given twice.
    DuplicateParameter,
    /// A parameter that is not in the specification, such as a password in a query.
    UnknownParameter,
    /// A required parameter is missing from a form.
    MissingParameter,
    /// A query or form that is not `application/x-www-form-urlencoded`.
    MalformedQuery,
    /// `account` differs from the user name of the credentials.
    AccountMismatch,
    /// A method that no specification defines for this server.
    UnknownMethod,
    /// A path with dot segments, empty segments, escapes or backslashes.
    SuspiciousPath,
    /// A `Host` that is not the server's.
    WrongHost,
    /// A body of a request that must not have one.
    UnexpectedBody,
    /// A form sent under another media type.
    WrongContentType,
}

impl Rule {
    /// Whether the rule is for dockpass only: no specification requires it, and other registry clients violate it.
    pub fn binds_only_dockpass(self) -> bool {
        matches!(self, Self::EmptyCredentials | Self::EncodedTokenReply | Self::LeakedHeader)
    }

    /// The stable name.
    pub fn name(self) -> String {
        serde_json::to_value(self)
            .ok()
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_else(|| format!("{self:?}"))
    }
}

/// A violation with its reason, which never contains a secret.
#[derive(Clone, Debug)]
pub(crate) struct BrokenRule {
    pub(crate) rule: Rule,
    pub(crate) detail: String,
}

impl BrokenRule {
    pub(crate) fn new(rule: Rule, detail: impl Into<String>) -> Self {
        Self { rule, detail: detail.into() }
    }
}
