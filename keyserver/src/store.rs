//! What several instances share, in Redis or Valkey: tokens and refusals, revocations, counters of rate limits, and
//! locks for single flight.
//!
//! The store is not trusted, and no response is wrong because of it. Values are sealed, so that a dump gives neither a
//! token nor a user, and a value under another name does not open ([`seal`]). A store that is down, slow, full,
//! read-only or hostile is a cache miss. Only a revocation cannot be a miss: every instance keeps the complete list
//! ([`revocations`]), receives new ones on a channel, and records when the store last replied ([`watch`]). Later than
//! the configured grace after that, an instance cannot know whether a session was logged out, and refuses it with
//! `store_unavailable`.
//!
//! One connection carries the commands and the channel. The reply to a heartbeat therefore proves that every
//! revocation published before it has arrived.

mod connection;
mod endpoint;
pub(crate) mod revocations;
pub(crate) mod seal;
mod watch;

use std::fmt;
use std::sync::Arc;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

pub use endpoint::{Resolver, Resolving, StoreFileError};

use crate::clock::Clock;
pub(crate) use endpoint::Endpoint;

use connection::{Failure, Figures, Shared, Unavailable, count};
use revocations::{RevocationList, Revoked};
use seal::Name;

/// Longer values are not stored, and not read.
const MAX_VALUE: usize = 262_144;
/// No score of a revocation is smaller, in seconds since the epoch.
const EARLIEST_S: f64 = 1.0e9;
/// The longest time to publish a revocation.
const PUBLISH: Duration = Duration::from_secs(1);

/// The state of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    /// The count, including this one.
    pub(crate) count: u64,
    /// Time until the counter starts again.
    pub(crate) resets_in: Duration,
}

/// Figures of the store since start, and its state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreReport {
    /// Whether the store replies.
    pub is_connected: bool,
    /// Whether sessions are accepted: the last reply is within the grace.
    pub knows_revocations: bool,
    /// Revocations that this instance knows.
    pub revocations: u64,
    /// Tokens and refusals found there.
    pub hits: u64,
    /// Not found there.
    pub misses: u64,
    /// Found there, and not a value that was sealed for this request.
    pub corrupt: u64,
    /// Commands that failed or timed out.
    pub failures: u64,
    /// Commands that were not sent, because the store did not reply before.
    pub skipped: u64,
    /// Connections made.
    pub connections: u64,
    /// How often the store had lost the revocations and they were published again.
    pub resyncs: u64,
}

/// Digits of a counter that are read; a longer one is not ours.
const MAX_DIGITS: usize = 20;

/// The connection to the store. Dropping it disconnects.
pub struct Store {
    shared: Arc<Shared>,
    watcher: tokio::task::AbortHandle,
}

impl Store {
    /// Starts to connect, and reconnects for as long as this lives. Must be called inside the runtime.
    ///
    /// # Errors
    /// [`StoreFileError`]. A store that cannot be reached is not an error.
    pub(crate) fn connect(
        endpoint: Endpoint,
        list: Arc<RevocationList>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreFileError> {
        endpoint.client()?;
        let shared = Arc::new(Shared {
            endpoint,
            list,
            clock,
            connection: RwLock::default(),
            is_suspended: AtomicBool::new(false),
            started: Instant::now(),
            last_contact_ms: AtomicI64::new(-1),
            clock_offset_ms: AtomicI64::new(0),
            wake: Notify::new(),
            contact: Notify::new(),
            figures: Figures::default(),
        });
        let watcher = tokio::spawn(watch::run(Arc::clone(&shared))).abort_handle();
        Ok(Self { shared, watcher })
    }

    /// Waits at most this long for the first contact. Whether there was one.
    pub(crate) async fn wait_for_contact(&self, limit: Duration) -> bool {
        let contact = async {
            loop {
                let notified = self.shared.contact.notified();
                if self.shared.connection().is_some() {
                    return;
                }
                notified.await;
            }
        };
        tokio::time::timeout(limit, contact).await.is_ok()
    }

    /// The value of this name; `None` if there is none or it has another type or size.
    pub(crate) async fn get(&self, name: &Name) -> Result<Option<Vec<u8>>, Unavailable> {
        // Not GET, which would read a value of any size.
        let mut command = redis::cmd("GETRANGE");
        command.arg(self.shared.key(name)).arg(0).arg(MAX_VALUE);
        let value: Vec<u8> = match self.shared.query(&command, self.shared.endpoint.timeout()).await {
            Ok(value) => value,
            Err(Failure::WrongType) => {
                count(&self.shared.figures.corrupt);
                return Ok(None);
            }
            Err(Failure::Unavailable) => return Err(Unavailable),
        };
        if value.len() > MAX_VALUE {
            count(&self.shared.figures.corrupt);
            return Ok(None);
        }
        Ok((!value.is_empty()).then_some(value))
    }

    /// Stores a value for this long. A failure is a later miss.
    pub(crate) async fn put(&self, name: &Name, value: &[u8], lifetime: Duration) {
        let lifetime = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX);
        if lifetime == 0 || value.len() > MAX_VALUE {
            return;
        }
        let mut command = redis::cmd("SET");
        command.arg(self.shared.key(name)).arg(value).arg("PX").arg(lifetime);
        self.shared.query::<()>(&command, self.shared.endpoint.timeout()).await.ok();
    }

    /// Removes a value.
    pub(crate) async fn remove(&self, name: &Name) {
        let mut command = redis::cmd("UNLINK");
        command.arg(self.shared.key(name));
        self.shared.query::<()>(&command, self.shared.endpoint.timeout()).await.ok();
    }

