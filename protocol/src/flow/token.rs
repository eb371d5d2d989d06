//! One token from a token service.

mod evidence;
mod response;

use std::mem;

use secrecy::SecretString;

use super::request::TokenRequest;
use super::{Authorization, Decision, FlowError, Hop, HttpRequest, ResponseHead, StepRecord, TransportError};
use crate::code::ErrorCode;
use crate::credential::Credential;
use crate::jwt::TokenInfo;
use crate::realm::{Realm, RealmPolicy};
use crate::scope::ScopeSet;
use crate::token::{ResponseNotes, TokenResponseError};

/// The scopes of a request that checks credentials: none.
static NO_SCOPES: ScopeSet = ScopeSet::new();

/// The maximum number of requests to token services for one token.
pub(super) const MAX_REQUESTS: u8 = 3;

/// The next action.
#[derive(Debug)]
pub enum TokenStep {
    /// Send this request to the token service (no redirects, at most 64 KiB of body), then call [`TokenFlow::response`]
    /// or [`TokenFlow::transport_failed`].
    Send(HttpRequest),
    /// The token.
    Done(TokenGrant),
    /// The flow failed.
    Fail(FlowError),
}

/// A token and what it grants.
#[derive(Clone, Debug)]
pub struct TokenGrant {
    /// The registry token.
    pub token: SecretString,
    /// Milliseconds since the epoch, by the caller's clock: the smaller of JWT `exp` and `expires_in`; 60 s if neither.
    pub expires_at_ms: i64,
    /// A refresh token, if one was requested or if the service replaced the one that was sent (RFC 6749 §6), which may be
    /// invalid then. Never leaves the key server.
    pub refresh_token: Option<SecretString>,
    /// Whether the token is a readable JWT.
    pub is_jwt: bool,
    /// The token's `sub`, when it is a JWT that has one that is not anonymous.
    pub subject: Option<String>,
    /// Whether the token is an anonymous JWT: `sub` is `""` or `(anonymous)`.
    pub is_anonymous: bool,
    /// Requested scopes that the token grants.
    pub granted: ScopeSet,
    /// Requested scopes that the token does not grant.
    pub denied: ScopeSet,
    /// Requested scopes of which the token says nothing.
    pub unknown: ScopeSet,
    /// Accepted deviations of the response from the specification.
    pub notes: ResponseNotes,
}

/// A token service's 200 that could not be used, for the [doctor](crate::doctor::Context::of).
#[derive(Clone, Debug)]
pub struct Unusable {
    /// The inspected token; `None` if the response contained no token that could be read.
    pub token: Option<TokenInfo>,
    /// What is wrong with the response, if it is malformed.
    pub problem: Option<TokenResponseError>,
    /// The requested service.
    pub service: Option<String>,
    /// The caller's clock, in milliseconds since the epoch.
    pub now_ms: i64,
    /// How far the token service's clock is ahead of the caller's ([`ResponseHead::skew_ms`]).
    pub skew_ms: i64,
}

/// How a token is requested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenOptions {
    /// Send a password with the first request instead of trying without it.
    pub credentials_first: bool,
    /// Request a refresh token as well.
    pub refresh_token: bool,
}

/// The token flow: at most three requests to token services.
///
/// Anonymous: GET without authorization. Password: GET with Basic at once when `eager`, else anonymously first and
/// again with Basic after a Basic challenge or a silent denial. Refresh token: POST (OAuth2), never as a password.
///
/// A Bearer challenge of a token service is followed once, if the policy admits its realm ([`TokenFlow::with_policy`];
/// without a policy, only on the token service's own origin).
#[derive(Debug)]
pub struct TokenFlow {
    realm: Realm,
    service: Option<String>,
    scopes: ScopeSet,
    credential: Credential,
    offline: bool,
    policy: Option<RealmPolicy>,
    /// The request budget, at most [`MAX_REQUESTS`].
    budget: u8,
    requests: u8,
    /// Whether further requests carry the password.
    identify: bool,
    /// The nested token service, while a request to it is pending.
    nested: Option<Nested>,
    /// The token for the token service, once obtained.
    nested_token: Option<SecretString>,
    /// The status of the refusal, while the credentials are sent without scopes.
    confirming: Option<u16>,
    unusable: Option<Box<Unusable>>,
    /// What was unusual or wrong in the last response.
    problem: Option<&'static str>,
    state: State,
    records: Vec<StepRecord>,
}

#[derive(Debug)]
struct Nested {
    realm: Realm,
    service: Option<String>,
    scopes: ScopeSet,
}

#[derive(Debug)]
enum State {
    Send,
    Done(Box<TokenGrant>),
    Fail(FlowError),
}

impl TokenFlow {
    /// A flow for one token. A request without scopes always carries the password, because an anonymous token without scopes
    /// proves nothing.
    pub fn new(
        realm: Realm,
        service: Option<String>,
        scopes: ScopeSet,
        credential: Credential,
        options: TokenOptions,
    ) -> Self {
        let checked = credential.check();
        let identify = matches!(credential, Credential::Password { .. })
            && (options.credentials_first || scopes.is_empty());
        let mut flow = Self {
            realm,
            service: service.filter(|service| !service.is_empty()),
            scopes,
            credential,
            offline: options.refresh_token,
            policy: None,
            budget: MAX_REQUESTS,
            requests: 0,
            identify,
            nested: None,
            nested_token: None,
            confirming: None,
            unusable: None,
            problem: None,
            state: State::Send,
            records: Vec::new(),
        };
        if let Err(code) = checked {
            flow.fail(FlowError::new(code, Hop::TokenService));
            return flow;
        }
        let decision = match &flow.credential {
            Credential::RefreshToken { .. } => Decision::UseRefreshToken,
            Credential::Password { .. } if identify => Decision::SendCredentialsAhead,
            Credential::Password { .. } | Credential::Anonymous => Decision::TryAnonymous,
        };
        let record = StepRecord { sent: None, ..flow.draft(decision) };
        flow.records.push(record);
        flow
    }

