//! One request to a registry, including every challenge.

mod challenged;

use std::mem;

use secrecy::SecretString;

use super::{
    Authorization, Decision, FlowError, Hop, RegistryAuth, ResponseHead, StepRecord, TransportError,
};
use crate::challenge::{BearerChallenge, Selected, parse_lines, select};
use crate::code::ErrorCode;
use crate::realm::{AdmitRealm, RealmPolicy};
use crate::scope::ScopeSet;

/// The maximum number of requests to the registry: without a token, with one, and with a new one.
pub(super) const MAX_REQUESTS: u8 = 3;
/// The maximum number of tokens: one, and one with more scopes or a new one.
pub(super) const MAX_TOKENS: u8 = 2;

/// A request to the registry.
#[derive(Clone, Debug)]
pub struct ResourceRequest {
    /// HTTP method, upper case.
    pub method: String,
    /// Path from `/v2/` on, with its query.
    pub path: String,
    /// The scopes that it needs (`scopes_for`); empty for `/v2/`.
    pub scopes: ScopeSet,
}

/// A token is needed; the driver gets it (from the key server, a cache, or by a [`TokenFlow`](super::TokenFlow)).
#[derive(Clone, Debug)]
pub struct TokenNeed {
    /// The challenge with the token service. Unchecked: a realm policy must admit its realm before anything is sent there.
    pub challenge: BearerChallenge,
    /// The scopes to request.
    pub scopes: ScopeSet,
    /// The last token for these scopes was rejected, so a cached one must not be used.
    pub fresh: bool,
}

/// The next action.
#[derive(Debug)]
pub enum ResourceStep {
    /// Send the request with this authorization, then call [`ResourceFlow::response`] or [`ResourceFlow::transport_failed`].
    Send(Authorization),
    /// Get a token, then call [`ResourceFlow::token`].
    NeedToken(TokenNeed),
    /// Send `GET /v2/` with this authorization instead, then call [`ResourceFlow::confirmed`] or
    /// [`ResourceFlow::transport_failed`]. This shows whether the credentials or the access to the resource was refused.
    Confirm(Authorization),
    /// The last response is the result, whatever its status.
    Done(ResourceOutcome),
    /// The flow failed. The last response, if any, must not be used.
    Fail(FlowError),
}

/// What the flow found out about the registry, for the next request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceOutcome {
    /// How the registry authenticates, if known. A registry is open only after a successful response.
    pub auth: Option<RegistryAuth>,
    /// The scopes of the accepted token: those of the request, and any that the registry required in addition.
    pub scopes: ScopeSet,
}

/// The resource flow: at most three requests to the registry and two tokens.
#[derive(Debug)]
pub struct ResourceFlow {
    request: ResourceRequest,
    identified: bool,
    policy: Option<Box<dyn AdmitRealm>>,
    /// The scopes of the request, and those that the registry required in addition.
    requested: ScopeSet,
    /// How the registry authenticates, by earlier responses until there is a new one.
    known: Option<RegistryAuth>,
    /// The challenge of the last token request.
    requested_from: Option<BearerChallenge>,
    /// Why no token could be obtained before the request.
    ahead_failure: Option<FlowError>,
    /// A token was requested before any request to the registry.
    ahead: bool,
    requests: u8,
    tokens: u8,
    basic_sent: bool,
    state: State,
    records: Vec<StepRecord>,
}

#[derive(Debug)]
enum State {
    Send(Authorization),
    /// The status of the refusal.
    Confirm(u16),
    NeedToken(TokenNeed),
    Done(ResourceOutcome),
    Fail(FlowError),
}

impl ResourceFlow {
    /// A flow for one request.
    ///
    /// `known` is how the registry authenticates, by an earlier response. It saves one request.
    /// `identified` is whether the driver has a session. It decides between `login_required` and `scope_denied`, and whether
    /// [`Authorization::FromSession`] can be used at a Basic registry.
    pub fn new(request: ResourceRequest, known: Option<RegistryAuth>, identified: bool) -> Self {
        let mut flow = Self {
            requested: request.scopes.clone(),
            request,
            identified,
            policy: None,
            requested_from: None,
            ahead_failure: None,
            ahead: false,
            requests: 0,
            tokens: 0,
            basic_sent: false,
            state: State::Send(Authorization::None),
            records: Vec::new(),
            known: None,
        };
        match &known {
            // Most token services issue no anonymous token without scopes, so an anonymous `/v2/` is requested without a token.
            Some(RegistryAuth::Bearer { realm, service }) if identified || !flow.requested.is_empty() => {
                flow.ahead = true;
                let (realm, service) = (realm.clone(), service.clone());
                flow.need_token(BearerChallenge { realm, service, scope: None, error: None }, false);
                flow.record(None, None, Decision::AskTokenAhead);
            }
            Some(RegistryAuth::Basic) if identified => {
                flow.basic_sent = true;
                flow.state = State::Send(Authorization::FromSession);
                flow.record(None, None, Decision::SendCredentialsAhead);
            }
            _ => flow.record(None, None, Decision::TryAnonymous),
        }
        flow.known = known;
        flow
    }

