//! Threads for blocking work of one kind.
//!
//! tokio has one pool of blocking threads for the whole process. Work that gets stuck there, such as name resolution
//! with a dead DNS server, keeps every other kind of work out. So each kind has a pool of its own.

use std::fmt;
use std::io;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// A bounded pool of blocking threads.
pub(crate) struct BlockingPool {
    /// A runtime that runs nothing but blocking tasks. `None` only while it is dropped.
    runtime: Option<Runtime>,
}

impl BlockingPool {
    /// A pool of at most this many threads. They are started when needed and end when idle.
    ///
    /// # Errors
    /// The system's, when it has no descriptors left.
    pub(crate) fn new(name: &'static str, threads: usize) -> io::Result<Self> {
        let runtime =
            Builder::new_current_thread().thread_name(name).max_blocking_threads(threads.max(1)).build()?;
        Ok(Self { runtime: Some(runtime) })
    }

    /// Runs this work on a thread of the pool, after what was given to it before. `None` for a pool that is dropped.
    pub(crate) fn spawn<T, F>(&self, work: F) -> Option<JoinHandle<T>>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        Some(self.runtime.as_ref()?.spawn_blocking(work))
    }
}

impl Drop for BlockingPool {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Does not wait: a pool may be dropped on a thread that must not block.
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for BlockingPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingPool").finish_non_exhaustive()
    }
}
