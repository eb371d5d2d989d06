//! Sessions that were logged out before their time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// No more are remembered; beyond it the ones that expire first are forgotten first.
const MAX_ENTRIES: usize = 100_000;

/// The `jti` of every session that was logged out, until its expiry.
#[derive(Debug, Default)]
pub(super) struct Revocations {
    /// `jti` → expiry in milliseconds since the epoch.
    revoked: Mutex<HashMap<String, i64>>,
}

impl Revocations {
    /// Revokes a session that expires then.
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

    /// Whether this session was logged out.
    pub(super) fn holds(&self, jti: &str) -> bool {
        self.revoked.lock().unwrap_or_else(PoisonError::into_inner).contains_key(jti)
    }
}