    /// Sets a realm policy: of several Bearer challenges the first admitted one is followed, and if none is admitted the flow
    /// fails with [`ErrorCode::RealmNotAllowed`] before a token request. Without a policy, the driver checks
    /// [`TokenNeed::challenge`].
    #[must_use]
    pub fn with_policy(mut self, policy: RealmPolicy) -> Self {
        self.policy = Some(Box::new(policy));
        self
    }

    /// The next step. Until a result is reported, every call returns the same step.
    pub fn step(&self) -> ResourceStep {
        match &self.state {
            State::Send(authorization) => ResourceStep::Send(authorization.clone()),
            State::Confirm(_) => ResourceStep::Confirm(Authorization::FromSession),
            State::NeedToken(need) => ResourceStep::NeedToken(need.clone()),
            State::Done(outcome) => ResourceStep::Done(outcome.clone()),
            State::Fail(error) => ResourceStep::Fail(*error),
        }
    }

    /// Reports the response of the registry. A report without a pending step is ignored.
    pub fn response(&mut self, head: &ResponseHead<'_>) {
        let State::Send(authorization) = &self.state else { return };
        let sent = authorization.scheme();
        let bearer_sent = matches!(authorization, Authorization::Bearer(_));
        self.requests += 1;
        match head.status {
            401 | 403 => self.challenged(head, sent, bearer_sent),
            429 => {
                let mut error = FlowError::new(ErrorCode::RateLimited, Hop::Registry);
                error.retry_after_ms = head.wait_ms(None);
                self.fail(error, Some(head.status), sent);
            }
            status => {
                self.learn_auth(head, bearer_sent);
                let is_open = (200..300).contains(&status) && !head.is_markup();
                let decision = if status < 400 { Decision::Accepted } else { Decision::HandOn };
                self.record(Some(status), sent, decision);
                let scopes = if bearer_sent { self.requested.clone() } else { self.request.scopes.clone() };
                self.state = State::Done(ResourceOutcome {
                    auth: self.known.clone().or(is_open.then_some(RegistryAuth::Open)),
                    scopes,
                });
            }
        }
    }

    /// Reports the token, or why there is none. A report without a pending step is ignored.
    pub fn token(&mut self, token: Result<SecretString, FlowError>) {
        if !matches!(self.state, State::NeedToken(_)) {
            return;
        }
        match token {
            Ok(token) => {
                self.state = State::Send(Authorization::Bearer(token));
                self.record(None, None, Decision::SendToken);
            }
            // The known authentication may be wrong: Harbor accepts no token for its catalog, Quay refuses the scope that
            // others require, a registry can change its token service. The registry's challenge shows it.
            Err(error) if self.ahead && self.requests == 0 && is_about_the_request(error.code) => {
                self.ahead_failure = Some(error);
                self.state = State::Send(Authorization::None);
                self.record(None, None, Decision::TryWithoutToken);
            }
            // The token service does not support the usual scope, so that of the registry's challenge is requested.
            Err(error) if is_about_the_scope(error.code) && self.tokens < MAX_TOKENS => {
                match self.requested_from.clone().and_then(|challenge| {
                    Some((self.as_stated(&challenge, challenged::is_unknown(error.code))?, challenge))
                }) {
                    Some((scopes, challenge)) => self.need_as_stated(scopes, challenge),
                    None => self.fail(error, None, None),
                }
            }
            Err(error) => self.fail(error, None, None),
        }
    }

    /// Reports the response to `GET /v2/` with the credentials. A report without a pending step is ignored.
    pub fn confirmed(&mut self, head: &ResponseHead<'_>) {
        let State::Confirm(refused) = &self.state else { return };
        let refused = *refused;
        let mut error = FlowError::new(
            match head.status {
                // The login required a 200.
                401 | 403 => ErrorCode::BadCredentials,
                429 => ErrorCode::RateLimited,
                500..=599 => ErrorCode::UpstreamFailed,
                _ => ErrorCode::ScopeDenied,
            },
            Hop::Registry,
        );
        if head.status == 429 {
            error.retry_after_ms = head.wait_ms(None);
        }
        self.end_confirming(error, refused, Some(head.status));
    }

    /// Reports that the registry could not be reached.
    pub fn transport_failed(&mut self, error: TransportError) {
        self.failed(FlowError::new(error.code(), Hop::Registry));
    }

