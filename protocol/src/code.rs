//! The one list of error codes.
//!
//! Problem documents of the key server, `DockpassError.code` in JavaScript, the flow and the doctor all name failures
//! by these codes. A code is stable: it is added, never renamed. Its sentence is constant, so that no message can
//! carry input, upstream text or a secret.

use serde::{Deserialize, Serialize};

/// Who can correct a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The person or program that called: wrong password, wrong syntax, no permission.
    Caller,
    /// The operator of the key server: configuration, keys, allow-lists.
    Operator,
    /// The registry or its token service, or the network path to it.
    Upstream,
    /// dockpass itself.
    Dockpass,
}

macro_rules! codes {
    ($( $(#[$doc:meta])* $variant:ident = $text:literal, $status:literal, $fault:ident, $sentence:literal; )*) => {
        /// Why a request failed. The names are stable.
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

            /// The HTTP status of the key server's response with this code.
            pub const fn status(self) -> u16 {
                match self { $( Self::$variant => $status, )* }
            }

            /// Who can correct the failure.
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
    /// The registry's name is not a valid host name.
    InvalidRegistry = "invalid_registry", 400, Caller, "The registry name is invalid; write host or host:port.";
    /// A host name with non-ASCII characters, which are easily confused.
    NonAsciiHost = "non_ascii_host", 400, Caller, "The host name contains non-ASCII characters; write its punycode form (xn--).";
    /// A scope or scope list does not parse, or holds too many entries.
    InvalidScope = "invalid_scope", 400, Caller, "A scope is malformed; write type:name:actions.";
    /// RFC 7617 §2: a colon or control character in the user name.
    InvalidUsername = "invalid_username", 400, Caller, "A user name must not contain a colon or control characters.";
    /// A path that is not part of the distribution specification.
    InvalidPath = "invalid_path", 400, Caller, "The path is not part of the registry API.";
    /// The session cannot be opened: forged, damaged, sealed by another server or revoked.
    InvalidSession = "invalid_session", 401, Caller, "The session is not valid; log in again.";
    /// The session was valid and has expired.
    SessionExpired = "session_expired", 401, Caller, "The session has expired; log in again.";
    /// The registry or token service refused the user name and password.
    BadCredentials = "bad_credentials", 401, Caller, "The registry refused this user name and password.";
    /// Anonymous access is refused.
    LoginRequired = "login_required", 401, Caller, "This request requires a login.";
    /// The registry is not in the key server's configuration.
    RegistryNotAllowed = "registry_not_allowed", 403, Operator, "This registry is not in the key server's configuration.";
    /// The challenge names a token service that is not paired with the registry.
    RealmNotAllowed = "realm_not_allowed", 403, Operator, "The registry's token service is not one of the realms that the key server's configuration lists for this registry.";
    /// The session belongs to another registry.
    RegistryMismatch = "registry_mismatch", 403, Caller, "The session belongs to another registry.";
    /// The token does not grant the scope, or the registry responded with 403.
    ScopeDenied = "scope_denied", 403, Caller, "The account has no permission for this resource, or the resource does not exist.";
    /// The configuration does not list the scope for the registry.
    ScopeNotAllowed = "scope_not_allowed", 403, Operator, "The key server's configuration does not allow this scope for this registry.";
    /// The request came from a page on an origin that is not allowed.
    OriginNotAllowed = "origin_not_allowed", 403, Operator, "The key server does not allow requests from pages of this origin.";
    /// A session in a cookie or in `Authorization`, where the configuration allows the other one only.
    CarrierNotAllowed = "carrier_not_allowed", 403, Operator, "The key server does not accept sessions in this form; its configuration allows the other of cookie and bearer token only.";
    /// A cookie session without the header that a cross-site page cannot send.
    CsrfRequired = "csrf_required", 403, Caller, "A request with a cookie session requires the X-Dockpass header.";
    /// Registry content requested as a document, script or worker (`Sec-Fetch-Dest`).
    DestinationNotAllowed = "destination_not_allowed", 403, Caller, "Registry content must not be loaded as a document, script or worker.";
    /// No such route of the key server.
    NotFound = "not_found", 404, Caller, "The key server has no such path.";
    /// The binary does not contain the page.
    PageNotBuilt = "page_not_built", 404, Operator, "This binary was built without the page; build it with `cargo xtask dist`.";
    /// The registry has no such repository, tag, manifest or blob, or hides it.
    Missing = "missing", 404, Caller, "The registry has no such resource, or hides it from this account.";
    /// A write through the read-only gateway, or a method that the route does not support.
    MethodNotAllowed = "method_not_allowed", 405, Caller, "The method is not allowed for this path.";
    /// The realm or the authentication scheme is not the one seen at login.
    RealmChanged = "realm_changed", 409, Upstream, "The registry's authentication scheme or token service differs from the one at login; log in again.";
    /// Browser's cookie: another login has taken the place of the session that the page shows.
    SessionChanged = "session_changed", 409, Caller, "Somebody else is logged in by now in this browser; check who, and try again.";
    /// The registry supports Basic only, so there is no token to issue.
    BasicOnly = "basic_only", 409, Caller, "This registry issues no tokens; use the key server's gateway.";
    /// The registry allows anonymous access, so a password is never sent.
    RegistryOpen = "registry_open", 409, Caller, "This registry requires no login; use it without one.";
    /// The token service accepts made-up credentials, so a login cannot be verified.
    RegistryUnverifiable = "registry_unverifiable", 409, Upstream, "The token service accepts any password, so the password cannot be verified.";
    /// The body is too large.
    PayloadTooLarge = "payload_too_large", 413, Caller, "The request is too large.";
    /// The credentials exceed the size of a session.
    CredentialsTooLarge = "credentials_too_large", 413, Caller, "The credentials are too large for a session.";
    /// The request did not arrive in time.
    RequestTimeout = "request_timeout", 408, Caller, "The request did not arrive in time.";
    /// The request target is too long.
    UriTooLong = "uri_too_long", 414, Caller, "The request URI is too long.";
    /// The header fields are too large.
    HeadersTooLarge = "headers_too_large", 431, Caller, "The headers of the request are too large.";
    /// The body is not JSON, or has a content encoding.
    UnsupportedMediaType = "unsupported_media_type", 415, Caller, "Send plain JSON with Content-Type: application/json.";
    /// Too many requests, to the key server or to the registry.
    RateLimited = "rate_limited", 429, Caller, "Too many requests; wait and try again.";
    /// A bug in dockpass.
    Internal = "internal", 500, Dockpass, "The key server had an internal error; its log shows the cause under this request id.";
    /// The response does not follow the specification.
    UpstreamInvalid = "upstream_invalid", 502, Upstream, "The registry or its token service sent an invalid response.";
    /// A redirect of the token service or registry that is not followed.
    UpstreamRedirect = "upstream_redirect", 502, Upstream, "The registry or its token service sent a redirect that must not be followed.";
    /// The TLS handshake failed.
    UpstreamTls = "upstream_tls", 502, Upstream, "No trusted TLS connection to the registry or its token service could be made.";
    /// No connection could be made.
    UpstreamUnreachable = "upstream_unreachable", 502, Upstream, "The registry or its token service cannot be reached.";
    /// A response with 5xx.
    UpstreamFailed = "upstream_failed", 502, Upstream, "The registry or its token service responded with a server error; try again later.";
    /// The response to `GET /v2/` does not come from a registry.
    NotARegistry = "not_a_registry", 502, Upstream, "The server at this address is not a container registry.";
    /// A challenge that does not parse.
    ChallengeSyntax = "challenge_syntax", 502, Upstream, "The registry's WWW-Authenticate header is malformed.";
    /// A scheme that is neither Bearer nor Basic.
    UnsupportedScheme = "unsupported_scheme", 502, Upstream, "The registry requires an authentication scheme that dockpass does not support.";
    /// A Bearer challenge of a token service, nested deeper than is followed.
    NestedChallenge = "nested_challenge", 502, Upstream, "The token service itself requires a token of another token service.";
    /// The token service responded to the token request with `400`.
    TokenRequestRefused = "token_request_refused", 502, Upstream, "The token service refused the token request.";
    /// A newly issued token was rejected as invalid.
    TokenRejected = "token_rejected", 502, Upstream, "The registry rejected a token that its own token service issued; compare audience, issuer and clocks.";
    /// The token was refused after the request body was sent. A new token is cached for the next attempt.
    BodySpent = "body_spent", 503, Upstream, "The registry required a new token after the request body was sent; send the request again.";
    /// The request was rejected because of overload.
    Overloaded = "overloaded", 503, Dockpass, "The key server is overloaded; try again shortly.";
    /// Several requests in a row got no response, so that requests are refused for some seconds.
    RegistryUnavailable = "registry_unavailable", 503, Upstream, "The registry or its token service did not respond to several requests in a row; try again shortly.";
    /// Too many requests to the registry are in progress.
    RegistryBusy = "registry_busy", 503, Upstream, "The key server has too many requests to this registry in progress; try again shortly.";
    /// The shared store has not been reachable for longer than sessions are accepted without it.
    StoreUnavailable = "store_unavailable", 503, Operator, "The key server cannot reach its store, so it cannot check whether this session was logged out; try again shortly.";
    /// No response in time.
    UpstreamTimeout = "upstream_timeout", 504, Upstream, "The registry or its token service did not respond in time.";
    /// Browser side: no connection to the key server.
    KeyServerUnreachable = "key_server_unreachable", 0, Operator, "The key server cannot be reached.";
    /// Browser side: the key server's response does not follow its API.
    KeyServerInvalid = "key_server_invalid", 0, Operator, "The key server sent an invalid response.";
    /// Browser side: the content does not match the requested digest.
    DigestMismatch = "digest_mismatch", 0, Upstream, "The content does not match the requested digest.";
    /// Browser side: the list has a next page that cannot be requested or read.
    ListIncomplete = "list_incomplete", 0, Upstream, "The list may be incomplete: its next page cannot be requested or read.";
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

    /// The code of that name; `Err` for an unknown name.
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
