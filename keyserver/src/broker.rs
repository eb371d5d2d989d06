//! Registry tokens: requested once, cached while they are valid, and returned only to the session that they were issued
//! for.
//!
//! The cache key is an HMAC over length-prefixed fields that begin with the hash of the sealed session. Sealed
//! sessions are random, so the key reveals nothing about passwords and cannot be computed without the session. A hit needs
//! no RSA operation, because expiry and logout are known by the session's hash ([`SessionInfo`]). Misses for one key
//! share one request. It runs in its own task, so that a caller who disconnects does not cancel it for the others.

mod auth_discovery;
mod cache;
mod flight;
mod shared_cache;

use std::borrow::Cow;
use std::sync::Arc;

use dockpass_protocol::api::{IssuedToken, ReportedChallenge};
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::flow::{FlowError, Hop, RegistryAuth};
use dockpass_protocol::realm::Realm;
use dockpass_protocol::scope::{Grant, Scope, ScopeSet};
use secrecy::SecretString;

use crate::clock::{Clock, NoRandomness, Randomness};
use crate::config::Settings;
use crate::figures::{Count, Level};
use crate::rate_limit::Admission;
use crate::recorder::Recorder;
use crate::registry::{CatalogAccount, Registry};
use crate::request_id;
use crate::session::{SealedText, SessionInfo, Sessions};
use crate::store::Store;
use auth_discovery::AuthDiscovery;
use cache::{CachedToken, Entry, TokenCache};
use shared_cache::SharedCache;

/// The maximum number of scopes of a request.
const MAX_SCOPES: usize = 100;

/// The caller.
#[derive(Clone, Debug)]
pub(crate) enum Identity {
    /// A client without a session.
    Anonymous,
    /// The holder of this session.
    Session(SealedText, Arc<SessionInfo>),
    /// The key server itself, to list the catalog. Its tokens are returned to nobody.
    CatalogAccount(Arc<CatalogAccount>),
}

/// A request for a token.
#[derive(Clone, Debug)]
pub(crate) struct BrokerRequest {
    /// The registry.
    pub(crate) registry: Arc<Registry>,
    /// The caller.
    pub(crate) identity: Identity,
    /// The requested scopes.
    pub(crate) scopes: ScopeSet,
    /// The challenge that the caller saw; compared, never used.
    pub(crate) seen: Option<ReportedChallenge>,
    /// The registry rejected the last token, so a cached one must not be returned.
    pub(crate) fresh: bool,
    /// The registry request cannot be repeated. A cached token is then returned only if it does not expire soon and is newer
    /// than the registry's last rejection.
    pub(crate) doubtful_will_not_do: bool,
}

/// A token with its grants. `Debug` shows no token.
#[derive(Clone, Debug)]
pub(crate) struct Token(Arc<CachedToken>);

impl Token {
    /// Whether the token denies a requested scope.
    pub(crate) fn denies(&self) -> bool {
        !self.0.denied.is_empty()
    }

    /// What it says of a requested scope.
    pub(crate) fn grant(&self, scope: &Scope) -> Grant {
        let scope = scope.to_string();
        if self.0.granted.contains(&scope) {
            Grant::Granted
        } else if self.0.denied.contains(&scope) {
            Grant::Denied
        } else {
            Grant::Unknown
        }
    }

    /// The token.
    pub(crate) fn secret(&self) -> &SecretString {
        &self.0.token
    }

    /// The response of `POST /v1/token` at this time.
    pub(crate) fn issued(&self, now_ms: i64) -> IssuedToken {
        self.0.issued(now_ms)
    }

    /// The same as JSON. `None` if it cannot be written.
    pub(crate) fn response(&self, now_ms: i64) -> Option<Vec<u8>> {
        self.0.response(now_ms)
    }
}

/// Requests tokens. Cloning shares the cache.
#[derive(Clone, Debug)]
pub(crate) struct Broker {
    cache: TokenCache,
    shared: Option<SharedCache>,
    auth_discovery: AuthDiscovery,
    sessions: Arc<Sessions>,
    clock: Arc<dyn Clock>,
    figures: Arc<BrokerFigures>,
}

/// Where tokens came from.
#[derive(Debug, Default)]
pub(crate) struct BrokerFigures {
    /// From the cache in the process.
    pub(crate) hits: Count,
    /// From the store that instances share.
    pub(crate) shared_hits: Count,
    /// From neither.
    pub(crate) misses: Count,
    /// Token requests that were sent upstream.
    pub(crate) flights: Count,
    /// Token requests that run now.
    pub(crate) flying: Level,
}

