//! RSA operations with a private key: on threads of their own, few at a time, counted.

use std::collections::HashMap;
use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::blocking::BlockingPool;
use crate::figures::{Count, Times};

/// The share of the queue that one session may have: a quarter.
const SHARE: usize = 4;

/// A pool with a bounded queue. Only sessions whose tag is good get here, so that everybody who waits has logged in;
/// one session has at most a quarter of the queue, so that its owner cannot keep the others out.
#[derive(Debug)]
pub(crate) struct RsaWorkers {
    pool: BlockingPool,
    queue: Arc<Queue>,
    operations: Arc<AtomicU64>,
    times: Times,
    refused: Count,
}

impl RsaWorkers {
    /// This many operations at one time, or one per processor; so many may wait or run.
    ///
    /// # Errors
    /// The system's, when it has no descriptors left.
    pub(super) fn new(width: Option<NonZeroUsize>, max: usize) -> io::Result<Self> {
        let width = width.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
        Ok(Self {
            pool: BlockingPool::new("rsa", width)?,
            queue: Arc::new(Queue {
                places: Mutex::new(Places::default()),
                max,
                max_of_one: max.div_ceil(SHARE),
            }),
            operations: Arc::new(AtomicU64::new(0)),
            times: Times::default(),
            refused: Count::default(),
        })
    }

    /// Does this work for the session of this hash. `None` when too many wait already.
    pub(super) async fn run<T, F>(&self, session: &[u8; 32], work: F) -> Option<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let began = Instant::now();
        let Some(place) = Queue::take(&self.queue, session) else {
            self.refused.add();
            return None;
        };
        let operations = Arc::clone(&self.operations);
        // The place travels with the work: it is taken until the work is done, even if the caller hangs up.
        let work = self.pool.spawn(move || {
            let _place = place;
            operations.fetch_add(1, Ordering::Relaxed);
            work()
        })?;
        let result = work.await;
        self.times.add(began.elapsed());
        match result {
            Ok(result) => Some(result),
            Err(error) => {
                tracing::error!(%error, "RSA task panicked");
                None
            }
        }
    }

    /// How many operations were done.
    pub(crate) fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }

    /// How many sessions wait for an operation or have one.
    pub(crate) fn waiting(&self) -> u64 {
        let places = self.queue.places.lock().unwrap_or_else(PoisonError::into_inner);
        u64::try_from(places.all).unwrap_or(u64::MAX)
    }

    /// How long they waited for their results.
    pub(crate) fn times(&self) -> &Times {
        &self.times
    }

    /// How many were refused, because the queue or the session's share of it was full.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.get()
    }
}

/// Who waits for an operation or has one.
#[derive(Debug)]
struct Queue {
    places: Mutex<Places>,
    max: usize,
    max_of_one: usize,
}

#[derive(Debug, Default)]
struct Places {
    all: usize,
    by_session: HashMap<[u8; 32], usize>,
}

impl Queue {
    fn take(queue: &Arc<Self>, session: &[u8; 32]) -> Option<Place> {
        let mut places = queue.places.lock().unwrap_or_else(PoisonError::into_inner);
        let own = places.by_session.get(session).copied().unwrap_or_default();
        if places.all >= queue.max || own >= queue.max_of_one {
            return None;
        }
        places.all += 1;
        places.by_session.insert(*session, own + 1);
        Some(Place { queue: Arc::clone(queue), session: *session })
    }
}

/// A place in the queue, given back when dropped.
struct Place {
    queue: Arc<Queue>,
    session: [u8; 32],
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.queue.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.all = places.all.saturating_sub(1);
        if let Some(own) = places.by_session.get_mut(&self.session) {
            *own -= 1;
            if *own == 0 {
                places.by_session.remove(&self.session);
            }
        }
    }
}

#[cfg(test)]
mod tests;
