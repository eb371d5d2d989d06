//! The idle limit: a session that is not used for some time ends before its expiry.
//!
//! A sealed session cannot say when it was used last, so that instances remember it: in the process, and with a store
//! there as well, under a name that reveals nothing. If the last use is not known, it is the login, or the start of this
//! process if that came later: a restart ends no session, and extends none by more than the limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::{SessionError, SessionInfo, Sessions};
use crate::store::seal::{Kind, Name};

/// Sessions whose last use is remembered; beyond that, those used longest ago are forgotten, and end.
const MAX_SESSIONS: u64 = 200_000;
/// The part of the limit after which a use is written to the store again.
const WRITES_PER_LIMIT: i64 = 10;

/// Last uses of sessions, in milliseconds since the epoch.
#[derive(Debug)]
pub(super) struct IdleLimit {
    limit: Duration,
    limit_ms: i64,
    started_ms: i64,
    uses: moka::sync::Cache<String, Arc<LastUse>>,
}

#[derive(Debug, Default)]
struct LastUse {
    at_ms: AtomicI64,
    /// The use that the store knows.
    written_ms: AtomicI64,
}

impl IdleLimit {
    /// Without any use so far, in a process that starts at this time.
    pub(super) fn new(limit: Duration, now_ms: i64) -> Self {
        Self {
            limit,
            limit_ms: crate::clock::millis(limit),
            started_ms: now_ms,
            uses: moka::sync::Cache::builder().max_capacity(MAX_SESSIONS).build(),
        }
    }

    /// Whether the time since then is within the limit.
    fn is_recent(&self, at_ms: i64, now_ms: i64) -> bool {
        now_ms.saturating_sub(at_ms) < self.limit_ms
    }

    /// Records a use. Whether the store should know it.
    fn record(&self, jti: &str, now_ms: i64) -> bool {
        let last = self.uses.get_with_by_ref(jti, Arc::default);
        last.at_ms.fetch_max(now_ms, Ordering::Relaxed);
        let written_ms = last.written_ms.load(Ordering::Relaxed);
        let is_due = now_ms.saturating_sub(written_ms) >= self.limit_ms / WRITES_PER_LIMIT;
        if is_due {
            last.written_ms.store(now_ms, Ordering::Relaxed);
        }
        is_due
    }
}

impl Sessions {
    /// Records that a session is used now, if it is not idle for too long. An idle one is revoked, so that it ends for all
    /// instances.
    ///
    /// # Errors
    /// [`SessionError::Expired`]; [`SessionError::StoreUnavailable`] when only the store knows whether it was used.
    pub(super) async fn use_now(&self, info: &SessionInfo) -> Result<(), SessionError> {
        let Some(idle) = &self.idle else { return Ok(()) };
        let now_ms = self.clock.now_ms();
        let known_ms = idle.uses.get(&info.jti).map(|last| last.at_ms.load(Ordering::Relaxed));
        let mut last_ms = known_ms.unwrap_or_else(|| info.issued_at_s.saturating_mul(1_000));
        if known_ms.is_none() && self.store.is_none() {
            last_ms = last_ms.max(idle.started_ms);
        }
        if !idle.is_recent(last_ms, now_ms)
            && let Some(name) = self.use_name(info)
            && let Some(store) = &self.store
        {
            let value = store.get(&name).await.map_err(|_| SessionError::StoreUnavailable)?;
            // The store is not trusted: a time in the future counts as now.
            let stored = value.and_then(|text| std::str::from_utf8(&text).ok()?.parse::<i64>().ok());
            last_ms = stored.map_or(last_ms, |stored| stored.min(now_ms).max(last_ms));
        }
        if !idle.is_recent(last_ms, now_ms) {
            self.revoke(info).await.ok();
            return Err(SessionError::Expired);
        }
        if idle.record(&info.jti, now_ms)
            && let Some(name) = self.use_name(info)
            && let Some(store) = &self.store
        {
            let (store, limit) = (Arc::clone(store), idle.limit);
            // Not awaited: a use that the store does not take is written with a later one.
            tokio::spawn(async move { store.put(&name, now_ms.to_string().as_bytes(), limit).await });
        }
        Ok(())
    }

    /// Where the store has the last use of a session: named by the key that sealed it, which all instances have.
    fn use_name(&self, info: &SessionInfo) -> Option<Name> {
        let key = self.key(&info.kid)?;
        let mut naming = key.store().naming(Kind::LastUse);
        naming.field(self.audience().as_bytes()).field(info.jti.as_bytes());
        Some(naming.finish())
    }
}
