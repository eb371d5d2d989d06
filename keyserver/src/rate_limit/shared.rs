//! Counters of all instances of one store.

use std::sync::Arc;
use std::time::Duration;

use crate::session::Sessions;
use crate::store::seal::{Kind, Name};
use crate::store::{Counted, Store};

const MINUTE: Duration = Duration::from_mins(1);

/// Counters per minute. If the store does not reply, each instance counts for itself.
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
    pub(super) async fn take(&self, limit: &str, key: &str, most: u64) -> Result<(), u64> {
        match self.store.count(&self.name(limit, key), MINUTE).await {
            Ok(Counted { count, resets_in }) if count > most => Err(resets_in.as_secs() + 1),
            _ => Ok(()),
        }
    }

    /// Reads a counter. At `most` per minute or above: the seconds to wait.
    pub(super) async fn check(&self, limit: &str, key: &str, most: u64) -> Result<(), u64> {
        match self.store.counted(&self.name(limit, key)).await {
            Ok(Counted { count, resets_in }) if count >= most => Err(resets_in.as_secs() + 1),
            _ => Ok(()),
        }
    }

    /// The name is an HMAC: a dump of the store reveals neither addresses nor accounts.
    fn name(&self, limit: &str, key: &str) -> Name {
        let signing = self.sessions.current_key();
        let mut naming = signing.store().naming(Kind::Counter);
        naming.field(self.sessions.audience().as_bytes()).field(limit.as_bytes()).field(key.as_bytes());
        naming.finish()
    }
}
