//! The proof that credentials are good, before a session is sealed.

use secrecy::SecretString;

use super::{FlowError, HttpRequest, ResponseHead, StepRecord, TransportError};
use crate::api::RegistryAuth;
use crate::credential::Credential;
use crate::realm::{Realm, RealmPolicy};

/// Made-up credentials for the control probe; the caller draws them at random.
#[derive(Clone, Debug)]
pub struct ProbeCredential {
    /// A user that cannot exist: a random name, so that nobody's account is locked by wrong passwords.
    pub username: String,
    /// A random password.
    pub password: SecretString,
}

/// What to do next.
#[derive(Debug)]
pub enum LoginStep {
    /// Send this to the registry (target is a path), then report.
    SendToRegistry(HttpRequest),
    /// Send this to the token service (target is a URL; redirects refused, at most 64 KiB of body), then report.
    SendToTokenService(HttpRequest),
    /// The credentials are good.
    Done(Box<LoginProof>),
    /// They are not, or it cannot be known.
    Fail(FlowError),
}

/// What a session is sealed from.
#[derive(Clone, Debug)]
pub struct LoginProof {
    /// How the registry authenticates: Bearer or Basic.
    pub auth: RegistryAuth,
    /// The realm seen at login, admitted by the policy. None with Basic.
    pub realm: Option<Realm>,
    /// The service seen at login.
    pub service: Option<String>,
    /// What to seal: the refresh token if the service gave one, else what was typed.
    pub credential: Credential,
}

/// The machine: at most two requests to the registry, and three to the token service.
///
/// It asks the token service without scope, so that a wrong password cannot hide behind public content, wants a
/// subject that is not anonymous, and where the token names none, tries made-up credentials that must fail.
#[derive(Debug)]
pub struct LoginFlow {
    _todo: (),
}

impl LoginFlow {
    /// A login with these credentials at the registry that this policy is for.
    pub fn new(policy: RealmPolicy, credential: Credential, probe: ProbeCredential) -> Self {
        let _ = (policy, credential, probe);
        todo!()
    }

    /// What to do now. Asking twice without reporting gives the same answer.
    pub fn step(&self) -> LoginStep {
        todo!()
    }

    /// The last request was answered with this head and body at this time (milliseconds since the epoch).
    pub fn response(&mut self, head: &ResponseHead<'_>, body: &[u8], now_ms: i64) {
        let _ = (head, body, now_ms);
        todo!()
    }

    /// The last request got no answer.
    pub fn transport_failed(&mut self, error: TransportError) {
        let _ = error;
        todo!()
    }

    /// The records made since the last call, oldest first.
    pub fn take_records(&mut self) -> Vec<StepRecord> {
        todo!()
    }
}
