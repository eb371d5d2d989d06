//! What a client of a registry or token service may not do.

use serde::{Deserialize, Serialize};

/// A rule that a client broke. The names in JSON are stable; tests compare them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rule {
    /// More than one `Authorization` header (RFC 9110 §5.3 allows one).
    MultipleAuthorization,
    /// An `Authorization` header that is not `Basic` or `Bearer` with a well-formed value.
    MalformedAuthorization,
    /// A password sent to a registry that asks for tokens.
    BasicToBearerRegistry,
    /// A token sent to a registry that asks for a password.
    BearerToBasicRegistry,
    /// Credentials of any kind sent to a registry that asks for none.
    CredentialsToOpenRegistry,
    /// A token sent to the token service.
    BearerToTokenService,
    /// `Basic` credentials with an empty user name or password, as some clients send them for nobody.
    EmptyCredentials,
    /// `Authorization` carried along a redirect to another host.
    AuthorizationToCdn,
    /// A refresh token used as a token; only the token service may see it.
    RefreshTokenAtRegistry,
    /// A sealed session (JWE) of dockpass left the key server.
    SealedSessionLeaked,
    /// A header of the page, the browser or a proxy that has no business upstream.
    LeakedHeader,
    /// A known password in a path, query or header other than `Authorization`.
    SecretInClear,
    /// The token service was asked for a compressed reply.
    EncodedTokenReply,
    /// A token request without `service`.
    MissingService,
    /// A token request for another service.
    WrongService,
    /// A scope outside the grammar.
    MalformedScope,
    /// The scope that the challenge of `/v2/` names only for show.
    PlaceholderScope,
    /// A parameter given twice.
    DuplicateParameter,
    /// A parameter that the specification does not know, such as a password in a query.
    UnknownParameter,
    /// A required parameter is missing from a form.
    MissingParameter,
    /// A query or form that is not `application/x-www-form-urlencoded`.
    MalformedQuery,
    /// `account` names someone else than the credentials.
    AccountMismatch,
    /// A method that no specification defines for this server.
    UnknownMethod,
    /// A path with dot segments, empty segments, escapes or backslashes.
    SuspiciousPath,
    /// A `Host` that is not the server's.
    WrongHost,
    /// A body where none belongs.
    UnexpectedBody,
    /// A form sent under another media type.
    WrongContentType,
}

impl Rule {
    /// Whether the rule is dockpass's own: no specification forbids it, and other registry clients break it.
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

/// A broken rule, with the reason for people. The reason never holds a secret.
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
