//! The list of diagnoses.

use serde::{Deserialize, Serialize};

macro_rules! diagnoses {
    ($( $(#[$doc:meta])* $variant:ident = $text:literal, $fix:literal; )*) => {
        /// What is wrong, by a stable name. A name is added, never renamed.
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

            /// What to do about it, in one sentence.
            pub const fn fix(self) -> &'static str {
                match self { $( Self::$variant => $fix, )* }
            }
        }
    };
}

diagnoses! {
    /// No step failed.
    Healthy = "healthy", "Nothing is wrong; no step failed.";
    /// There is nothing to judge.
    NothingRecorded = "nothing_recorded", "Repeat the request with tracing on, so that there are steps to look at.";
    /// User name or password.
    WrongPassword = "wrong_password", "Log in again; where the account uses two factors or single sign-on, use a personal access token as the password.";
    /// Content does not have the digest it was asked by.
    DigestMismatch = "digest_mismatch", "Fetch it again; if the digests still differ, look for a proxy that changes content, and do not use this image.";
    /// A list goes on, and its next page cannot be had.
    ListIncomplete = "list_incomplete", "Correct the Link header of the registry or of the proxy before it: the next page has to be on the registry's own host, and a JSON list.";
    /// A 200 with something else than what was asked for.
    ContentInvalid = "content_invalid", "Look for a proxy or login page that answers in the registry's place; the answer was a 200 of another form than asked for.";
    /// More than is held in memory.
    ContentTooLarge = "content_too_large", "Read it with a command-line client, or stream it; this is more than is held in memory.";
    /// A fresh token came too late for a body that was sent.
    SendAgain = "send_again", "Send the request again; a fresh token is at hand.";
    /// Nobody is logged in, and nobody is let in.
    LoginNeeded = "login_needed", "Log in; the registry shows this to accounts only, or it does not exist.";
    /// The dockpass session is over or was never good.
    SessionOver = "session_over", "Log in again; sessions end with their time, with the key that sealed them, or by logging out.";
    /// The account may not, or the thing does not exist.
    ScopeDenied = "scope_denied", "Check the name, and ask the registry's administrator to give this account the missing permission.";
    /// The token is for another service.
    WrongAudience = "wrong_audience", "Make the registry's configured service and the audience of the token service's tokens the same text.";
    /// The registry does not trust who signed the token.
    UntrustedIssuer = "untrusted_issuer", "Make the registry's configured issuer and the token's issuer the same text, and give the registry the token service's current certificate or key set.";
    /// Two clocks differ.
    ClockSkew = "clock_skew", "Set the clocks of registry, token service and key server by NTP; they may differ by no more than a minute.";
    /// The token's time was over when it came.
    TokenExpired = "token_expired", "Make the token service's tokens live at least 60 seconds.";
    /// What the token service gave cannot be read.
    TokenBroken = "token_broken", "Look at the token service's answer; its token is damaged or not of the specification's form.";
    /// The token service answers with something else than its protocol.
    TokenServiceInvalid = "token_service_invalid", "Check that the realm of the registry's challenge is the token endpoint itself, not a login page or proxy in front of it.";
    /// The token service does not take the request.
    TokenRequestRefused = "token_request_refused", "Check that the registry's configured service is one that the token service knows, and that it grants this type of scope at all.";
    /// The token service's own token service.
    NestedTokenService = "nested_token_service", "Pair the second token service with the registry in the key server's configuration, or let the first one take Basic.";
    /// The realm is on another host and not paired.
    RealmNotPaired = "realm_not_paired", "If this token service is the registry's own, add it to the registry's realms in the key server's configuration.";
    /// The realm is no URL.
    RealmBroken = "realm_broken", "Correct the realm in the registry's configuration, which is no URL; nothing can be added for it to the key server's.";
    /// The realm is another one than at login.
    RealmChanged = "realm_changed", "Log in again if the registry was moved on purpose; else find out who changed its challenge.";
    /// The registry is not configured.
    RegistryNotConfigured = "registry_not_configured", "Add the registry to the key server's configuration.";
    /// There is a server at this address, but it is not a registry.
    NotARegistry = "not_a_registry", "Check host, port and path: `/v2/` of a registry answers 200 or 401 with JSON or a challenge.";
    /// The registry answers with something else than its protocol.
    RegistryInvalid = "registry_invalid", "Look for a proxy between the key server and the registry that changes answers.";
    /// A 401 without `WWW-Authenticate`.
    ChallengeMissing = "challenge_missing", "Look for a proxy that drops WWW-Authenticate, or ask for a path that the registry has; a 401 names its challenge.";
    /// A challenge that cannot be read.
    ChallengeMalformed = "challenge_malformed", "Correct the WWW-Authenticate header: quotes closed, no parameter twice (RFC 9110 section 11).";
    /// Neither Bearer nor Basic.
    SchemeUnsupported = "scheme_unsupported", "Set the registry up for Bearer or Basic; no other scheme is spoken to registries.";
    /// The registry takes Basic only.
    BasicOnly = "basic_only", "Use the key server's gateway with a user name and password; this registry gives no tokens.";
    /// The registry wants no login.
    RegistryOpen = "registry_open", "Use the registry without logging in.";
    /// Any password is accepted.
    AnyPasswordAccepted = "any_password_accepted", "Set the token service up to refuse wrong passwords where no scope is asked; until then a login proves nothing.";
    /// The browser's preflight was refused.
    PreflightBlocked = "preflight_blocked", "Go through the key server's gateway, or put a proxy before the registry that answers OPTIONS without authorization.";
    /// A response without the CORS header that the page needs.
    CorsHeaderMissing = "cors_header_missing", "Go through the key server's gateway, or add Access-Control-Allow-Origin and Access-Control-Expose-Headers to the registry's answers.";
    /// A page loaded by https requested an http address.
    MixedContent = "mixed_content", "Serve the registry or key server by https; a page that came by https may not ask for http.";
    /// TLS.
    TlsUntrusted = "tls_untrusted", "Check the certificate's name, dates and issuer; add a private authority to the key server's trust.";
    /// No connection.
    Unreachable = "unreachable", "Check name, port, firewall and that the service runs; private addresses have to be in the configuration.";
    /// No response in time.
    Timeout = "timeout", "Check the load of the service and the way to it; it accepted the connection or dropped it without an answer.";
    /// A redirect where none is followed.
    RedirectRefused = "redirect_refused", "Configure the address that it redirects to, with the right scheme and host; credentials never follow a redirect.";
    /// Too many requests.
    RateLimited = "rate_limited", "Wait as long as the answer says; logging in usually gives a higher limit.";
    /// A 5xx.
    UpstreamFailed = "upstream_failed", "Try again later, and look into the log of the registry or token service.";
    /// A 404.
    Missing = "missing", "Check the name, tag and digest; registries also answer 404 for what they hide.";
    /// Another error that has nothing to do with authorization.
    RequestRefused = "request_refused", "Look at the registry's own error code in the answer's body; authorization has nothing to do with it.";
    /// The key server is not there.
    KeyServerUnreachable = "key_server_unreachable", "Check the key server's address, that it runs, and that it allows this page's origin.";
    /// The key server itself.
    KeyServerFailed = "key_server_failed", "Look up the request id in the key server's log.";
    /// The store that instances of the key server share.
    StoreUnreachable = "store_unreachable", "Check that the store in the key server's configuration runs, has room and lets the key server in; sessions are accepted again once it answers.";
    /// The caller gave up.
    Cancelled = "cancelled", "The call was cancelled; nothing is known of what it would have come to.";
    /// The call itself was wrong.
    CallInvalid = "call_invalid", "Correct the call: registry, user name, scopes and path have to be well-formed.";
}

impl std::fmt::Display for DiagnosisCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
