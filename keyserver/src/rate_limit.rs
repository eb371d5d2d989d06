//! Rate limits of logins and anonymous tokens, per client address and per account.
//!
//! Logins have two token buckets, because one address may try many accounts and many addresses one account. A client
//! is an IPv4 address or an IPv6 /64, the network that one customer gets. Limits are per process, and
//! with a store also for all instances together.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::config::LimitSettings;
use crate::session::Sessions;
use crate::store::seal::Kind;
use crate::store::{Counted, Store};

/// Buckets that are kept at most; the least used are removed first.
const MAX_BUCKETS: u64 = 100_000;
/// A full bucket need not be kept, and every bucket is full again after this time.
const FORGET: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);

/// Limits of logins.
#[derive(Clone, Debug)]
pub(crate) struct LoginLimits {
    by_address: Buckets,
    by_account: Buckets,
    clock: Arc<dyn Clock>,
    shared: Option<SharedCounts>,
}

impl LoginLimits {
    pub(crate) fn new(limits: &LimitSettings, clock: Arc<dyn Clock>, shared: Option<SharedCounts>) -> Self {
        Self {
            by_address: Buckets::new(limits.login_burst, limits.login_per_minute),
            by_account: Buckets::new(limits.account_per_minute, limits.account_per_minute),
            clock,
            shared,
        }
    }

    fn take(&self, address: &str, account: &str) -> Result<(), u64> {
        let now_ms = self.clock.now_ms();
        self.by_address.take(address, now_ms)?;
        self.by_account.take(account, now_ms)
    }

    /// Takes one login attempt, of this instance and of all together; `Err` holds the seconds to wait.
    pub(crate) async fn admit(&self, address: IpAddr, registry: &str, account: &str) -> Result<(), u64> {
        let address = client_prefix(address);
        // Registries ignore case and spaces around a name, so that variants of the spelling count as one account.
        let account = format!("{}:{registry}:{}", registry.len(), account.trim().to_lowercase());
        self.take(&address, &account)?;
        let Some(shared) = &self.shared else { return Ok(()) };
        shared.take("login address", &address, self.by_address.per_minute()).await?;
        shared.take("login account", &account, self.by_account.per_minute()).await
    }
}

/// Limits of upstream requests without a session, per client address.
#[derive(Clone, Debug)]
pub(crate) struct AnonymousLimits {
    by_address: Buckets,
    clock: Arc<dyn Clock>,
    shared: Option<SharedCounts>,
}

impl AnonymousLimits {
    pub(crate) fn new(limits: &LimitSettings, clock: Arc<dyn Clock>, shared: Option<SharedCounts>) -> Self {
        let by_address = Buckets::new(limits.anonymous_per_minute, limits.anonymous_per_minute);
        Self { by_address, clock, shared }
    }

    /// Takes one request; `Err` holds the seconds to wait.
    pub(crate) fn take(&self, address: IpAddr) -> Result<(), u64> {
        let address = client_prefix(address);
        self.by_address.take(&address, self.clock.now_ms())?;
        if let Some(shared) = self.shared.clone() {
            // Not awaited: the result applies to the next request of this address.
            let (buckets, clock) = (self.by_address.clone(), Arc::clone(&self.clock));
            tokio::spawn(async move {
                if let Err(seconds) = shared.take("anonymous address", &address, buckets.per_minute()).await {
                    buckets.exhaust(&address, clock.now_ms(), seconds);
                }
            });
        }
        Ok(())
    }
}

/// Who is behind an address: it, or the network that one customer gets.
pub(crate) fn client_prefix(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// Counters of all instances of one store, per minute. If the store does not reply, each instance counts for itself.
#[derive(Clone, Debug)]
pub(crate) struct SharedCounts {
    store: Arc<Store>,
    sessions: Arc<Sessions>,
}

impl SharedCounts {
    /// The counters in the store of these sessions, if they have one.
    pub(crate) fn of(sessions: &Arc<Sessions>) -> Option<Self> {
        let store = Arc::clone(sessions.store()?);
        Some(Self { store, sessions: Arc::clone(sessions) })
    }

    /// Increments a counter. Above `most` per minute: the seconds to wait.
    async fn take(&self, limit: &str, key: &str, most: u64) -> Result<(), u64> {
        // The name is an HMAC: a dump of the store reveals neither addresses nor accounts.
        let signing = self.sessions.current_key();
        let mut naming = signing.store().naming(Kind::Counter);
        naming.field(self.sessions.audience().as_bytes()).field(limit.as_bytes()).field(key.as_bytes());
        match self.store.count(&naming.finish(), MINUTE).await {
            Ok(Counted { count, resets_in }) if count > most => Err(resets_in.as_secs() + 1),
            _ => Ok(()),
        }
    }
}

#[derive(Clone, Debug)]
struct Buckets {
    by_key: moka::sync::Cache<String, Arc<Mutex<Bucket>>>,
    burst: f64,
    per_ms: f64,
    most_per_minute: u64,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    updated_ms: i64,
}

impl Buckets {
    fn new(burst: NonZeroU32, per_minute: NonZeroU32) -> Self {
        Self {
            by_key: moka::sync::Cache::builder().max_capacity(MAX_BUCKETS).time_to_idle(FORGET).build(),
            burst: f64::from(burst.get()),
            per_ms: f64::from(per_minute.get()) / 60_000.0,
            most_per_minute: u64::from(burst.max(per_minute).get()),
        }
    }

    /// The limit of all instances together, per minute.
    fn per_minute(&self) -> u64 {
        self.most_per_minute
    }

    /// Admits nothing for this long.
    fn exhaust(&self, key: &str, now_ms: i64, seconds: u64) {
        let wait_ms = u32::try_from(seconds.saturating_mul(1_000)).unwrap_or(u32::MAX);
        let tokens = 1.0 - f64::from(wait_ms) * self.per_ms;
        let fresh = || Arc::new(Mutex::new(Bucket { tokens, updated_ms: now_ms }));
        let bucket = self.by_key.get_with_by_ref(key, fresh);
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.tokens = bucket.tokens.min(tokens);
    }

    fn take(&self, key: &str, now_ms: i64) -> Result<(), u64> {
        let fresh = || Arc::new(Mutex::new(Bucket { tokens: self.burst, updated_ms: now_ms }));
        let bucket = self.by_key.get_with_by_ref(key, fresh);
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that goes backwards refills nothing.
        let passed = u32::try_from(now_ms.saturating_sub(bucket.updated_ms).clamp(0, 3_600_000)).unwrap_or(0);
        bucket.tokens = (bucket.tokens + f64::from(passed) * self.per_ms).min(self.burst);
        bucket.updated_ms = now_ms;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        let wait_ms = (1.0 - bucket.tokens) / self.per_ms;
        Err(Duration::from_secs_f64((wait_ms / 1_000.0).clamp(0.0, 3_600.0)).as_secs() + 1)
    }
}

#[cfg(test)]
mod tests;
