//! Records of the steps of a flow. They hold no secret and may be shown and logged.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::FlowError;
use crate::code::ErrorCode;

/// The server that a request was sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Hop {
    /// The registry itself.
    Registry,
    /// The token service that the registry's challenge names.
    TokenService,
    /// dockpass's own key server.
    KeyServer,
}

impl Hop {
    /// Every hop, in the order of its declaration.
    pub const ALL: &'static [Self] = &[Self::Registry, Self::TokenService, Self::KeyServer];

    /// The wire form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::TokenService => "token_service",
            Self::KeyServer => "key_server",
        }
    }
}

impl std::fmt::Display for Hop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! decisions {
    ($( $(#[$doc:meta])* $variant:ident = $text:literal, $reason:literal; )*) => {
        /// What a flow decided to do next. The names are stable; each has one constant sentence as its reason.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Decision { $( $(#[$doc])* $variant, )* }

        impl Decision {
            /// Every decision, in the order of its declaration.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// The wire form.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $text, )* }
            }

            /// The reason, in one constant sentence.
            pub const fn reason(self) -> &'static str {
                match self { $( Self::$variant => $reason, )* }
            }
        }
    };
}

decisions! {
    /// First request without authorization.
    TryAnonymous = "try_anonymous", "The registry's authentication is not known yet, so the first request carries no authorization.";
    /// The registry accepted the request.
    Accepted = "accepted", "The registry accepted the request.";
    /// Request a token after a Bearer challenge.
    AskToken = "ask_token", "The registry sent a Bearer challenge, so a token for the requested scopes is requested from the token service.";
    /// Request a token before the registry request.
    AskTokenAhead = "ask_token_ahead", "The token service is already known, so the token is requested first, which saves one request.";
    /// Send a cached token.
    SendToken = "send_token", "A token for these scopes is available.";
    /// Send the credentials after a Basic challenge of the token service.
    SendCredentials = "send_credentials", "The token service sent a Basic challenge, so the request is repeated with the credentials.";
    /// Send the credentials with the first token request.
    SendCredentialsAhead = "send_credentials_ahead", "Credentials are available, so the first request carries them.";
    /// A 200 of the token service with a token that does not grant the requested scopes (Docker Hub).
    SilentDenial = "silent_denial", "The token service issued an anonymous token that does not grant the requested scopes, so the request is repeated with the credentials.";
    /// Send the credentials to the registry itself.
    SendBasic = "send_basic", "The registry sent a Basic challenge, so the key server sends the credentials to the registry itself.";
    /// The token service issued a token.
    GotToken = "got_token", "The token service issued a token.";
    /// The token service issued a token that does not grant all requested scopes.
    TokenDenies = "token_denies", "The token does not grant all requested scopes.";
    /// Request a token with the scopes that the registry requires in addition.
    WidenScope = "widen_scope", "The registry requires scopes that the token does not grant, so a token for all of them is requested once.";
    /// Request a new token in place of a rejected one.
    RenewToken = "renew_token", "The registry rejected the token as invalid, so a new one is requested once.";
    /// Send the refresh token by POST.
    UseRefreshToken = "use_refresh_token", "A refresh token is available, so it is sent to the token service by POST instead of the password.";
    /// Use GET instead of POST.
    FallBackToGet = "fall_back_to_get", "The token service does not support POST, so GET with Basic is used.";
    /// Follow a Bearer challenge of the token service.
    FollowNested = "follow_nested", "The token service sent a Bearer challenge, so a token is requested from the token service that it names.";
    /// Send the credentials without requesting access to anything.
    ConfirmCredentials = "confirm_credentials", "The server refused either the credentials or the access, so the credentials are sent once without requesting access: the response shows which of the two was refused.";
    /// Request the scope of the challenge unchanged.
    AskAsStated = "ask_as_stated", "The scope of the request was not enough, so the scope of the registry's challenge is requested unchanged, although it does not name a resource.";
    /// Follow a redirect of `/v2/`.
    FollowRedirect = "follow_redirect", "The registry redirected /v2/ to another path on its own origin, so the request is sent there.";
    /// Request a resource, because `/v2/` allows anonymous access.
    ProbeResource = "probe_resource", "The registry allows anonymous access to /v2/, so a resource is requested to get a challenge.";
    /// Send the first request of a login.
    Probe = "probe", "The first request carries no credentials, so that the registry responds with its challenge.";
    /// Send made-up credentials.
    ControlProbe = "control_probe", "The token does not name the user, so made-up credentials are sent: the token service must refuse them.";
    /// The credentials are valid.
    Proven = "proven", "The credentials are valid.";
    /// Request an anonymous token of unknown grant again, with the credentials.
    UnknownGrant = "unknown_grant", "The anonymous token does not say what it grants, so the request is repeated with the credentials.";
    /// Send the request without a token, because none could be obtained in advance.
    TryWithoutToken = "try_without_token", "No token could be obtained in advance, so the request is sent without one to get the registry's challenge.";
    /// Return an error of the registry that is not about authorization.
    HandOn = "hand_on", "The error of the registry is not about authorization, so it is returned unchanged.";
    /// End the flow with an error.
    GaveUp = "gave_up", "The failure is final; another attempt would give the same result.";
}

