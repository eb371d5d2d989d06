//! The login flow, which checks credentials before a session is sealed.

mod registry;

use std::mem;

use secrecy::SecretString;

use super::token::{self, TokenFlow, TokenGrant, TokenOptions, TokenStep, Unusable};
use super::{
    Authorization, Decision, FlowError, Hop, HttpRequest, RegistryAuth, ResponseHead, StepRecord,
    TransportError,
};
use crate::code::ErrorCode;
use crate::credential::Credential;
use crate::realm::{Realm, RealmPolicy};
use crate::scope::ScopeSet;

/// Made-up credentials for the control probe. The caller generates them at random.
#[derive(Clone, Debug)]
pub struct ProbeCredential {
    /// A random user name that does not exist, so that no account is locked by wrong passwords.
    pub username: String,
    /// A random password.
    pub password: SecretString,
}

/// The next action.
#[derive(Debug)]
pub enum LoginStep {
    /// Send this request to the registry (the target is a path), then report the result.
    SendToRegistry(HttpRequest),
    /// Send this request to the token service (the target is a URL; no redirects, at most 64 KiB of body), then report the
    /// result.
    SendToTokenService(HttpRequest),
    /// The credentials are valid.
    Done(Box<LoginProof>),
    /// The credentials are invalid, or cannot be checked.
    Fail(FlowError),
}

/// The result of a login, from which a session is sealed.
#[derive(Clone, Debug)]
pub struct LoginProof {
    /// How the registry authenticates: Basic, or Bearer with the realm that the policy admitted.
    pub auth: RegistryAuth,
    /// The credential to seal: the refresh token if the service issued one, otherwise the one given.
    pub credential: Credential,
}

/// The login flow: at most six requests to the registry, and three to token services.
///
/// It requests `/v2/` of the registry to get a challenge, and resources if `/v2/` allows anonymous access, because a registry
/// may send challenges there only.
///
/// It requests a token without scopes, so that access to public content cannot conceal a wrong password. The token must not
/// be anonymous. Unless its subject is the user name, made-up credentials are sent, which must fail. A Basic registry is sent
/// one request with the credentials. If it allows anonymous access as well (zot), made-up credentials must fail there too.
#[derive(Debug)]
pub struct LoginFlow {
    policy: RealmPolicy,
    credential: Credential,
    control: ProbeCredential,
    /// The path that is requested from the registry.
    path: &'static str,
    unusable: Option<Box<Unusable>>,
    state: State,
    records: Vec<StepRecord>,
}

#[derive(Debug)]
enum State {
    /// A request to the registry.
    Registry(RegistryRequest),
    /// A token request with the credentials.
    Token(Box<TokenFlow>, Bearer),
    /// A token request with made-up credentials.
    Control(Box<TokenFlow>, Box<LoginProof>, Realm),
    Done(Box<LoginProof>),
    Fail(FlowError),
}

impl State {
    fn is_probe(&self) -> bool {
        matches!(self, Self::Registry(RegistryRequest::Probe))
    }
}

/// The purpose of a request to the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RegistryRequest {
    /// To find out how the registry authenticates.
    Probe,
    /// To check the credentials. `open` means that the registry allows anonymous access as well.
    Basic { open: bool },
    /// To check that made-up credentials are refused. The status is that of the response to the real ones.
    Control { seen: u16 },
}

/// The token service that the registry named.
#[derive(Debug)]
struct Bearer {
    realm: Realm,
    service: Option<String>,
}

impl LoginFlow {
    /// A login with these credentials at the registry of this policy.
    pub fn new(policy: RealmPolicy, credential: Credential, probe: ProbeCredential) -> Self {
        let mut flow = Self {
            policy,
            credential,
            control: probe,
            path: registry::PATH,
            unusable: None,
            state: State::Registry(RegistryRequest::Probe),
            records: Vec::new(),
        };
        let checked = flow.credential.check();
        match (&flow.credential, checked) {
            (Credential::Anonymous, _) => flow.end(ErrorCode::InvalidRequest, None),
            (_, Err(code)) => flow.end(code, None),
            (_, Ok(())) => flow.record(None, Decision::Probe),
        }
        flow
    }

    /// The next step. Until a result is reported, every call returns the same step.
    pub fn step(&self) -> LoginStep {
        match &self.state {
            State::Registry(request) => LoginStep::SendToRegistry(HttpRequest {
                method: "GET",
                target: self.path.to_owned(),
                authorization: self.authorization(*request),
                form: None,
            }),
            State::Token(flow, _) | State::Control(flow, ..) => match flow.step() {
                TokenStep::Send(request) => LoginStep::SendToTokenService(request),
                // Never reached: `response` has processed the end of this flow.
                TokenStep::Done(_) | TokenStep::Fail(_) => {
                    LoginStep::Fail(FlowError::new(ErrorCode::Internal, Hop::TokenService))
                }
            },
            State::Done(proof) => LoginStep::Done(proof.clone()),
            State::Fail(error) => LoginStep::Fail(*error),
        }
    }