    /// Takes a lock for this long, if it is free. Best effort: two instances may still do the same work, and never
    /// none.
    pub(crate) async fn lock(&self, name: &Name, lifetime: Duration) -> Result<bool, Unavailable> {
        let mut command = redis::cmd("SET");
        let lifetime = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX);
        command.arg(self.shared.key(name)).arg(1).arg("NX").arg("PX").arg(lifetime.max(1));
        let taken: Option<String> = self.shared.query(&command, self.shared.endpoint.timeout()).await?;
        Ok(taken.is_some())
    }

    /// Whether a lock is taken.
    pub(crate) async fn is_locked(&self, name: &Name) -> Result<bool, Unavailable> {
        let mut command = redis::cmd("EXISTS");
        command.arg(self.shared.key(name));
        Ok(self.shared.query(&command, self.shared.endpoint.timeout()).await?)
    }

    /// Increments a counter, in a window of time that starts with its first increment.
    pub(crate) async fn count(&self, name: &Name, window: Duration) -> Result<Counted, Unavailable> {
        let key = self.shared.key(name);
        let window_ms = u64::try_from(window.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut pipeline = redis::pipe();
        pipeline.atomic();
        pipeline.cmd("SET").arg(&key).arg(0).arg("PX").arg(window_ms).arg("NX").ignore();
        pipeline.cmd("INCR").arg(&key).cmd("PTTL").arg(&key);
        let (count, left_ms): (u64, i64) =
            self.shared.query(&pipeline, self.shared.endpoint.timeout()).await?;
        // A counter that never expires is not ours, and must not lock anyone out for ever.
        let resets_in = u64::try_from(left_ms).map_err(|_| Unavailable)?;
        Ok(Counted { count, resets_in: Duration::from_millis(resets_in.min(window_ms)) })
    }

    /// Reads such a counter.
    pub(crate) async fn counted(&self, name: &Name) -> Result<Counted, Unavailable> {
        let key = self.shared.key(name);
        let mut pipeline = redis::pipe();
        // As in `get`; the users of the documented ACL may not use GET.
        pipeline.cmd("GETRANGE").arg(&key).arg(0).arg(MAX_DIGITS).cmd("PTTL").arg(&key);
        let (digits, left_ms): (String, i64) =
            self.shared.query(&pipeline, self.shared.endpoint.timeout()).await?;
        if digits.is_empty() {
            return Ok(Counted { count: 0, resets_in: Duration::ZERO });
        }
        let count = digits.parse().map_err(|_| Unavailable)?;
        // As above: a counter that never expires is not ours.
        let resets_in = u64::try_from(left_ms).map_err(|_| Unavailable)?;
        Ok(Counted { count, resets_in: Duration::from_millis(resets_in) })
    }

    /// Counts a hit or a miss.
    pub(crate) fn found(&self, was_found: bool) {
        count(if was_found { &self.shared.figures.hits } else { &self.shared.figures.misses });
    }

    /// Counts a value that does not open.
    pub(crate) fn found_corrupt(&self) {
        count(&self.shared.figures.corrupt);
    }

    /// Publishes a revocation to the other instances. Each of them has it within a second of the return.
    ///
    /// # Errors
    /// [`Unavailable`]: it was not published, and will be when the store replies again.
    pub(crate) async fn publish(&self, revoked: Revoked) -> Result<(), Unavailable> {
        let shared = &self.shared;
        let publishing = async {
            loop {
                let contact = shared.contact.notified();
                if let Some(mut connection) = shared.connection()
                    && shared.publish_commands(&[revoked]).query_async::<()>(&mut connection).await.is_ok()
                {
                    shared.list.insert(revoked, true, shared.now_s());
                }
                if !shared.list.is_unshared(&revoked) {
                    return;
                }
                shared.wake.notify_one();
                contact.await;
            }
        };
        tokio::time::timeout(PUBLISH, publishing).await.map_err(|_| Unavailable)
    }

    /// Looks up whether a session that this instance has not seen before was logged out.
    pub(crate) async fn look_up(&self, revoked: Revoked) -> Result<(), Unavailable> {
        let mut command = redis::cmd("ZSCORE");
        command.arg(self.shared.set()).arg(revoked.member());
        let score: Option<f64> = self.shared.query(&command, self.shared.endpoint.timeout()).await?;
        // A score is a time. Any other number is not a revocation, and must not end a session.
        if score.is_some_and(|until_s| until_s > EARLIEST_S) {
            self.shared.list.insert(revoked, true, self.shared.now_s());
        }
        Ok(())
    }

    /// Whether the list of revocations is complete as of the grace.
    pub(crate) fn knows_revocations(&self) -> bool {
        self.shared.knows_revocations()
    }

    /// `Retry-After` of `store_unavailable`, in seconds.
    pub(crate) const RETRY_AFTER_S: u64 = 1;

    /// Figures and state.
    pub fn report(&self) -> StoreReport {
        let figures = &self.shared.figures;
        let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        StoreReport {
            is_connected: self.shared.connection().is_some()
                && !self.shared.is_suspended.load(Ordering::Acquire),
            knows_revocations: self.knows_revocations(),
            revocations: u64::try_from(self.shared.list.len()).unwrap_or(u64::MAX),
            hits: read(&figures.hits),
            misses: read(&figures.misses),
            corrupt: read(&figures.corrupt),
            failures: read(&figures.failures),
            skipped: read(&figures.skipped),
            connections: read(&figures.connections),
            resyncs: read(&figures.resyncs),
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("report", &self.report()).finish_non_exhaustive()
    }
}