/// The maximum length of a record's `place`, in characters.
const MAX_PLACE: usize = 128;

/// One step of a flow: the request, the response and the decision. Holds neither secrets nor query strings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StepRecord {
    /// The server that the request was sent to.
    pub hop: Hop,
    /// HTTP method.
    pub method: Cow<'static, str>,
    /// The target of the request without its query: a path at the registry, origin and path at a token service.
    pub target: String,
    /// HTTP status of the response, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The `Authorization` scheme that was sent: `Bearer`, `Basic` or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Cow<'static, str>>,
    /// The requested scopes, if any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// What was decided after the response.
    pub decision: Decision,
    /// The reason, in one constant sentence.
    pub reason: Cow<'static, str>,
    /// The error code, when the flow failed at this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
    /// What was unusual or wrong in the response: a stable code, such as `token_response_expires_in`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Cow<'static, str>>,
    /// A realm or redirect target of the response that was not followed, without its query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

impl StepRecord {
    /// A decision with its reason. The query of the target is removed.
    pub(crate) fn new(hop: Hop, method: &str, target: &str, decision: Decision) -> Self {
        let target = target.split(['?', '#']).next().unwrap_or_default();
        Self {
            hop,
            method: match method {
                "GET" => Cow::Borrowed("GET"),
                "HEAD" => Cow::Borrowed("HEAD"),
                "POST" => Cow::Borrowed("POST"),
                other => Cow::Owned(other.to_owned()),
            },
            target: target.to_owned(),
            status: None,
            sent: None,
            scopes: Vec::new(),
            decision,
            reason: Cow::Borrowed(decision.reason()),
            code: None,
            problem: None,
            place: None,
        }
    }

    /// The step at which a driver, and not the flow, ended with an error: for example, a response that cannot be relayed.
    pub fn of_failure(error: FlowError, method: &str, target: &str, place: Option<&str>) -> Self {
        let record = Self::new(error.hop, method, target, Decision::GaveUp).failed(error);
        Self { status: error.status, ..record }.with_place(place)
    }

    /// Sets what was unusual in the response.
    #[must_use]
    pub(crate) fn with_problem(mut self, problem: Option<&'static str>) -> Self {
        self.problem = problem.map(Cow::Borrowed);
        self
    }

    /// Sets the realm or redirect target that was not followed: without its query, which may contain a secret, and at
    /// most [`MAX_PLACE`] characters of it. `_` stands for what is not visible ASCII, because `?` would look like a query.
    #[must_use]
    pub(crate) fn with_place(mut self, place: Option<&str>) -> Self {
        self.place = place.map(|place| {
            let place = place.split(['?', '#']).next().unwrap_or_default();
            // User information of a URL may be a secret.
            let place = match (crate::text::find(place, "//"), place.find('@')) {
                (Some(start), Some(at)) if start < at => place.get(at + 1..).unwrap_or_default(),
                _ => place,
            };
            place.chars().take(MAX_PLACE).map(|c| if matches!(c, '!'..='~') { c } else { '_' }).collect()
        });
        self
    }

    /// Marks the step as the one at which the flow failed.
    pub(crate) fn failed(mut self, error: FlowError) -> Self {
        self.decision = Decision::GaveUp;
        self.reason = Cow::Borrowed(error.code.sentence());
        self.code = Some(error.code);
        self.hop = error.hop;
        self
    }
}