    /// Reports the response to the last request, with its head, body and time of arrival (milliseconds since the epoch). A
    /// report without a pending step is ignored.
    pub fn response(&mut self, head: &ResponseHead<'_>, body: &[u8], now_ms: i64) {
        match &mut self.state {
            State::Registry(request) => {
                let request = *request;
                self.registry_responded(request, head);
            }
            State::Token(flow, _) | State::Control(flow, ..) => {
                flow.response(head, body, now_ms);
                self.advance();
            }
            State::Done(_) | State::Fail(_) => {}
        }
    }

    /// Reports that the last request failed without a response.
    pub fn transport_failed(&mut self, error: TransportError) {
        match &mut self.state {
            State::Registry(_) => self.end(error.code(), None),
            State::Token(flow, _) | State::Control(flow, ..) => {
                flow.transport_failed(error);
                self.advance();
            }
            State::Done(_) | State::Fail(_) => {}
        }
    }

    /// Takes the token service's 200 that could not be used, if that is why the login failed.
    pub fn take_unusable(&mut self) -> Option<Box<Unusable>> {
        self.unusable.take()
    }

    /// Takes the records since the last call, oldest first.
    pub fn take_records(&mut self) -> Vec<StepRecord> {
        mem::take(&mut self.records)
    }

    /// Requests a token with the credentials, and a refresh token to seal in place of the password.
    fn request_token(&mut self, bearer: Bearer) {
        let flow = TokenFlow::new(
            bearer.realm.clone(),
            bearer.service.clone(),
            ScopeSet::new(),
            self.credential.clone(),
            TokenOptions { credentials_first: true, refresh_token: true },
        );
        self.state = State::Token(Box::new(flow.with_policy(self.policy.clone())), bearer);
    }

    /// Processes the result of the token flow, if it has ended.
    fn advance(&mut self) {
        let (State::Token(flow, _) | State::Control(flow, ..)) = &mut self.state else { return };
        let records = flow.take_records();
        let step = flow.step();
        let requests = flow.requests();
        self.unusable = flow.take_unusable();
        let is_control = matches!(self.state, State::Control(..));
        let refused = matches!(&step, TokenStep::Fail(error) if self.is_refusal(error.code));
        if is_control {
            // A refusal of made-up credentials is the expected result, and the probe has been recorded.
            let responses =
                records.into_iter().filter(|record| record.status.is_some() || record.code.is_some());
            self.records.extend(responses.map(|record| {
                let code = record.code.filter(|_| !refused);
                let decision = Decision::ControlProbe;
                StepRecord { code, decision, reason: decision.reason().into(), ..record }
            }));
        } else {
            self.records.extend(records);
        }
        let fallback = State::Fail(FlowError::new(ErrorCode::Internal, Hop::TokenService));
        match (step, is_control) {
            (TokenStep::Send(_), _) => {}
            (TokenStep::Done(grant), false) => {
                if let State::Token(_, bearer) = mem::replace(&mut self.state, fallback) {
                    self.judge(grant, bearer, requests);
                }
            }
            (TokenStep::Fail(error), false) => self.state = State::Fail(error),
            // The service issues a token for any credentials.
            (TokenStep::Done(_), true) => {
                if let State::Control(_, _, realm) = mem::replace(&mut self.state, fallback) {
                    self.token_end(ErrorCode::RegistryUnverifiable, &realm);
                }
            }
            (TokenStep::Fail(error), true) => match mem::replace(&mut self.state, fallback) {
                State::Control(_, proof, _) if refused => self.prove(*proof),
                _ => self.state = State::Fail(error),
            },
        }
    }

    /// Whether made-up credentials were refused, as required.
    fn is_refusal(&self, code: ErrorCode) -> bool {
        match code {
            ErrorCode::BadCredentials => true,
            // Services do not always respond to made-up refresh tokens with `invalid_grant`.
            ErrorCode::TokenRequestRefused => matches!(self.credential, Credential::RefreshToken { .. }),
            _ => false,
        }
    }

