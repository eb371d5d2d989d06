//! Rate limits of logins and anonymous tokens, per client address and per account.
//!
//! Logins have two token buckets, because one address may try many accounts and many addresses one account. A client
//! is an IPv4 address or an IPv6 /64, the network that one customer gets. Limits are per process.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::config::LimitSettings;

/// Buckets that are kept at most; the least used are removed first.
const MAX_BUCKETS: u64 = 100_000;
/// A full bucket need not be kept, and every bucket is full again after this time.
const FORGET: Duration = Duration::from_hours(1);

/// Limits of logins.
#[derive(Clone, Debug)]
pub(crate) struct LoginLimits {
    by_address: Buckets,
    by_account: Buckets,
    clock: Arc<dyn Clock>,
}

impl LoginLimits {
    pub(crate) fn new(limits: &LimitSettings, clock: Arc<dyn Clock>) -> Self {
        Self {
            by_address: Buckets::new(limits.login_burst, limits.login_per_minute),
            by_account: Buckets::new(limits.account_per_minute, limits.account_per_minute),
            clock,
        }
    }

    /// Takes one login attempt; `Err` holds the seconds to wait.
    pub(crate) fn take(&self, address: IpAddr, registry: &str, account: &str) -> Result<(), u64> {
        let now_ms = self.clock.now_ms();
        self.by_address.take(&client_prefix(address), now_ms)?;
        // Registries ignore case and spaces around a name, so that variants of the spelling count as one account.
        let account = account.trim().to_lowercase();
        self.by_account.take(&format!("{}:{registry}:{account}", registry.len()), now_ms)
    }
}

/// Limits of upstream requests without a session, per client address.
#[derive(Clone, Debug)]
pub(crate) struct AnonymousLimits {
    by_address: Buckets,
    clock: Arc<dyn Clock>,
}

impl AnonymousLimits {
    pub(crate) fn new(limits: &LimitSettings, clock: Arc<dyn Clock>) -> Self {
        Self { by_address: Buckets::new(limits.anonymous_per_minute, limits.anonymous_per_minute), clock }
    }

    /// Takes one request; `Err` holds the seconds to wait.
    pub(crate) fn take(&self, address: IpAddr) -> Result<(), u64> {
        self.by_address.take(&client_prefix(address), self.clock.now_ms())
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

#[derive(Clone, Debug)]
struct Buckets {
    by_key: moka::sync::Cache<String, Arc<Mutex<Bucket>>>,
    burst: f64,
    per_ms: f64,
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
        }
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
