//! One request at a registry, through every challenge.

use secrecy::SecretString;

use super::{Authorization, FlowError, ResponseHead, StepRecord, TransportError};
use crate::challenge::BearerChallenge;
use crate::scope::ScopeSet;

/// What is asked of the registry.
#[derive(Clone, Debug)]
pub struct ResourceRequest {
    /// HTTP method, upper case.
    pub method: String,
    /// Path from `/v2/` on, with its query.
    pub path: String,
    /// The scopes it needs (`scopes_for`); empty for `/v2/` and where the registry wants none.
    pub scopes: ScopeSet,
}

/// How this registry is known to authenticate, from an earlier answer or a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KnownAuth {
    /// No authorization at all.
    Open,
    /// Basic at the registry.
    Basic,
    /// Tokens of this service. Its `scope` is never reused: many registries put a placeholder there.
    Bearer {
        /// The realm as the registry sent it.
        realm: String,
        /// The service, if it sent one.
        service: Option<String>,
    },
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
    /// The last response is the answer: hand it on, whatever its status.
    Done(Answered),
    /// The last response, if any, is not to be used.
    Fail(FlowError),
}

/// What was learned on the way, for the next request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// How the registry authenticates.
    pub auth: KnownAuth,
    /// The scopes with which it was satisfied: a superset of the request's when the registry asked for more.
    pub scopes: ScopeSet,
}

/// The machine. At most three requests to the registry and two tokens, whatever it answers.
#[derive(Debug)]
pub struct ResourceFlow {
    _todo: (),
}

impl ResourceFlow {
    /// A flow for one request.
    ///
    /// `known` is what an earlier answer taught; with it a cold request takes two steps instead of three.
    /// `identified` says whether the driver acts for a session: it decides between `login_required` and
    /// `scope_denied`, and whether [`Authorization::FromSession`] can be used at a Basic registry.
    pub fn new(request: ResourceRequest, known: Option<KnownAuth>, identified: bool) -> Self {
        let _ = (request, known, identified);
        todo!()
    }

    /// What to do now. Asking twice without reporting gives the same answer.
    pub fn step(&self) -> ResourceStep {
        todo!()
    }

    /// The registry answered.
    pub fn response(&mut self, head: &ResponseHead<'_>) {
        let _ = head;
        todo!()
    }

    /// The token came, or could not be had.
    pub fn token(&mut self, token: Result<SecretString, FlowError>) {
        let _ = token;
        todo!()
    }

    /// The registry could not be asked.
    pub fn transport_failed(&mut self, error: TransportError) {
        let _ = error;
        todo!()
    }

    /// The records made since the last call, oldest first.
    pub fn take_records(&mut self) -> Vec<StepRecord> {
        todo!()
    }
}