    /// Reports that the request could not be sent, or its response not be used, with the driver's reason. A report without a
    /// pending step is ignored.
    pub fn failed(&mut self, error: FlowError) {
        if let State::Send(authorization) = &self.state {
            let sent = authorization.scheme();
            self.requests += 1;
            self.fail(error, None, sent);
        } else if let State::Confirm(refused) = &self.state {
            let refused = *refused;
            self.end_confirming(error, refused, None);
        }
    }

    /// Takes the records since the last call, oldest first.
    pub fn take_records(&mut self) -> Vec<StepRecord> {
        mem::take(&mut self.records)
    }

    /// How the registry authenticates, as far as known; also after a failure.
    pub fn known(&self) -> Option<RegistryAuth> {
        match (&self.state, &self.requested_from) {
            (State::Fail(_), Some(BearerChallenge { realm, service, .. })) => {
                Some(RegistryAuth::Bearer { realm: realm.clone(), service: service.clone() })
            }
            (State::Done(outcome), _) => outcome.auth.clone(),
            _ => self.known.clone(),
        }
    }

    /// How the registry authenticates, by a successful response.
    fn learn_auth(&mut self, head: &ResponseHead<'_>, bearer_sent: bool) {
        if self.basic_sent && !bearer_sent {
            // Harbor requires Basic for its catalog and tokens for the rest, so Basic for one path does not replace Bearer.
            if !matches!(self.known, Some(RegistryAuth::Bearer { .. })) {
                self.known = Some(RegistryAuth::Basic);
            }
        } else if let Some(BearerChallenge { realm, service, .. }) =
            self.requested_from.clone().filter(|_| bearer_sent)
        {
            self.known = Some(RegistryAuth::Bearer { realm, service });
        } else if let Ok(challenges) = parse_lines(head.challenges.iter().copied()) {
            // Quay and zot send challenges with a 200 as well: this resource is public, others need a token.
            match select(&challenges) {
                Selected::Bearer(BearerChallenge { realm, service, .. }) => {
                    self.known = Some(RegistryAuth::Bearer { realm, service });
                }
                Selected::Basic { .. } => self.known = Some(RegistryAuth::Basic),
                Selected::Other { .. } | Selected::None => {}
            }
        }
    }

    /// Requests the scope of the registry's challenge unchanged.
    fn need_as_stated(&mut self, scopes: ScopeSet, challenge: BearerChallenge) {
        self.record(None, None, Decision::AskAsStated);
        self.requested = scopes;
        self.need_token(challenge, false);
    }

    fn need_token(&mut self, challenge: BearerChallenge, fresh: bool) {
        self.tokens += 1;
        self.requested_from = Some(challenge.clone());
        self.state = State::NeedToken(TokenNeed { challenge, scopes: self.requested.clone(), fresh });
    }

    fn record(&mut self, status: Option<u16>, sent: Option<&'static str>, decision: Decision) {
        let record = self.draft(status, sent, decision);
        self.records.push(record);
    }

    fn fail(&mut self, mut error: FlowError, status: Option<u16>, sent: Option<&'static str>) {
        error.status = error.status.or(status);
        let record = self.draft(status, sent, Decision::GaveUp).failed(error);
        self.records.push(record);
        self.state = State::Fail(error);
    }

    /// Ends the flow after the request for `/v2/`. The error has the status of the refused request, the record that of the
    /// request for `/v2/`.
    fn end_confirming(&mut self, mut error: FlowError, refused: u16, status: Option<u16>) {
        error.status = Some(refused);
        let record = StepRecord::new(Hop::Registry, "GET", challenged::BASE, Decision::GaveUp).failed(error);
        self.records.push(StepRecord { status, sent: Some("Basic".into()), ..record });
        self.state = State::Fail(error);
    }

    fn draft(&self, status: Option<u16>, sent: Option<&'static str>, decision: Decision) -> StepRecord {
        StepRecord {
            status,
            sent: sent.map(Into::into),
            scopes: self.requested.to_strings(),
            ..StepRecord::new(Hop::Registry, &self.request.method, &self.request.path, decision)
        }
    }
}

/// Whether the token service refused the scopes, and not the credentials.
fn is_about_the_scope(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::TokenRequestRefused | ErrorCode::ScopeDenied)
}

/// Whether another request could succeed after this error.
fn is_about_the_request(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::ScopeDenied
            | ErrorCode::LoginRequired
            | ErrorCode::TokenRequestRefused
            | ErrorCode::RealmChanged
            | ErrorCode::RealmNotAllowed
            | ErrorCode::BasicOnly
    )
}

#[cfg(test)]
mod tests;
