//! One request at a registry, through every challenge.

mod challenged;

use std::mem;

use secrecy::SecretString;

use super::{
    Authorization, Decision, FlowError, Hop, RegistryAuth, ResponseHead, StepRecord, TransportError,
    retry_after,
};
use crate::challenge::{BearerChallenge, Selected, parse_lines, select};
use crate::code::ErrorCode;
use crate::realm::{AdmitRealm, RealmPolicy};
use crate::scope::ScopeSet;

/// The most requests to the registry: without a token, with one, with a better one.
pub(super) const MAX_REQUESTS: u8 = 3;
/// The most tokens: one, and one that is wider or fresher.
pub(super) const MAX_TOKENS: u8 = 2;

/// A request to the registry.
#[derive(Clone, Debug)]
pub struct ResourceRequest {
    /// HTTP method, upper case.
    pub method: String,
    /// Path from `/v2/` on, with its query.
    pub path: String,
    /// The scopes it needs (`scopes_for`); empty for `/v2/` and where the registry wants none.
    pub scopes: ScopeSet,
}

/// A token is needed; the driver gets it (from the key server, a cache, or by a [`TokenFlow`](super::TokenFlow)).
#[derive(Clone, Debug)]
pub struct TokenNeed {
    /// Who to ask. Text of the registry, not yet vetted: a realm policy admits it before anything is sent there.
    pub challenge: BearerChallenge,
    /// For what.
    pub scopes: ScopeSet,
    /// The last token for these scopes was refused, so a cached one will not do.
    pub fresh: bool,
}

/// What to do next.
#[derive(Debug)]
pub enum ResourceStep {
    /// Send the request with this authorization, then call [`ResourceFlow::response`] or [`ResourceFlow::transport_failed`].
    Send(Authorization),
    /// Get a token, then call [`ResourceFlow::token`].
    NeedToken(TokenNeed),
    /// Send `GET /v2/` with this authorization instead, then call [`ResourceFlow::confirmed`] or
    /// [`ResourceFlow::transport_failed`]: the credentials were refused together with the resource, and this shows which of
    /// the two it is.
    Confirm(Authorization),
    /// The last response is the answer: hand it on, whatever its status.
    Done(ResourceOutcome),
    /// The last response, if any, is not to be used.
    Fail(FlowError),
}

/// What was learned on the way, for the next request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceOutcome {
    /// How the registry authenticates, if that is known: that it is open is learned from a success of a registry only.
    pub auth: Option<RegistryAuth>,
    /// The scopes with which it was satisfied: a superset of the request's when the registry asked for more.
    pub scopes: ScopeSet,
}

/// The machine. At most three requests to the registry and two tokens, whatever the responses are.
#[derive(Debug)]
pub struct ResourceFlow {
    request: ResourceRequest,
    identified: bool,
    policy: Option<Box<dyn AdmitRealm>>,
    /// The request's scopes, and what the registry asked for beyond them.
    requested: ScopeSet,
    /// What earlier answers taught, until this one teaches otherwise.
    known: Option<RegistryAuth>,
    /// The challenge that the last token was asked for.
    requested_from: Option<BearerChallenge>,
    /// Why no token could be had ahead of the request.
    ahead_failure: Option<FlowError>,
    /// The token service has been asked before any request was sent.
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
    /// With the status of the refusal.
    Confirm(u16),
    NeedToken(TokenNeed),
    Done(ResourceOutcome),
    Fail(FlowError),
}

impl ResourceFlow {
    /// A flow for one request.
    ///
    /// `known` is what an earlier answer taught; with it a cold request takes two steps instead of three.
    /// `identified` says whether the driver acts for a session: it decides between `login_required` and
    /// `scope_denied`, and whether [`Authorization::FromSession`] can be used at a Basic registry.
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
            // Without scope most token services give nothing to nobody, so an anonymous `/v2/` is asked plainly.
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

    /// The same with a realm policy: of several Bearer challenges the first admitted one is answered, and a registry
    /// whose realms are all foreign fails with [`ErrorCode::RealmNotAllowed`] before anyone is asked. Without one, the
    /// driver vets [`TokenNeed::challenge`].
    #[must_use]
    pub fn with_policy(mut self, policy: RealmPolicy) -> Self {
        self.policy = Some(Box::new(policy));
        self
    }

    /// What to do now. Until something is reported, every call returns the same step.
    pub fn step(&self) -> ResourceStep {
        match &self.state {
            State::Send(authorization) => ResourceStep::Send(authorization.clone()),
            State::Confirm(_) => ResourceStep::Confirm(Authorization::FromSession),
            State::NeedToken(need) => ResourceStep::NeedToken(need.clone()),
            State::Done(outcome) => ResourceStep::Done(outcome.clone()),
            State::Fail(error) => ResourceStep::Fail(*error),
        }
    }