impl Broker {
    /// A broker with an empty cache.
    ///
    /// # Errors
    /// When the random number generator fails.
    pub(crate) fn new(
        settings: &Settings,
        sessions: Arc<Sessions>,
        clock: Arc<dyn Clock>,
        random: &Arc<dyn Randomness>,
    ) -> Result<Self, NoRandomness> {
        let cache = TokenCache::new(&settings.cache, &**random)?;
        let share = |store: &Arc<Store>| {
            let (sessions, clock, random) = (Arc::clone(&sessions), Arc::clone(&clock), Arc::clone(random));
            SharedCache::new(Arc::clone(store), sessions, clock, random, cache.caps)
        };
        Ok(Self {
            shared: sessions.store().map(share),
            cache,
            auth_discovery: AuthDiscovery::new(),
            sessions,
            clock,
            figures: Arc::default(),
        })
    }

    /// Where tokens came from so far.
    pub(crate) fn figures(&self) -> &BrokerFigures {
        &self.figures
    }

    /// Entries in the cache, and their bytes.
    pub(crate) fn cache_size(&self) -> (u64, u64) {
        self.cache.size()
    }

    /// The scopes of a request, one per string.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidScope`].
    pub(crate) fn scopes(texts: &[String]) -> Result<ScopeSet, ErrorCode> {
        // One string is one scope; a space inside would add a second one.
        if texts.len() > MAX_SCOPES || texts.iter().any(|text| text.is_empty() || text.contains(' ')) {
            return Err(ErrorCode::InvalidScope);
        }
        ScopeSet::parse_as_stated(&texts.join(" ")).map_err(|_| ErrorCode::InvalidScope)
    }

    /// Returns a token from the cache or from the token service. `admit` is called once, before a request is sent upstream;
    /// it fails with the seconds to wait, and what it returns is kept until the upstream request ends.
    ///
    /// # Errors
    /// The error of the flow, which is logged with its diagnosis; [`ErrorCode::RateLimited`] if `admit` fails.
    pub(crate) async fn token_if(
        &self,
        request: BrokerRequest,
        recorder: &Recorder,
        admit: impl FnOnce() -> Result<Option<Admission>, u64>,
    ) -> Result<Token, FlowError> {
        let token = self.find_or_fetch(request, recorder, admit).await;
        if token.is_err() {
            recorder.log_diagnosis();
        }
        token
    }

    /// The same for a flow that logs the diagnosis itself.
    ///
    /// # Errors
    /// The error of the flow.
    pub(crate) async fn token(
        &self,
        request: BrokerRequest,
        recorder: &Recorder,
    ) -> Result<Token, FlowError> {
        self.find_or_fetch(request, recorder, || Ok(None)).await
    }

