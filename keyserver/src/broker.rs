//! Registry tokens: requested once, cached while they are valid, and returned only to the credentials that earned
//! them.
//!
//! The cache key is an HMAC over length-prefixed fields that begin with the hash of the sealed session. The session
//! is random, so that the key is no oracle for passwords, and it cannot be computed without the session. A hit needs
//! no RSA operation, because expiry and logout are known by the session's hash ([`SessionInfo`]). Misses for one key
//! share one request, which runs in a task of its own, so that a caller who disconnects does not cancel it for the
//! others.

mod auth_discovery;
mod cache;
mod flight;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use dockpass_protocol::api::{IssuedToken, RegistryAuth, ReportedChallenge, TokenForm};
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::doctor;
use dockpass_protocol::flow::{FlowError, Hop, KnownAuth, StepRecord, Unusable};
use dockpass_protocol::realm::Realm;
use dockpass_protocol::scope::ScopeSet;
use secrecy::{ExposeSecret, SecretString};
use tracing::Instrument;

use crate::clock::{Clock, NoRandomness, Randomness};
use crate::config::Settings;
use crate::registry::Registry;
use crate::session::{SealedText, SessionInfo, Sessions};
use crate::upstream;
use auth_discovery::AuthDiscovery;
use cache::{CachedToken, Entry, TokenCache};

/// Scopes of one request at most.
const MAX_SCOPES: usize = 100;

/// The caller.
#[derive(Clone, Debug)]
pub enum Identity {
    /// Without a session.
    Anonymous,
    /// The holder of this session.
    Session(SealedText, Arc<SessionInfo>),
}

/// A request for a token.
#[derive(Clone, Debug)]
pub struct BrokerRequest {
    /// The registry.
    pub registry: Arc<Registry>,
    /// The caller.
    pub identity: Identity,
    /// The requested scopes.
    pub scopes: ScopeSet,
    /// The challenge that the caller saw; compared, never used.
    pub seen: Option<ReportedChallenge>,
    /// The registry refused the last token, so that a cached one is not enough.
    pub fresh: bool,
}

/// A token with its grants. `Debug` shows no token.
#[derive(Clone, Debug)]
pub struct Token {
    cached: Arc<CachedToken>,
    /// The steps at the token service; none on a hit.
    pub steps: Vec<StepRecord>,
}

impl Token {
    /// The token itself.
    pub fn secret(&self) -> &SecretString {
        &self.cached.token
    }

    /// The answer of `POST /v1/token` at this time.
    pub fn issued(&self, now_ms: i64) -> IssuedToken {
        let cached = &self.cached;
        let left_ms = cached.expires_at_ms.saturating_sub(now_ms);
        IssuedToken {
            token: cached.token.expose_secret().to_owned(),
            token_type: "Bearer".to_owned(),
            expires_in: u64::try_from(left_ms / 1_000).unwrap_or(0),
            issued_at: now_ms,
            kind: if cached.is_jwt { TokenForm::Jwt } else { TokenForm::Opaque },
            granted: cached.granted.clone(),
            denied: cached.denied.clone(),
            unknown: cached.unknown.clone(),
            steps: Vec::new(),
        }
    }
}

/// Why there is no token, and what led to it.
#[derive(Clone, Debug)]
pub struct BrokerError {
    /// Why, and at which hop.
    pub error: FlowError,
    /// The steps that led to it; none on a hit.
    pub steps: Vec<StepRecord>,
    /// What was wrong with the token service's 200, if that is why.
    pub unusable: Option<Box<Unusable>>,
}

impl BrokerError {
    /// What the steps do not say.
    pub fn doctor_context(&self) -> doctor::Context<'_> {
        doctor::Context::of(self.unusable.as_deref())
    }
}

impl From<ErrorCode> for BrokerError {
    fn from(code: ErrorCode) -> Self {
        FlowError::new(code, Hop::KeyServer).into()
    }
}

impl From<FlowError> for BrokerError {
    fn from(error: FlowError) -> Self {
        Self { error, steps: Vec::new(), unusable: None }
    }
}

/// Requests tokens. Cloning shares the cache.
#[derive(Clone, Debug)]
pub struct Broker {
    cache: TokenCache,
    auth_discovery: AuthDiscovery,
    sessions: Arc<Sessions>,
    clock: Arc<dyn Clock>,
}

impl Broker {
    /// A broker with an empty cache.
    ///
    /// # Errors
    /// When there is no randomness for the cache's key.
    pub fn new(
        settings: &Settings,
        sessions: Arc<Sessions>,
        clock: Arc<dyn Clock>,
        random: &dyn Randomness,
    ) -> Result<Self, NoRandomness> {
        Ok(Self {
            cache: TokenCache::new(&settings.cache, random)?,
            auth_discovery: AuthDiscovery::new(),
            sessions,
            clock,
        })
    }

    /// The scopes of a request, each a text of its own.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidScope`].
    pub fn scopes(texts: &[String]) -> Result<ScopeSet, ErrorCode> {
        // One string is one scope; a space inside would add a second one.
        if texts.len() > MAX_SCOPES || texts.iter().any(|text| text.is_empty() || text.contains(' ')) {
            return Err(ErrorCode::InvalidScope);
        }
        ScopeSet::parse(&texts.join(" ")).map_err(|_| ErrorCode::InvalidScope)
    }

