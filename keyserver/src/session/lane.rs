//! RSA operations with a private key: off the reactor, few at a time, counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Semaphore;

/// A lane with a bounded width and a bounded queue, so that a flood of well-formed garbage cannot take the processor
/// from everybody else.
#[derive(Debug)]
pub(super) struct RsaLane {
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
    max_waiting: usize,
    operations: Arc<AtomicU64>,
}

impl RsaLane {
    /// A lane of this width; 0 means one operation per processor.
    pub(super) fn new(width: usize, max_waiting: usize) -> Self {
        let width =
            if width == 0 { std::thread::available_parallelism().map_or(1, usize::from) } else { width };
        Self {
            slots: Arc::new(Semaphore::new(width)),
            waiting: AtomicUsize::new(0),
            max_waiting,
            operations: Arc::new(AtomicU64::new(0)),
        }
    }

    /// Does this work in the lane. `None` when too many wait already.
    pub(super) async fn run<T, F>(&self, work: F) -> Option<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let place = Place::take(&self.waiting, self.max_waiting)?;
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok()?;
        drop(place);
        let operations = Arc::clone(&self.operations);
        // The slot travels with the work, so that a caller who hangs up does not let in more than the width.
        tokio::task::spawn_blocking(move || {
            let _slot = slot;
            operations.fetch_add(1, Ordering::Relaxed);
            work()
        })
        .await
        .ok()
    }

    /// How many operations were done.
    pub(super) fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }
}

/// A place in the queue, given back when dropped.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, max: usize) -> Option<Self> {
        let before = waiting.fetch_add(1, Ordering::AcqRel);
        let place = Self(waiting);
        (before < max).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
