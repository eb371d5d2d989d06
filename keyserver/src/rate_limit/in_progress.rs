//! Limits how many requests of one client may wait for registries at the same time.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use super::Key;

/// Parts of the table, each with a lock of its own.
const PARTS: usize = 16;

/// The requests in progress by client.
#[derive(Clone, Debug)]
pub(super) struct InProgress {
    parts: Arc<[Mutex<HashMap<Key, usize>>]>,
    most: NonZeroUsize,
}

/// One request in progress; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Admission {
    all: InProgress,
    key: Key,
}

impl InProgress {
    /// At most this many at a time for each client.
    pub(super) fn new(most: NonZeroUsize) -> Self {
        Self { parts: (0..PARTS).map(|_| Mutex::default()).collect(), most }
    }

    fn part(&self, key: Key) -> Option<&Mutex<HashMap<Key, usize>>> {
        self.parts.get(key.spread(PARTS))
    }

    /// One more for this client; `None` when it has reached the limit.
    pub(super) fn begin(&self, key: Key) -> Option<Admission> {
        let mut part = self.part(key)?.lock().unwrap_or_else(PoisonError::into_inner);
        let count = part.entry(key).or_default();
        if *count >= self.most.get() {
            return None;
        }
        *count += 1;
        drop(part);
        Some(Admission { all: self.clone(), key })
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let Some(part) = self.all.part(self.key) else { return };
        let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = part.get_mut(&self.key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                part.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Threats: LIM-11.
    #[test]
    fn a_client_has_so_many_requests_in_progress_and_leaves_nothing_behind() {
        let all = InProgress::new(2.try_into().unwrap());
        let (ada, bob) = (Key::text("ada", ""), Key::text("bob", ""));
        let first = all.begin(ada).unwrap();
        let second = all.begin(ada).unwrap();
        assert!(all.begin(ada).is_none());
        let other = all.begin(bob).unwrap();
        drop(first);
        let third = all.begin(ada).unwrap();
        assert!(all.begin(ada).is_none());
        drop((second, third, other));
        assert!(all.parts.iter().all(|part| part.lock().unwrap().is_empty()));
    }
}