    /// Sets the registry's realm policy, which decides about nested token services.
    #[must_use]
    pub fn with_policy(mut self, policy: RealmPolicy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Reduces the request budget, if other requests were sent for the same purpose.
    #[must_use]
    pub(super) fn with_budget(mut self, budget: u8) -> Self {
        self.budget = budget.min(MAX_REQUESTS);
        self
    }

    /// The number of requests that were sent, with or without a response.
    pub(super) fn requests(&self) -> u8 {
        self.requests
    }

    /// The next step. Until a result is reported, every call returns the same step.
    pub fn step(&self) -> TokenStep {
        match &self.state {
            State::Send => TokenStep::Send(self.request()),
            State::Done(grant) => TokenStep::Done((**grant).clone()),
            State::Fail(error) => TokenStep::Fail(*error),
        }
    }

    /// Reports the response of the token service, with its head, body and time of arrival (milliseconds since the epoch). A
    /// report without a pending step is ignored.
    pub fn response(&mut self, head: &ResponseHead<'_>, body: &[u8], now_ms: i64) {
        if matches!(self.state, State::Send) {
            self.requests += 1;
            self.problem = None;
            self.responded(head, body, now_ms);
        }
    }

    /// Reports that the token service could not be reached.
    pub fn transport_failed(&mut self, error: TransportError) {
        if matches!(self.state, State::Send) {
            self.requests += 1;
            self.fail(FlowError::new(error.code(), Hop::TokenService));
        }
    }

    /// Takes the token service's 200 that could not be used, if that is why the flow failed.
    pub fn take_unusable(&mut self) -> Option<Box<Unusable>> {
        self.unusable.take()
    }

    /// Takes the records since the last call, oldest first.
    pub fn take_records(&mut self) -> Vec<StepRecord> {
        mem::take(&mut self.records)
    }

    fn request(&self) -> HttpRequest {
        let current = self.current();
        if let (Credential::RefreshToken { token, .. }, None) = (&self.credential, &self.nested) {
            let (target, form) = current.refresh_form(token);
            return HttpRequest {
                method: "POST",
                target,
                authorization: Authorization::None,
                form: Some(form),
            };
        }
        let authorization = self.authorization();
        let account = match &authorization {
            Authorization::Basic { username, .. } => Some(username.as_str()),
            _ => None,
        };
        HttpRequest { method: "GET", target: current.url(account), authorization, form: None }
    }

    fn current(&self) -> TokenRequest<'_> {
        match &self.nested {
            Some(Nested { realm, service, scopes }) => {
                TokenRequest { realm, service: service.as_deref(), scopes, offline: false }
            }
            None => TokenRequest {
                realm: &self.realm,
                service: self.service.as_deref(),
                scopes: if self.confirming.is_some() { &NO_SCOPES } else { &self.scopes },
                offline: self.offline,
            },
        }
    }

    fn authorization(&self) -> Authorization {
        match (&self.nested_token, &self.credential) {
            (Some(token), _) => Authorization::Bearer(token.clone()),
            (None, Credential::Password { username, password }) if self.identify => {
                Authorization::Basic { username: username.clone(), password: password.clone() }
            }
            _ => Authorization::None,
        }
    }

    /// Whether the current request carries credentials.
    fn is_identified(&self) -> bool {
        self.identify || matches!(self.credential, Credential::RefreshToken { .. })
    }

    /// Whether there is a password that was not sent yet, and a request left in the budget.
    fn can_identify(&self) -> bool {
        !self.identify
            && matches!(self.credential, Credential::Password { .. })
            && self.requests < self.budget
    }

    fn record(&mut self, status: u16, decision: Decision) {
        let record = StepRecord { status: Some(status), ..self.draft(decision) };
        self.records.push(record);
    }

    fn fail(&mut self, error: FlowError) {
        let record = StepRecord { status: error.status, ..self.draft(Decision::GaveUp) }.failed(error);
        self.records.push(record);
        self.state = State::Fail(error);
    }

    fn end(&mut self, code: ErrorCode, status: u16) {
        self.fail(FlowError::new(code, Hop::TokenService).with_status(status));
    }

    /// Ends the flow after the request without scopes. The error has the status of the refused request, the record that of
    /// the request without scopes.
    fn end_confirming(&mut self, code: ErrorCode, refused: u16, status: u16) {
        let error = FlowError::new(code, Hop::TokenService).with_status(refused);
        let record = StepRecord { status: Some(status), ..self.draft(Decision::GaveUp) }.failed(error);
        self.records.push(record);
        self.state = State::Fail(error);
    }

    fn draft(&self, decision: Decision) -> StepRecord {
        let current = self.current();
        let is_post = matches!(self.credential, Credential::RefreshToken { .. }) && self.nested.is_none();
        let target = format!("{}{}", current.realm.origin(), current.realm.path());
        StepRecord {
            sent: self.authorization().scheme().map(Into::into),
            scopes: current.scopes.to_strings(),
            ..StepRecord::new(Hop::TokenService, if is_post { "POST" } else { "GET" }, &target, decision)
                .with_problem(self.problem)
        }
    }
}

#[cfg(test)]
mod tests;