    /// The registry answered. A report without a pending step is ignored.
    pub fn response(&mut self, head: &ResponseHead<'_>) {
        let State::Send(authorization) = &self.state else { return };
        let sent = authorization.scheme();
        let bearer_sent = matches!(authorization, Authorization::Bearer(_));
        self.requests += 1;
        match head.status {
            401 | 403 => self.challenged(head, sent, bearer_sent),
            429 => {
                let mut error = FlowError::new(ErrorCode::RateLimited, Hop::Registry);
                error.retry_after_ms = retry_after::millis(head, None);
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

    /// The token came, or could not be had. A report without a pending step is ignored.
    pub fn token(&mut self, token: Result<SecretString, FlowError>) {
        if !matches!(self.state, State::NeedToken(_)) {
            return;
        }
        match token {
            Ok(token) => {
                self.state = State::Send(Authorization::Bearer(token));
                self.record(None, None, Decision::SendToken);
            }
            // What was known may be wrong: Harbor takes no token for its catalog, Quay refuses the scope that others
            // want, a registry can move to another token service. The registry says it best.
            Err(error) if self.ahead && self.requests == 0 && is_about_the_request(error.code) => {
                self.ahead_failure = Some(error);
                self.state = State::Send(Authorization::None);
                self.record(None, None, Decision::TryWithoutToken);
            }
            // The token service does not know the scope that others want: what the registry says is asked for instead.
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

    /// The registry answered to the credentials alone. A report that no step asked for is ignored.
    pub fn confirmed(&mut self, head: &ResponseHead<'_>) {
        let State::Confirm(refused) = &self.state else { return };
        let refused = *refused;
        let mut error = FlowError::new(
            match head.status {
                401 => ErrorCode::BadCredentials,
                429 => ErrorCode::RateLimited,
                500..=599 => ErrorCode::UpstreamFailed,
                _ => ErrorCode::ScopeDenied,
            },
            Hop::Registry,
        );
        if head.status == 429 {
            error.retry_after_ms = retry_after::millis(head, None);
        }
        self.fail(error, Some(refused), Some("Basic"));
    }

    /// The registry could not be asked.
    pub fn transport_failed(&mut self, error: TransportError) {
        self.failed(FlowError::new(error.code(), Hop::Registry));
    }

    /// The request could not be sent, or its answer not be used, for a reason that the driver knows. A report that no step
    /// asked for is ignored.
    pub fn failed(&mut self, error: FlowError) {
        if let State::Send(authorization) = &self.state {
            let sent = authorization.scheme();
            self.requests += 1;
            self.fail(error, None, sent);
        } else if let State::Confirm(refused) = &self.state {
            let refused = *refused;
            self.fail(error, Some(refused), Some("Basic"));
        }
    }

    /// The records made since the last call, oldest first.
    pub fn take_records(&mut self) -> Vec<StepRecord> {
        mem::take(&mut self.records)
    }

    /// How the registry authenticates, as far as it is known by now: also from a flow that failed, for the next one.
    pub fn known(&self) -> Option<RegistryAuth> {
        match (&self.state, &self.requested_from) {
            (State::Fail(_), Some(BearerChallenge { realm, service, .. })) => {
                Some(RegistryAuth::Bearer { realm: realm.clone(), service: service.clone() })
            }
            (State::Done(outcome), _) => outcome.auth.clone(),
            _ => self.known.clone(),
        }
    }

    /// What a successful response shows about the registry.
    fn learn_auth(&mut self, head: &ResponseHead<'_>, bearer_sent: bool) {
        if self.basic_sent && !bearer_sent {
            // Harbor takes Basic for its catalog and tokens for the rest; one exception does not unlearn the rule.
            if !matches!(self.known, Some(RegistryAuth::Bearer { .. })) {
                self.known = Some(RegistryAuth::Basic);
            }
        } else if let Some(BearerChallenge { realm, service, .. }) =
            self.requested_from.clone().filter(|_| bearer_sent)
        {
            self.known = Some(RegistryAuth::Bearer { realm, service });
        } else if let Ok(challenges) = parse_lines(head.challenges.iter().copied()) {
            // Quay and zot challenge on a 200 as well: this much is open, more is to be had with a token.
            match select(&challenges) {
                Selected::Bearer(BearerChallenge { realm, service, .. }) => {
                    self.known = Some(RegistryAuth::Bearer { realm, service });
                }
                Selected::Basic { .. } => self.known = Some(RegistryAuth::Basic),
                Selected::Other { .. } | Selected::None => {}
            }
        }
    }

    /// Asks for what the registry's challenge names, as it stands.
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

    fn draft(&self, status: Option<u16>, sent: Option<&'static str>, decision: Decision) -> StepRecord {
        StepRecord {
            status,
            sent: sent.map(Into::into),
            scopes: self.requested.to_strings(),
            ..StepRecord::new(Hop::Registry, &self.request.method, &self.request.path, decision)
        }
    }
}

/// Whether the token service refused what was asked for, as opposed to who asked.
fn is_about_the_scope(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::TokenRequestRefused | ErrorCode::ScopeDenied)
}

/// Whether another question could still be answered, as opposed to a caller or service that is in trouble.
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