    /// Whether the token that was issued for the credentials proves that they are valid.
    fn judge(&mut self, grant: TokenGrant, bearer: Bearer, requests: u8) {
        if grant.is_anonymous {
            // Harbor issues an anonymous token for a wrong password.
            return self.token_end(ErrorCode::BadCredentials, &bearer.realm);
        }
        // A subject equal to the user name proves that the service has checked the credentials. Some services use `guest` for all.
        let typed = self.credential.username().unwrap_or_default();
        let named = grant
            .subject
            .as_deref()
            .is_some_and(|subject| !typed.is_empty() && subject.eq_ignore_ascii_case(typed));
        let proof = LoginProof {
            auth: RegistryAuth::Bearer { realm: bearer.realm.to_string(), service: bearer.service.clone() },
            credential: self.sealable(grant),
        };
        if named {
            return self.prove(proof);
        }
        if requests >= token::MAX_REQUESTS {
            return self.token_end(ErrorCode::RegistryUnverifiable, &bearer.realm);
        }
        let control = self.control.clone();
        let made_up = match &self.credential {
            Credential::RefreshToken { .. } => {
                Credential::RefreshToken { username: control.username, token: control.password }
            }
            _ => Credential::Password { username: control.username, password: control.password },
        };
        let options = TokenOptions { credentials_first: true, refresh_token: false };
        let realm = bearer.realm.clone();
        let flow = TokenFlow::new(bearer.realm, bearer.service, ScopeSet::new(), made_up, options)
            .with_budget(token::MAX_REQUESTS - requests);
        let mut record = StepRecord::new(Hop::TokenService, "GET", "", Decision::ControlProbe);
        record.target = target(&realm);
        self.records.push(record);
        self.state = State::Control(Box::new(flow), Box::new(proof), realm);
    }

    /// The credential to seal: the refresh token in place of the password, unless the token is for another user name.
    fn sealable(&self, grant: TokenGrant) -> Credential {
        let typed = self.credential.username().unwrap_or_default();
        let username = match &grant.subject {
            Some(subject) if typed.is_empty() => subject.clone(),
            Some(subject) if !subject.eq_ignore_ascii_case(typed) => return self.credential.clone(),
            _ => typed.to_owned(),
        };
        match (grant.refresh_token, &self.credential) {
            (Some(token), _) => Credential::RefreshToken { username, token },
            (None, Credential::RefreshToken { token, .. }) => {
                Credential::RefreshToken { username, token: token.clone() }
            }
            (None, credential) => credential.clone(),
        }
    }

    fn prove(&mut self, proof: LoginProof) {
        let (hop, path) = match proof.auth.realm() {
            Some(realm) => (Hop::TokenService, realm.to_owned()),
            None => (Hop::Registry, self.path.to_owned()),
        };
        self.records.push(StepRecord::new(hop, "GET", &path, Decision::Proven));
        self.state = State::Done(Box::new(proof));
    }

    fn authorization(&self, request: RegistryRequest) -> Authorization {
        match (request, &self.credential) {
            (RegistryRequest::Basic { .. }, Credential::Password { username, password }) => {
                Authorization::Basic { username: username.clone(), password: password.clone() }
            }
            (RegistryRequest::Control { .. }, _) => Authorization::Basic {
                username: self.control.username.clone(),
                password: self.control.password.clone(),
            },
            _ => Authorization::None,
        }
    }

    fn record(&mut self, status: Option<u16>, decision: Decision) {
        let record = self.draft(status, decision);
        self.records.push(record);
    }

    fn fail(&mut self, error: FlowError) {
        let record = self.draft(error.status, Decision::GaveUp).failed(error);
        self.records.push(record);
        self.state = State::Fail(error);
    }

    /// Ends the flow with an error at the registry.
    fn end(&mut self, code: ErrorCode, status: Option<u16>) {
        self.fail(FlowError { status, ..FlowError::new(code, Hop::Registry) });
    }

    /// The same because of a realm or redirect target of the registry.
    fn end_at(&mut self, code: ErrorCode, status: u16, place: Option<&str>) {
        self.end(code, Some(status));
        if let Some(record) = self.records.pop() {
            self.records.push(record.with_place(place));
        }
    }

    /// Ends the flow by the token service's 200.
    fn token_end(&mut self, code: ErrorCode, realm: &Realm) {
        let error = FlowError::new(code, Hop::TokenService).with_status(200);
        let record = StepRecord::new(Hop::TokenService, "GET", &target(realm), Decision::GaveUp);
        self.records.push(StepRecord { status: error.status, ..record }.failed(error));
        self.state = State::Fail(error);
    }

    fn draft(&self, status: Option<u16>, decision: Decision) -> StepRecord {
        let sent = match &self.state {
            State::Registry(request) if status.is_some() => self.authorization(*request).scheme(),
            _ => None,
        };
        StepRecord {
            status,
            sent: sent.map(Into::into),
            ..StepRecord::new(Hop::Registry, "GET", self.path, decision)
        }
    }
}

/// A realm without its query, for records.
fn target(realm: &Realm) -> String {
    format!("{}{}", realm.origin(), realm.path())
}

#[cfg(test)]
mod tests;