    /// A token, from the cache or from the token service. `admit` is asked first, and once, when something has to be asked
    /// upstream; it fails with the seconds to wait.
    ///
    /// # Errors
    /// [`BrokerError`], which the log is told of; [`ErrorCode::RateLimited`] when it is not admitted.
    pub async fn token_if(
        &self,
        request: BrokerRequest,
        admit: impl FnOnce() -> Result<(), u64>,
    ) -> Result<Token, BrokerError> {
        let token = self.find_or_fetch(request, admit).await;
        if let Err(error) = &token {
            upstream::log_diagnosis(&error.steps, &error.doctor_context());
        }
        token
    }

    /// The same for a flow that asks for itself, and knows better what it means if there is none.
    ///
    /// # Errors
    /// [`BrokerError`].
    pub(crate) async fn token(&self, request: BrokerRequest) -> Result<Token, BrokerError> {
        self.find_or_fetch(request, || Ok(())).await
    }

    async fn find_or_fetch(
        &self,
        request: BrokerRequest,
        admit: impl FnOnce() -> Result<(), u64>,
    ) -> Result<Token, BrokerError> {
        let began_ms = self.clock.now_ms();
        let mut steps = Vec::new();
        let mut admit = Some(admit);
        let mut admit = || match admit.take().map_or(Ok(()), |admit| admit()) {
            Ok(()) => Ok(()),
            Err(seconds) => Err(FlowError {
                retry_after_ms: Some(seconds.saturating_mul(1_000)),
                ..FlowError::new(ErrorCode::RateLimited, Hop::KeyServer)
            }),
        };
        let (realm, service) = self.service(&request, &mut admit, &mut steps).await?;
        let key =
            self.cache.key(&request.identity, &request.registry, &realm, service.as_deref(), &request.scopes);
        if request.fresh && self.cache.may_freshen(&key, began_ms) {
            self.cache.forget_older(&key, began_ms).await;
        } else if let Some(entry) = self.cache.get(&key, began_ms).await {
            return Self::from_entry(&entry, Vec::new());
        }
        admit()?;
        let trace = Arc::new(Mutex::new(flight::Trace { steps, unusable: None }));
        let flight = flight::Flight {
            registry: Arc::clone(&request.registry),
            identity: request.identity,
            realm,
            service,
            scopes: request.scopes,
            sessions: Arc::clone(&self.sessions),
            clock: Arc::clone(&self.clock),
            caps: self.cache.caps,
            trace: Arc::clone(&trace),
        };
        let cache = self.cache.clone();
        // A task of its own: dropping this future drops only the wait, and the result is still cached.
        let fetch = async move { cache.get_or_fetch(key, began_ms, flight.run()).await };
        let joined = tokio::spawn(fetch.in_current_span()).await;
        let flight::Trace { steps, unusable } =
            std::mem::take(&mut *trace.lock().unwrap_or_else(PoisonError::into_inner));
        upstream::log_steps(&steps);
        match joined {
            Ok(Ok(entry)) => Self::from_entry(&entry, steps),
            Ok(Err(error)) => Err(BrokerError { error, steps, unusable }),
            Err(error) => {
                tracing::error!(%error, "token request task panicked");
                Err(ErrorCode::Internal.into())
            }
        }
    }

    fn from_entry(entry: &Entry, steps: Vec<StepRecord>) -> Result<Token, BrokerError> {
        match entry {
            Entry::Token(cached) => Ok(Token { cached: Arc::clone(cached), steps }),
            Entry::Refused { error, .. } => Err(BrokerError { steps, ..(*error).into() }),
        }
    }

    /// Which token service is asked: the one sealed at login, or the one that the registry itself names to us. What
    /// the caller saw must be the same.
    async fn service(
        &self,
        request: &BrokerRequest,
        admit: impl FnOnce() -> Result<(), FlowError>,
        steps: &mut Vec<StepRecord>,
    ) -> Result<(Realm, Option<String>), BrokerError> {
        let policy = request.registry.policy();
        let seen = match &request.seen {
            Some(seen) => Some((
                policy.admit(&seen.realm).map_err(|_| ErrorCode::RealmNotAllowed)?,
                seen.service.clone(),
            )),
            None => None,
        };
        let (realm, service) = match &request.identity {
            Identity::Session(_, info) => match (info.auth, &info.realm) {
                (RegistryAuth::Bearer, Some(realm)) => (policy.admit(realm)?, info.service.clone()),
                (RegistryAuth::Open, _) => return Err(ErrorCode::RegistryOpen.into()),
                _ => return Err(ErrorCode::BasicOnly.into()),
            },
            Identity::Anonymous => {
                // The caller saw something else than what is remembered: the registry may have changed its mind.
                let is_stale = |known: &KnownAuth| match (known, &seen) {
                    (KnownAuth::Bearer { realm, service }, Some((now, now_service))) => {
                        policy.admit(realm).ok().as_ref() != Some(now) || service != now_service
                    }
                    (_, Some(_)) => true,
                    (_, None) => false,
                };
                let known = self
                    .auth_discovery
                    .known(&request.registry, &*self.clock, is_stale, admit, steps)
                    .await
                    .map_err(|error| BrokerError { steps: std::mem::take(steps), ..error.into() })?;
                match known {
                    KnownAuth::Bearer { realm, service } => (policy.admit(&realm)?, service),
                    KnownAuth::Open => return Err(ErrorCode::RegistryOpen.into()),
                    KnownAuth::Basic => return Err(ErrorCode::BasicOnly.into()),
                }
            }
        };
        match seen {
            Some((seen_realm, seen_service)) if seen_realm != realm || seen_service != service => {
                Err(ErrorCode::RealmChanged.into())
            }
            _ => Ok((realm, service)),
        }
    }
}