    async fn find_or_fetch(
        &self,
        request: BrokerRequest,
        recorder: &Recorder,
        admit: impl FnOnce() -> Result<Option<Admission>, u64>,
    ) -> Result<Token, FlowError> {
        request.registry.admit_scopes(&request.scopes).map_err(here)?;
        let began_ms = self.clock.now_ms();
        let mut admit = Some(admit);
        let mut admission = None;
        let mut admit = || match admit.take().map_or(Ok(None), |admit| admit()) {
            Ok(admitted) => {
                admission = admission.take().or(admitted);
                Ok(())
            }
            Err(seconds) => Err(FlowError {
                retry_after_ms: Some(seconds.saturating_mul(1_000)),
                ..here(ErrorCode::RateLimited)
            }),
        };
        let (realm, service) = self.service(&request, recorder, &mut admit).await?;
        let key =
            self.cache.key(&request.identity, &request.registry, &realm, service.as_deref(), &request.scopes);
        if request.fresh {
            request.registry.note_refusal(began_ms);
        }
        let kept = self.cache.get(&key, began_ms).await;
        let is_doubtful = request.doubtful_will_not_do
            && kept.as_ref().is_some_and(|kept| {
                kept.is_near_its_end(began_ms)
                    || kept.is_older_than(request.registry.refused_lately(began_ms))
            });
        let is_freshened = (request.fresh || is_doubtful) && self.cache.may_freshen(&key, began_ms);
        if is_freshened {
            self.cache.forget_older(&key, began_ms).await;
        } else if let Some(entry) = kept {
            self.figures.hits.add();
            return from_entry(entry);
        }
        let place = self.shared.as_ref().and_then(|shared| {
            let BrokerRequest { identity, registry, scopes, .. } = &request;
            let place = shared.place(identity, registry, &realm, service.as_deref(), scopes)?;
            Some((shared.clone(), place))
        });
        if let Some((shared, place)) = &place {
            if is_freshened {
                shared.forget(place).await;
            } else if let Some(entry) = self.cache.get_or_look_up(key, began_ms, shared.get(place)).await {
                self.figures.shared_hits.add();
                return from_entry(entry);
            }
        }
        self.figures.misses.add();
        admit()?;
        let flight = flight::Flight {
            registry: Arc::clone(&request.registry),
            identity: request.identity,
            realm,
            service,
            scopes: request.scopes,
            sessions: Arc::clone(&self.sessions),
            clock: Arc::clone(&self.clock),
            caps: self.cache.caps,
            recorder: recorder.clone(),
        };
        let (cache, figures) = (self.cache.clone(), Arc::clone(&self.figures));
        // In its own task: dropping this future cancels only the wait, and the result is still cached.
        let fetch = async move {
            let _admission = admission;
            let fetch = async {
                figures.flights.add();
                let _flying = figures.flying.enter();
                match &place {
                    Some((shared, place)) => Box::pin(shared.fetch(place, flight.run())).await,
                    None => Box::pin(flight.run()).await,
                }
            };
            cache.get_or_fetch(key, began_ms, fetch).await
        };
        match request_id::spawn(fetch).await {
            Ok(entry) => from_entry(entry?),
            Err(error) => {
                tracing::error!(%error, "token request task panicked");
                Err(here(ErrorCode::Internal))
            }
        }
    }

    /// The token service: the one in the session, or without a session the one in the registry's challenge to this server.
    /// The challenge that the caller reports must have the same realm and service.
    async fn service(
        &self,
        request: &BrokerRequest,
        recorder: &Recorder,
        admit: impl FnOnce() -> Result<(), FlowError>,
    ) -> Result<(Realm, Option<String>), FlowError> {
        let registry = &request.registry;
        let seen = match &request.seen {
            Some(seen) => Some((
                registry.admit_realm(&seen.realm).map_err(|_| here(ErrorCode::RealmNotAllowed))?,
                seen.service.clone(),
            )),
            None => None,
        };
        let auth = match &request.identity {
            Identity::Session(_, info) => Cow::Borrowed(&info.auth),
            Identity::Anonymous | Identity::CatalogAccount(_) => {
                // The caller reports another challenge than the cached one, so the registry may have changed.
                let is_stale = |known: &RegistryAuth| match (known, &seen) {
                    (RegistryAuth::Bearer { realm, service }, Some((now, now_service))) => {
                        registry.admit_realm(realm).ok().as_ref() != Some(now) || service != now_service
                    }
                    (_, Some(_)) => true,
                    (_, None) => false,
                };
                let discovery = &self.auth_discovery;
                Cow::Owned(
                    discovery
                        .auth(registry, &*self.clock, recorder, &request.scopes, is_stale, admit)
                        .await?,
                )
            }
        };
        let is_session = matches!(request.identity, Identity::Session(..));
        let (realm, service) = match &*auth {
            RegistryAuth::Bearer { realm, service } => {
                (registry.admit_realm(realm).map_err(here)?, service.clone())
            }
            RegistryAuth::Open => return Err(here(ErrorCode::RegistryOpen)),
            // The registry used Basic at login, and has a token service now.
            RegistryAuth::Basic if is_session && seen.is_some() => return Err(here(ErrorCode::RealmChanged)),
            RegistryAuth::Basic => return Err(here(ErrorCode::BasicOnly)),
        };
        match seen {
            Some((seen_realm, seen_service)) if seen_realm != realm || seen_service != service => {
                Err(here(ErrorCode::RealmChanged))
            }
            _ => Ok((realm, service)),
        }
    }
}

/// An error of the broker itself.
fn here(code: ErrorCode) -> FlowError {
    FlowError::new(code, Hop::KeyServer)
}

fn from_entry(entry: Entry) -> Result<Token, FlowError> {
    match entry {
        Entry::Token(cached) => Ok(Token(cached)),
        Entry::Refused { error, .. } => Err(error),
    }
}
