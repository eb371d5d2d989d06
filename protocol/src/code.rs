//! The one list of error codes.
//!
//! Problem documents of the key server, `DockpassError.code` in JavaScript, the flow and the doctor all name failures
//! by these codes. A code is stable: it is added, never renamed. Its sentence is constant, so that no message can
//! carry input, upstream text or a secret.

use serde::{Deserialize, Serialize};

/// Whose move it is to make things right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The person or program that called: wrong password, wrong syntax, no permission.
    Caller,
    /// Who runs the key server: configuration, keys, allow-lists.
    Operator,
    /// The registry or its token service, or the way to it.
    Upstream,
    /// dockpass itself.
    Dockpass,
}

macro_rules! codes {
    ($( $(#[$doc:meta])* $variant:ident = $text:literal, $status:literal, $fault:ident, $sentence:literal; )*) => {
        /// Why something failed, by a stable name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum ErrorCode { $( $(#[$doc])* $variant, )* }

        impl ErrorCode {
            /// Every code, in the order of its declaration.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// The wire form: lower case, words joined by `_`.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $text, )* }
            }

            /// The HTTP status under which the key server answers with this code.
            pub const fn status(self) -> u16 {
                match self { $( Self::$variant => $status, )* }
            }

            /// Whose move it is.
            pub const fn fault(self) -> Fault {
                match self { $( Self::$variant => Fault::$fault, )* }
            }

            /// One constant sentence: what happened and what to do. Holds no input and no upstream text.
            pub const fn sentence(self) -> &'static str {
                match self { $( Self::$variant => $sentence, )* }
            }
        }
    };
}

