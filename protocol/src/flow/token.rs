//! One token from a token service.

use secrecy::SecretString;

use super::{FlowError, HttpRequest, ResponseHead, StepRecord, TransportError};
use crate::credential::Credential;
use crate::realm::Realm;
use crate::scope::ScopeSet;

/// What to do next.
#[derive(Debug)]
pub enum TokenStep {
    /// Send this to the token service (redirects refused, at most 64 KiB of body), then call [`TokenFlow::response`]
    /// or [`TokenFlow::transport_failed`].
    Send(HttpRequest),
    /// Here it is.
    Done(TokenGrant),
    /// There is none.
    Fail(FlowError),
}

/// A token and what it is good for.
#[derive(Clone, Debug)]
pub struct TokenGrant {
    /// The registry token.
    pub token: SecretString,
    /// Milliseconds since the epoch, by the caller's clock: the smaller of JWT `exp` and `expires_in`; 60 s if neither.
    pub expires_at_ms: i64,
    /// Given only when offline access was asked for. Never leaves the key server.
    pub refresh_token: Option<SecretString>,
    /// Whether the token is a readable JWT.
    pub is_jwt: bool,
    /// The token's `sub`, when it is a JWT that has one that is not anonymous.
    pub subject: Option<String>,
    /// Asked and granted, by what the token says.
    pub granted: ScopeSet,
    /// Asked and not granted.
    pub denied: ScopeSet,
    /// Asked, and the token does not say.
    pub unknown: ScopeSet,
}

/// The machine. At most three requests to token services.
///
/// Anonymous: GET without authorization. Password: GET with Basic at once when `eager`, else anonymously first and
/// again with Basic on a Basic challenge or on a silent denial. Refresh token: POST (OAuth2), never as a password.
#[derive(Debug)]
pub struct TokenFlow {
    _todo: (),
}

impl TokenFlow {
    /// A flow for one token.
    ///
    /// `offline` asks for a refresh token as well. `eager` sends a password with the first request.
    pub fn new(
        realm: Realm,
        service: Option<String>,
        scopes: ScopeSet,
        credential: Credential,
        eager: bool,
        offline: bool,
    ) -> Self {
        let _ = (realm, service, scopes, credential, eager, offline);
        todo!()
    }

    /// What to do now. Asking twice without reporting gives the same answer.
    pub fn step(&self) -> TokenStep {
        todo!()
    }

    /// The token service answered with this head and body at this time (milliseconds since the epoch).
    pub fn response(&mut self, head: &ResponseHead<'_>, body: &[u8], now_ms: i64) {
        let _ = (head, body, now_ms);
        todo!()
    }

    /// The token service could not be asked.
    pub fn transport_failed(&mut self, error: TransportError) {
        let _ = error;
        todo!()
    }

    /// The records made since the last call, oldest first.
    pub fn take_records(&mut self) -> Vec<StepRecord> {
        todo!()
    }
}
