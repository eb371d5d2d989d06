//! Sessions whose refresh token the token service has replaced (RFC 6749 §6; decision 0028).
//!
//! The new refresh token is sealed into a session that takes the place of the old one. Whoever still presents the old one,
//! a second tab or a request that was under way, is served with the new one, and is handed it: only this process knows of
//! the replacement, and the old refresh token may be of no use any more.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::SealedText;

/// So many replacements are remembered.
const MAX_REPLACED: u64 = 50_000;
/// No session is replaced more often between two requests of a tab.
const MAX_CHAIN: usize = 1_000;

/// Which session took the place of which, by its hash.
#[derive(Debug)]
pub(super) struct Replaced {
    by: moka::sync::Cache<[u8; 32], SealedText>,
    /// Who refreshes: one at a time, since a refresh token may be good for one use only.
    turns: moka::sync::Cache<String, Arc<Mutex<()>>>,
}

impl Replaced {
    pub(super) fn new(lifetime: Duration) -> Self {
        let by = moka::sync::Cache::builder().max_capacity(MAX_REPLACED).time_to_live(lifetime).build();
        let turns = moka::sync::Cache::builder().max_capacity(MAX_REPLACED).time_to_idle(lifetime).build();
        Self { by, turns }
    }

    /// The session that stands for this one now; itself, unless it was replaced.
    pub(super) fn latest(&self, sealed: &SealedText) -> SealedText {
        let mut latest = sealed.clone();
        for _ in 0..MAX_CHAIN {
            match self.by.get(latest.hash()) {
                Some(next) => latest = next,
                None => break,
            }
        }
        latest
    }

    /// From now on the one stands for the other.
    pub(super) fn replace(&self, old: &SealedText, new: SealedText) {
        self.by.insert(*old.hash(), new);
    }

    /// The lock of whoever refreshes the tokens of this session.
    pub(super) fn turn(&self, jti: &str) -> Arc<Mutex<()>> {
        self.turns.get_with_by_ref(jti, Arc::default)
    }
}
