//! What a flow did and why, in a form that may be shown and logged.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::FlowError;
use crate::code::ErrorCode;

/// Who was asked.
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
        /// What a flow decided to do next. Stable names; the reason is one constant sentence.
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

            /// Why, in one sentence.
            pub const fn reason(self) -> &'static str {
                match self { $( Self::$variant => $reason, )* }
            }
        }
    };
}

decisions! {
    /// First request without authorization.
    TryAnonymous = "try_anonymous", "Nothing is known of this registry yet, so the first request carries no authorization.";
    /// The registry answered without wanting anything.
    Accepted = "accepted", "The answer is what was asked for.";
    /// Bearer challenge: ask the token service.
    AskToken = "ask_token", "The registry challenged with Bearer and named its token service; each resource needs its own token.";
    /// Token asked ahead of the request.
    AskTokenAhead = "ask_token_ahead", "The token service is known from before, so the token is asked for first and one request is saved.";
    /// Token known: send it.
    SendToken = "send_token", "A token for these scopes is at hand.";
    /// Token service challenged with Basic.
    SendCredentials = "send_credentials", "The token service challenged with Basic, so the same request goes again with the credentials.";
    /// Credentials at once.
    SendCredentialsAhead = "send_credentials_ahead", "A session is at hand, so the credentials go with the first request.";
    /// Docker Hub's silent denial.
    SilentDenial = "silent_denial", "The token service answered 200 with a token that does not grant what was asked; that is its way of challenging.";
    /// Basic at the registry itself.
    SendBasic = "send_basic", "The registry challenged with Basic, so the credentials go to it directly, through the key server.";
    /// The token came.
    GotToken = "got_token", "The token service gave a token.";
    /// The token came and does not grant all.
    TokenDenies = "token_denies", "The token says that it does not grant everything that was asked.";
    /// The registry wants more scopes.
    WidenScope = "widen_scope", "The registry asks for scopes that the token does not have; a token for all of them is asked for once.";
    /// The token is no longer good.
    RenewToken = "renew_token", "The registry calls the token invalid, so a fresh one is asked for once.";
    /// Refresh token by POST.
    UseRefreshToken = "use_refresh_token", "A refresh token is at hand; it goes to the token service by POST and the password stays out of it.";
    /// GET instead of POST.
    FallBackToGet = "fall_back_to_get", "The token service does not know POST, so GET with Basic is used.";
    /// Nested Bearer.
    FollowNested = "follow_nested", "The token service itself challenged with Bearer; its token service is asked first.";
    /// Who asks, without what for.
    ConfirmCredentials = "confirm_credentials", "The credentials were refused together with what was asked for, so they are tried once without it: either they or the permission are at fault.";
    /// The scope of the challenge, as it is.
    AskAsStated = "ask_as_stated", "The registry names a scope that is none of a resource, and the request's own scope did not do, so it is asked for as it stands.";
    /// A redirect of the registry's first address.
    FollowRedirect = "follow_redirect", "The registry sends to another spelling of its first address on its own origin, so it is asked there.";
    /// A resource, because the first address is open.
    ProbeResource = "probe_resource", "The registry's first address is open to everyone, so a resource is asked how it is authenticated.";
    /// First contact at login.
    Probe = "probe", "The registry is asked how it authenticates.";
    /// Wrong credentials on purpose.
    ControlProbe = "control_probe", "The token does not say whom it is for, so made-up credentials are tried: they must be refused.";
    /// The login is proven.
    Proven = "proven", "The credentials are proven good.";
    /// Nothing is known of what an anonymous token grants, and credentials are at hand.
    UnknownGrant = "unknown_grant", "The token does not say what it grants, and a session is at hand, so the token is asked for again with the credentials.";
    /// A token asked for ahead could not be had.
    TryWithoutToken = "try_without_token", "No token could be had ahead of the request, so the registry itself is asked what it wants.";
    /// The answer is an error that no authorization changes.
    HandOn = "hand_on", "The registry's answer has nothing to do with authorization, so it is handed on as it is.";
    /// Over and out.
    GaveUp = "gave_up", "Trying again could not change the answer.";
}

/// The longest place that a record names, in characters.
const MAX_PLACE: usize = 128;

/// One step of a flow: what was sent, what came back, what was decided. Holds neither secrets nor query strings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StepRecord {
    /// Who was asked.
    pub hop: Hop,
    /// HTTP method.
    pub method: Cow<'static, str>,
    /// Where, without query: a path at the registry, origin and path at a token service.
    pub target: String,
    /// HTTP status of the answer, if one came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Which `Authorization` scheme was sent: `Bearer`, `Basic` or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Cow<'static, str>>,
    /// Scopes that were asked for, if any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// What was decided on the answer.
    pub decision: Decision,
    /// Why, in one sentence.
    pub reason: Cow<'static, str>,
    /// The code, when the flow ended here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
    /// What was odd or wrong about the answer: a stable code, such as `token_response_expires_in`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Cow<'static, str>>,
    /// Where the answer pointed that was not followed, without its query: a realm, or the target of a redirect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

impl StepRecord {
    /// A decision, with its reason; where it was sent to is given without query.
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

    /// The step at which a driver found for itself that no more can be done: an answer that cannot be handed on.
    pub fn of_failure(error: FlowError, method: &str, target: &str, place: Option<&str>) -> Self {
        let record = Self::new(error.hop, method, target, Decision::GaveUp).failed(error);
        Self { status: error.status, ..record }.with_place(place)
    }

    /// The same with what was odd about the answer.
    #[must_use]
    pub(crate) fn with_problem(mut self, problem: Option<&'static str>) -> Self {
        self.problem = problem.map(Cow::Borrowed);
        self
    }

    /// The same with where the answer pointed: without a query, which may hold anything, and only as long as a person reads.
    #[must_use]
    pub(crate) fn with_place(mut self, place: Option<&str>) -> Self {
        self.place = place.map(|place| {
            let place = place.split(['?', '#']).next().unwrap_or_default();
            // User information of a URL may be a secret.
            let place = match (place.find("//"), place.find('@')) {
                (Some(start), Some(at)) if start < at => place.get(at + 1..).unwrap_or_default(),
                _ => place,
            };
            place.chars().take(MAX_PLACE).map(|c| if matches!(c, '!'..='~') { c } else { '?' }).collect()
        });
        self
    }

    /// The same with the end of the flow.
    pub(crate) fn failed(mut self, error: FlowError) -> Self {
        self.decision = Decision::GaveUp;
        self.reason = Cow::Borrowed(error.code.sentence());
        self.code = Some(error.code);
        self.hop = error.hop;
        self
    }
}
