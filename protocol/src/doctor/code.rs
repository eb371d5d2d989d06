//! The list of diagnoses.

use serde::{Deserialize, Serialize};

macro_rules! diagnoses {
    ($( $(#[$doc:meta])* $variant:ident = $text:literal, $fix:literal; )*) => {
        /// What is wrong. The names are stable: names are added, never renamed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum DiagnosisCode { $( $(#[$doc])* $variant, )* }

        impl DiagnosisCode {
            /// Every diagnosis, in the order of its declaration.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// The wire form: lower case, words joined by `_`.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $text, )* }
            }

            /// What to do, in one sentence.
            pub const fn fix(self) -> &'static str {
                match self { $( Self::$variant => $fix, )* }
            }
        }
    };
}

diagnoses! {
    /// No step failed.
    Healthy = "healthy", "Nothing is wrong; no step failed.";
    /// No steps were recorded.
    NothingRecorded = "nothing_recorded", "Repeat the request with tracing on: without recorded steps there is no diagnosis.";
    /// Wrong user name or password.
    WrongPassword = "wrong_password", "Log in again; where the account uses two factors or single sign-on, use a personal access token as the password.";
    /// The content does not match the requested digest.
    DigestMismatch = "digest_mismatch", "Fetch it again; if the digests still differ, look for a proxy that changes content, and do not use this image.";
    /// A list has a next page that cannot be requested or read.
    ListIncomplete = "list_incomplete", "Correct the Link header of the registry or of the proxy in front of it: the next page must be on the registry's own host and must be a JSON list.";
    /// A 200 with content of another type than requested.
    ContentInvalid = "content_invalid", "Look for a proxy or login page in front of the registry; the response was a 200 with a body of another type.";
    /// The content exceeds the limit for content that is held in memory.
    ContentTooLarge = "content_too_large", "Stream the content or read it with a command-line client; it exceeds the limit for content that is held in memory.";
    /// A new token was needed after the request body was sent.
    SendAgain = "send_again", "Send the request again; it uses the new token.";
    /// Anonymous access is refused.
    LoginNeeded = "login_needed", "Log in; the registry shows this resource only to logged-in users, or it does not exist.";
    /// The session has expired or is invalid.
    SessionOver = "session_over", "Log in again; a session ends when it expires, when its key is removed, or with a logout.";
    /// The account has no permission, or the resource does not exist.
    ScopeDenied = "scope_denied", "Check the name, and ask the registry's administrator to give this account the missing permission.";
    /// The token is for another service.
    WrongAudience = "wrong_audience", "Set the registry's configured service and the audience of the token service's tokens to the same value.";
    /// The registry does not trust the issuer or the key of the token.
    UntrustedIssuer = "untrusted_issuer", "Set the registry's configured issuer and the token service's issuer to the same value, and give the registry the token service's current certificate or key set.";
    /// The clocks of two servers differ.
    ClockSkew = "clock_skew", "Synchronize the clocks of registry, token service and key server by NTP; they may differ by at most one minute.";
    /// The token had expired when it was issued.
    TokenExpired = "token_expired", "Configure the token service to issue tokens with a lifetime of at least 60 seconds.";
    /// The token cannot be parsed.
    TokenBroken = "token_broken", "Inspect the response of the token service; its token is damaged or malformed.";
    /// The token service's response does not follow its specification.
    TokenServiceInvalid = "token_service_invalid", "Check that the realm of the registry's challenge is the token endpoint itself, and not a login page or proxy in front of it.";
    /// The token service refused the token request.
    TokenRequestRefused = "token_request_refused", "Check that the service configured at the registry is also configured at the token service, and that the token service supports this type of scope.";
    /// The token service requires a token of another token service.
    NestedTokenService = "nested_token_service", "Add the second token service to the registry's realms in the key server's configuration, or enable Basic at the first one.";
    /// The realm is not configured for the registry.
    RealmNotPaired = "realm_not_paired", "If this token service belongs to the registry, add it to the registry's realms in the key server's configuration.";
    /// The realm is not a valid URL.
    RealmBroken = "realm_broken", "Correct the realm in the registry's configuration: it is not a URL, so the key server's configuration cannot allow it.";
    /// The realm differs from the one at login.
    RealmChanged = "realm_changed", "Log in again if the registry's token service was changed on purpose; otherwise find out why its challenge changed.";
    /// The registry is not configured.
    RegistryNotConfigured = "registry_not_configured", "Add the registry to the key server's configuration.";
    /// The server at this address is not a registry.
    NotARegistry = "not_a_registry", "Check host, port and path: a registry responds to `/v2/` with 200, or with 401 and a challenge.";
    /// The registry's response does not follow its specification.
    RegistryInvalid = "registry_invalid", "Look for a proxy between the key server and the registry that changes responses.";
    /// A 401 without `WWW-Authenticate`.
    ChallengeMissing = "challenge_missing", "Look for a proxy that removes the WWW-Authenticate header, and check the path; a registry sends this header with every 401.";
    /// A challenge that cannot be parsed.
    ChallengeMalformed = "challenge_malformed", "Correct the WWW-Authenticate header: close all quotes, and write each parameter once (RFC 9110 section 11).";
    /// An authentication scheme other than Bearer and Basic.
    SchemeUnsupported = "scheme_unsupported", "Configure the registry for Bearer or Basic; other authentication schemes are not supported.";
    /// The registry supports Basic only.
    BasicOnly = "basic_only", "Use the key server's gateway with a user name and password; this registry issues no tokens.";
    /// The registry allows anonymous access.
    RegistryOpen = "registry_open", "Use the registry without logging in.";
    /// The token service accepts any password.
    AnyPasswordAccepted = "any_password_accepted", "Configure the token service to refuse wrong passwords in requests without a scope; until then a login cannot be verified.";
    /// The browser's preflight was refused.
    PreflightBlocked = "preflight_blocked", "Use the key server's gateway, or put a proxy in front of the registry that responds to OPTIONS without authorization.";
    /// A response without the CORS header that the page needs.
    CorsHeaderMissing = "cors_header_missing", "Use the key server's gateway, or add Access-Control-Allow-Origin and Access-Control-Expose-Headers to the registry's responses.";
    /// A page loaded by https requested an http address.
    MixedContent = "mixed_content", "Serve the registry or key server over https; a page loaded over https cannot request http addresses.";
    /// The TLS handshake failed.
    TlsUntrusted = "tls_untrusted", "Check the certificate's name, dates and issuer; add the certificate of a private CA to the key server's configuration.";
    /// No connection could be made.
    Unreachable = "unreachable", "Check name, port and firewall, and that the service is running; private addresses must be allowed in the key server's configuration.";
    /// No response in time.
    Timeout = "timeout", "Check the load of the service and the network path to it; no response arrived in time.";
    /// A redirect that is not followed.
    RedirectRefused = "redirect_refused", "Configure the target of the redirect instead, with scheme and host; credentials never follow a redirect.";
    /// Too many requests.
    RateLimited = "rate_limited", "Wait as long as the response's Retry-After says; logged-in users usually have a higher limit.";
    /// A 5xx.
    UpstreamFailed = "upstream_failed", "Try again later, and check the log of the registry or token service.";
    /// A 404.
    Missing = "missing", "Check the name, tag and digest; registries also respond with 404 for resources that they hide.";
    /// Another error that is not about authorization.
    RequestRefused = "request_refused", "Check the registry's own error code in the response body; the error is not about authorization.";
    /// The key server cannot be reached.
    KeyServerUnreachable = "key_server_unreachable", "Check the key server's address, that it is running, and that it allows this page's origin.";
    /// The key server had an internal error.
    KeyServerFailed = "key_server_failed", "Look up the request id in the key server's log.";
    /// The store that instances of the key server share.
    StoreUnreachable = "store_unreachable", "Check that the store in the key server's configuration is running, has free memory and accepts the key server's credentials; sessions are accepted again once it is reachable.";
    /// The caller cancelled the call.
    Cancelled = "cancelled", "The call was cancelled, so its result is not known.";
    /// The call had invalid arguments.
    CallInvalid = "call_invalid", "Correct the call: registry, user name, scopes and path must be well-formed.";
}

impl std::fmt::Display for DiagnosisCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
