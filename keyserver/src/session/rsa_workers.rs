//! Runs RSA private-key operations: off the async runtime, with limited concurrency, counted.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Semaphore;

/// Limits concurrent and waiting operations, so that a flood of well-formed forgeries cannot take the processor from
/// all others.
///
/// A session that was opened before, or sealed here, is *known*. Unknown ones, which anybody can invent, have a queue
/// of their own and never all workers: at most one of them delays a known one.
#[derive(Debug)]
pub(super) struct RsaWorkers {
    workers: Arc<Semaphore>,
    known: Queue,
    unknown: Queue,
    /// Taken by unknown sessions besides a worker.
    unknown_workers: Arc<Semaphore>,
    operations: Arc<AtomicU64>,
}

impl RsaWorkers {
    /// This many operations at one time, or one per processor. Half as many unknown sessions may wait.
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

    /// Runs this operation, for a known or unknown session. `None` when too many wait already.
    pub(super) async fn run<T, F>(&self, is_known: bool, work: F) -> Option<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let permit = if is_known { &self.known } else { &self.unknown }.take()?;
        // Unknown sessions wait here, not in the queue for the workers, which is first come, first served.
        let unknown_worker =
            if is_known { None } else { Some(Arc::clone(&self.unknown_workers).acquire_owned().await.ok()?) };
        let worker = Arc::clone(&self.workers).acquire_owned().await.ok()?;
        drop(permit);
        let operations = Arc::clone(&self.operations);
        // The permit moves into the task, so that a caller who disconnects does not admit more operations than the
        // limit.
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

    /// Number of operations so far.
    pub(super) fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }
}

/// A queue with a maximum length.
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

/// A place in a queue, released when dropped.
struct QueuePermit<'a>(&'a AtomicUsize);

impl Drop for QueuePermit<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests;
