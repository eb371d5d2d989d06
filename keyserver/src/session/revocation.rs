//! Revoked sessions.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Revocations that are kept at most; beyond that, those that expire first are removed first.
const MAX_ENTRIES: usize = 100_000;

/// The `jti` of every session that was logged out, until its expiry.
#[derive(Debug, Default)]
pub(super) struct Revocations {
    /// `jti` → expiry in milliseconds since the epoch.
    revoked: Mutex<HashMap<String, i64>>,
}

impl Revocations {
    /// Revokes a session until it expires at this time.
    pub(super) fn revoke(&self, jti: &str, expires_ms: i64, now_ms: i64) {
        let mut revoked = self.revoked.lock().unwrap_or_else(PoisonError::into_inner);
        if revoked.len() >= MAX_ENTRIES {
            revoked.retain(|_, expires| *expires > now_ms);
        }
        if revoked.len() >= MAX_ENTRIES
            && let Some(first) =
                revoked.iter().min_by_key(|(_, expires)| **expires).map(|(jti, _)| jti.clone())
        {
            revoked.remove(&first);
        }
        revoked.insert(jti.to_owned(), expires_ms);
    }

    /// Whether this session is revoked.
    pub(super) fn holds(&self, jti: &str) -> bool {
        self.revoked.lock().unwrap_or_else(PoisonError::into_inner).contains_key(jti)
    }
}
