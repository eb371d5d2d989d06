//! RSA operations with a private key: off the reactor, few at a time, counted.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Semaphore;

/// A lane with a bounded width and bounded queues, so that a flood of well-formed garbage cannot take the processor
/// from everybody else.
///
/// A session that was opened before (or sealed here) is *known*. Unknown ones, which anybody can make up, queue apart
/// and never have the whole width: at most one of them stands between a known one and its operation.
#[derive(Debug)]
pub(super) struct RsaWorkers {
    workers: Arc<Semaphore>,
    known: Queue,
    unknown: Queue,
    /// What unknown sessions need besides a slot.
    unknown_workers: Arc<Semaphore>,
    operations: Arc<AtomicU64>,
}

impl RsaWorkers {
    /// This many operations at one time, or one per processor. Of unknown sessions half as many may wait.
    pub(super) fn new(width: Option<NonZeroUsize>, max_waiting: usize) -> Self {
        let width = width.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
        Self {
            workers: Arc::new(Semaphore::new(width)),
            known: Queue::of(max_waiting),
            unknown: Queue::of(max_waiting.div_ceil(2)),
            unknown_workers: Arc::new(Semaphore::new(width.saturating_sub(1).max(1))),
            operations: Arc::new(AtomicU64::new(0)),
        }
    }

    /// Does this work in the lane, for a session that is known or not. `None` when too many wait already.
    pub(super) async fn run<T, F>(&self, is_known: bool, work: F) -> Option<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let permit = if is_known { &self.known } else { &self.unknown }.take()?;
        // Unknown ones wait for each other here, not in the queue for the slots, which is first come, first served.
        let unknown_worker =
            if is_known { None } else { Some(Arc::clone(&self.unknown_workers).acquire_owned().await.ok()?) };
        let worker = Arc::clone(&self.workers).acquire_owned().await.ok()?;
        drop(permit);
        let operations = Arc::clone(&self.operations);
        // The slot travels with the work, so that a caller who hangs up does not let in more than the width.
        let work = tokio::task::spawn_blocking(move || {
            let _permits = (worker, unknown_worker);
            operations.fetch_add(1, Ordering::Relaxed);
            work()
        });
        match work.await {
            Ok(result) => Some(result),
            Err(error) => {
                tracing::error!(%error, "RSA task panicked");
                None
            }
        }
    }

    /// How many operations were done.
    pub(super) fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }
}

/// How many wait, and how many may.
#[derive(Debug)]
struct Queue {
    waiting: AtomicUsize,
    max: usize,
}

impl Queue {
    fn of(max: usize) -> Self {
        Self { waiting: AtomicUsize::new(0), max }
    }

    fn take(&self) -> Option<QueuePermit<'_>> {
        let before = self.waiting.fetch_add(1, Ordering::AcqRel);
        let permit = QueuePermit(&self.waiting);
        (before < self.max).then_some(permit)
    }
}

/// A place in a queue, given back when dropped.
struct QueuePermit<'a>(&'a AtomicUsize);

impl Drop for QueuePermit<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests;
