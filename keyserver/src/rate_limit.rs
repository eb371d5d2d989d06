//! Rate limits: of logins that fail, of tokens, and of requests that reach a registry.
//!
//! A client is an IPv4 address or an IPv6 /64, the network that one customer gets. Limits are per process; those of
//! logins and anonymous tokens also for all instances of one store together.

mod buckets;
mod in_progress;
mod key;
mod login;
mod shared;

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use crate::clock::Clock;
use crate::config::LimitSettings;
use crate::figures::Limit;
use buckets::Buckets;
pub(crate) use in_progress::Admission;
use in_progress::InProgress;
use key::Key;
pub(crate) use key::client_prefix;
pub(crate) use login::{AccountName, LoginLimits};
pub(crate) use shared::SharedCounts;

/// After how many seconds a client with too many requests in progress may try again.
const IN_PROGRESS_S: u64 = 1;

/// Which limit refuses a request, and after how many seconds it will not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) limit: Limit,
    pub(crate) seconds: u64,
}

impl Refused {
    /// The refusal by this limit.
    fn by(limit: Limit) -> impl Fn(u64) -> Self {
        move |seconds| Self { limit, seconds }
    }
}

/// Limits of requests that reach a registry or token service.
#[derive(Clone, Debug)]
pub(crate) struct RequestLimits {
    in_progress: InProgress,
    /// Requests by client and by session; `None` without a limit.
    requests: Option<(Buckets, Buckets)>,
    anonymous_scopes: Buckets,
    session_scopes: Buckets,
    clock: Arc<dyn Clock>,
    shared: Option<SharedCounts>,
}

impl RequestLimits {
    pub(crate) fn new(limits: &LimitSettings, clock: Arc<dyn Clock>, shared: Option<SharedCounts>) -> Self {
        let per_minute = |number: NonZeroU32| Buckets::new(number, number);
        Self {
            in_progress: InProgress::new(limits.client_concurrency),
            requests: limits.requests_per_minute.map(|number| (per_minute(number), per_minute(number))),
            anonymous_scopes: per_minute(limits.anonymous_per_minute),
            session_scopes: per_minute(limits.session_scopes_per_minute),
            clock,
            shared,
        }
    }

    /// Counts a login.
    pub(crate) fn login(&self, address: IpAddr) -> Result<(), Refused> {
        self.request(Key::client(address), None)
    }

    /// Admits a token request for so many scopes, with the session of this hash or without one. To be called for requests that are sent upstream only.
    pub(crate) fn token(
        &self,
        address: IpAddr,
        session: Option<&[u8; 32]>,
        scopes: usize,
    ) -> Result<Admission, Refused> {
        let client = Key::client(address);
        let session = session.map(Key::session);
        let scopes = u32::try_from(scopes).unwrap_or(u32::MAX).max(1);
        let admission = self.begin(client, session)?;
        match session {
            Some(session) => self
                .session_scopes
                .take(session, scopes, self.clock.now_ms())
                .map_err(Refused::by(Limit::SessionScopes))?,
            None => self.anonymous(address, client, scopes)?,
        }
        self.request(client, session)?;
        Ok(admission)
    }

    /// Admits a relayed request.
    pub(crate) fn relay(&self, address: IpAddr, session: Option<&[u8; 32]>) -> Result<Admission, Refused> {
        let client = Key::client(address);
        let session = session.map(Key::session);
        let admission = self.begin(client, session)?;
        self.request(client, session)?;
        Ok(admission)
    }

    fn begin(&self, client: Key, session: Option<Key>) -> Result<Admission, Refused> {
        self.in_progress
            .begin(session.unwrap_or(client))
            .ok_or_else(|| Refused::by(Limit::Concurrency)(IN_PROGRESS_S))
    }

    fn request(&self, client: Key, session: Option<Key>) -> Result<(), Refused> {
        let Some((clients, sessions)) = &self.requests else { return Ok(()) };
        let now_ms = self.clock.now_ms();
        clients.take(client, 1, now_ms).map_err(Refused::by(Limit::Requests))?;
        let Some(session) = session else { return Ok(()) };
        sessions.take(session, 1, now_ms).map_err(Refused::by(Limit::Requests))
    }

    fn anonymous(&self, address: IpAddr, client: Key, scopes: u32) -> Result<(), Refused> {
        let now_ms = self.clock.now_ms();
        self.anonymous_scopes.take(client, scopes, now_ms).map_err(Refused::by(Limit::Anonymous))?;
        if let Some(shared) = self.shared.clone() {
            // Not awaited: the result applies to the next request of this address.
            let (buckets, clock) = (self.anonymous_scopes.clone(), Arc::clone(&self.clock));
            let name = client_prefix(address);
            tokio::spawn(async move {
                if let Err(seconds) = shared.take("anonymous address", &name, buckets.per_minute()).await {
                    buckets.exhaust(client, clock.now_ms(), seconds);
                }
            });
        }
        Ok(())
    }
}