codes! {
    /// The request itself is malformed.
    InvalidRequest = "invalid_request", 400, Caller, "The request is malformed.";
    /// The registry's name is no host.
    InvalidRegistry = "invalid_registry", 400, Caller, "This is not the name of a registry; write host or host:port.";
    /// A host with characters beyond ASCII, which look alike too easily.
    NonAsciiHost = "non_ascii_host", 400, Caller, "A host name holds characters beyond ASCII; write its xn-- form.";
    /// A scope or scope list does not parse, or holds too many entries.
    InvalidScope = "invalid_scope", 400, Caller, "A scope does not follow type:name:actions.";
    /// RFC 7617 §2: a colon or control character in the user name.
    InvalidUsername = "invalid_username", 400, Caller, "A user name can hold neither a colon nor control characters.";
    /// A path that no distribution-spec request has.
    InvalidPath = "invalid_path", 400, Caller, "This path is not one of the registry API.";
    /// The session does not open: forged, damaged, sealed by another server or revoked.
    InvalidSession = "invalid_session", 401, Caller, "The session is not valid; log in again.";
    /// The session was genuine and its time is over.
    SessionExpired = "session_expired", 401, Caller, "The session has expired; log in again.";
    /// Registry or token service refused the user name and password.
    BadCredentials = "bad_credentials", 401, Caller, "The registry refused this user name and password.";
    /// Nothing without logging in.
    LoginRequired = "login_required", 401, Caller, "This needs a login.";
    /// The registry is not in the key server's configuration.
    RegistryNotAllowed = "registry_not_allowed", 403, Operator, "This registry is not in the key server's configuration.";
    /// The challenge names a token service that is not paired with the registry.
    RealmNotAllowed = "realm_not_allowed", 403, Operator, "The registry names a token service that the key server's configuration does not pair with it.";
    /// The session belongs to another registry.
    RegistryMismatch = "registry_mismatch", 403, Caller, "The session belongs to another registry.";
    /// Asked and refused: the token does not grant it, or the registry said 403.
    ScopeDenied = "scope_denied", 403, Caller, "This account is not allowed to do that here, or it does not exist.";
    /// The request came from a page on an origin that is not allowed.
    OriginNotAllowed = "origin_not_allowed", 403, Operator, "Pages of this origin may not use this key server.";
    /// A cookie session without the header that cross-site pages cannot send.
    CsrfRequired = "csrf_required", 403, Caller, "A cookie session needs the X-Dockpass header.";
    /// A destination that must not be loaded as a document, script or worker.
    DestinationNotAllowed = "destination_not_allowed", 403, Caller, "Registry content is not served as part of a page.";
    /// No such route of the key server.
    NotFound = "not_found", 404, Caller, "There is nothing here.";
    /// The binary holds no page.
    PageNotBuilt = "page_not_built", 404, Operator, "This binary was built without the page; build it with `cargo xtask dist`.";
    /// The registry knows no such repository, tag, manifest or blob, or hides it.
    Missing = "missing", 404, Caller, "The registry has no such thing, or hides it from this account.";
    /// Read-only gateway, or a method the route does not know.
    MethodNotAllowed = "method_not_allowed", 405, Caller, "This method is not allowed here.";
    /// The realm is not the one seen at login.
    RealmChanged = "realm_changed", 409, Upstream, "The registry now authenticates in another way, or names another token service, than at login; log in again.";
    /// The registry takes Basic only, so there is no token to hand out.
    BasicOnly = "basic_only", 409, Caller, "This registry gives no tokens; use the key server's gateway.";
    /// The registry is open, so a password proves nothing and is never sent.
    RegistryOpen = "registry_open", 409, Caller, "This registry asks for no login; use it without one.";
    /// The token service answers the same whatever the password, so a login proves nothing.
    RegistryUnverifiable = "registry_unverifiable", 409, Upstream, "The token service accepts any password, so a login would prove nothing.";
    /// The body is too large.
    PayloadTooLarge = "payload_too_large", 413, Caller, "The request is too large.";
    /// The credentials do not fit into a session.
    CredentialsTooLarge = "credentials_too_large", 413, Caller, "These credentials do not fit into a session.";
    /// The request did not arrive in time.
    RequestTimeout = "request_timeout", 408, Caller, "The request did not arrive in time.";
    /// The target is too long.
    UriTooLong = "uri_too_long", 414, Caller, "The address is too long.";
    /// Not JSON, or encoded.
    UnsupportedMediaType = "unsupported_media_type", 415, Caller, "Send plain JSON with Content-Type: application/json.";
    /// Too many tries, here or at the registry.
    RateLimited = "rate_limited", 429, Caller, "Too many requests; wait and try again.";
    /// A bug of dockpass.
    Internal = "internal", 500, Dockpass, "The key server failed; its log names the cause under this request id.";
    /// The answer is not what the specification says.
    UpstreamInvalid = "upstream_invalid", 502, Upstream, "The registry or its token service answered with something that is not of its protocol.";
    /// The token service redirects, which is refused.
    UpstreamRedirect = "upstream_redirect", 502, Upstream, "The token service or registry redirected where none is allowed.";
    /// TLS failed.
    UpstreamTls = "upstream_tls", 502, Upstream, "No trusted TLS connection to the registry or its token service.";
    /// No connection.
    UpstreamUnreachable = "upstream_unreachable", 502, Upstream, "The registry or its token service cannot be reached.";
    /// An answer with 5xx.
    UpstreamFailed = "upstream_failed", 502, Upstream, "The registry or its token service failed; try again later.";
    /// `GET /v2/` was answered, but not by a registry.
    NotARegistry = "not_a_registry", 502, Upstream, "The address answers, but not as a container registry.";
    /// A challenge that does not parse.
    ChallengeSyntax = "challenge_syntax", 502, Upstream, "The registry's challenge is malformed.";
    /// A scheme that is neither Bearer nor Basic.
    UnsupportedScheme = "unsupported_scheme", 502, Upstream, "The registry asks for an authentication scheme that dockpass does not speak.";
    /// A token service that challenges with Bearer again, deeper than is followed.
    NestedChallenge = "nested_challenge", 502, Upstream, "The token service names another token service in turn.";
    /// `400` of the token service for what was asked.
    TokenRequestRefused = "token_request_refused", 502, Upstream, "The token service does not accept this request for a token.";
    /// A fresh token was refused as invalid.
    TokenRejected = "token_rejected", 502, Upstream, "The registry refuses the token that its own token service gave; compare audience, issuer and clocks.";
    /// The token was refused after the request's body was sent; a fresh one is at hand for the next try.
    BodySpent = "body_spent", 503, Upstream, "The registry wanted a fresh token when the request's body had been sent; send it again.";
    /// Shedding load.
    Overloaded = "overloaded", 503, Dockpass, "The key server is busy; try again shortly.";
    /// The store that instances share does not reply, for longer than sessions are accepted without it.
    StoreUnavailable = "store_unavailable", 503, Operator, "The key server cannot reach its store, so it cannot tell whether this session was logged out; try again shortly.";
    /// No answer in time.
    UpstreamTimeout = "upstream_timeout", 504, Upstream, "The registry or its token service did not answer in time.";
    /// Browser side: no connection to the key server.
    KeyServerUnreachable = "key_server_unreachable", 0, Operator, "The key server cannot be reached.";
    /// Browser side: the answer of the key server is not of its protocol.
    KeyServerInvalid = "key_server_invalid", 0, Operator, "The key server answered with something that is not of its protocol.";
    /// Browser side: content does not have the digest it was asked by.
    DigestMismatch = "digest_mismatch", 0, Upstream, "The content does not have the digest it was asked by.";
    /// Browser side: the list goes on, and its next page cannot be followed or read.
    ListIncomplete = "list_incomplete", 0, Upstream, "The list may go on: its next page cannot be followed or read.";
    /// Browser side: the caller's `AbortSignal` fired.
    Aborted = "aborted", 0, Caller, "The call was cancelled.";
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for ErrorCode {
    type Err = ();

    /// The code of that name; `Err` for a name that this version does not know.
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorCode;

    #[test]
    fn the_wire_form_is_the_one_serde_writes() {
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_string(code).unwrap(), format!("\"{code}\""));
            assert_eq!(code.as_str().parse(), Ok(*code));
        }
    }

    #[test]
    fn every_status_is_an_error_or_marks_the_browser_side() {
        for code in ErrorCode::ALL {
            assert!(code.status() == 0 || (400..600).contains(&code.status()), "{code}");
        }
    }
}
