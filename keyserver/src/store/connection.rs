//! What requests and the watcher share: the connection, and when it last worked.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, ServerErrorKind};
use tokio::sync::Notify;

use super::endpoint::Endpoint;
use super::revocations::{RevocationList, Revoked};
use super::seal::Name;
use crate::clock::Clock;

/// The store did not reply; the caller continues without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store does not reply")]
pub(crate) struct Unavailable;

/// What requests and the watcher share.
pub(super) struct Shared {
    pub(super) endpoint: Endpoint,
    pub(super) list: Arc<RevocationList>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) connection: RwLock<Option<MultiplexedConnection>>,
    /// A command failed; no other is sent until a heartbeat succeeds.
    pub(super) is_suspended: AtomicBool,
    /// Origin of the times below.
    pub(super) started: Instant,
    /// Milliseconds from `started` to the last successful heartbeat; negative if there was none.
    pub(super) last_contact_ms: AtomicI64,
    /// The store's clock minus ours, in milliseconds, as of the last heartbeat.
    pub(super) clock_offset_ms: AtomicI64,
    /// A revocation has to be published, or a command failed.
    pub(super) wake: Notify,
    /// A heartbeat succeeded.
    pub(super) contact: Notify,
    pub(super) figures: Figures,
}

#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
    pub(super) corrupt: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) skipped: AtomicU64,
    pub(super) connections: AtomicU64,
    pub(super) resyncs: AtomicU64,
}

pub(super) fn count(figure: &AtomicU64) {
    figure.fetch_add(1, Ordering::Relaxed);
}

/// A command or a pipeline of commands.
pub(super) trait Query {
    async fn send<T: FromRedisValue>(&self, connection: &mut MultiplexedConnection) -> Result<T, RedisError>;
}

impl Query for Cmd {
    async fn send<T: FromRedisValue>(&self, connection: &mut MultiplexedConnection) -> Result<T, RedisError> {
        self.query_async(connection).await
    }
}

impl Query for Pipeline {
    async fn send<T: FromRedisValue>(&self, connection: &mut MultiplexedConnection) -> Result<T, RedisError> {
        self.query_async(connection).await
    }
}

/// Why a query has no result.
#[derive(Clone, Copy, Debug)]
pub(super) enum Failure {
    /// The name has a value of another type.
    WrongType,
    /// Everything else.
    Unavailable,
}

impl From<Failure> for Unavailable {
    fn from(_: Failure) -> Self {
        Self
    }
}

impl Shared {
    pub(super) fn now_s(&self) -> i64 {
        self.clock.now_ms().div_euclid(1_000)
    }

    /// Milliseconds since this was made, on a monotonic clock.
    pub(super) fn elapsed_ms(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    pub(super) fn key(&self, name: &Name) -> String {
        format!("{}:{}", self.endpoint.settings.prefix, name.as_str())
    }

    /// The sorted set of revocations. The score is the time on the store's clock at which a member may be removed.
    pub(super) fn set(&self) -> String {
        format!("{}:revoked", self.endpoint.settings.prefix)
    }

    /// The channel on which revocations are published.
    pub(super) fn channel(&self) -> String {
        // Channels are shared by all databases of a server, names are not.
        format!("{}:revoked", self.endpoint.settings.prefix)
    }

    pub(super) fn connection(&self) -> Option<MultiplexedConnection> {
        self.connection.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_connection(&self, connection: Option<MultiplexedConnection>) {
        *self.connection.write().unwrap_or_else(PoisonError::into_inner) = connection;
    }

    pub(super) fn knows_revocations(&self) -> bool {
        let last = self.last_contact_ms.load(Ordering::Acquire);
        let grace = i64::try_from(self.endpoint.settings.revocation_grace.as_millis()).unwrap_or(i64::MAX);
        last >= 0 && self.elapsed_ms().saturating_sub(last) <= grace
    }

    /// Adds these to the set, then publishes them. Not in one transaction: Redis 7.0 writes the message that a subscribed
    /// connection publishes to itself into the middle of the reply to EXEC, and every later reply on that connection would
    /// be taken for that of the command before (threat CCH-16). A failure in between is repeated as a whole.
    pub(super) fn publish_commands(&self, revoked: &[Revoked]) -> Pipeline {
        let until_s = self.keep_until_s();
        let mut pipeline = redis::pipe();
        let add = pipeline.cmd("ZADD").arg(self.set());
        for revoked in revoked {
            add.arg(until_s).arg(revoked.member());
        }
        add.ignore();
        pipeline.cmd("EXPIRE").arg(self.set()).arg(self.list.keep().as_secs()).ignore();
        for revoked in revoked {
            pipeline.cmd("PUBLISH").arg(self.channel()).arg(revoked.member()).ignore();
        }
        pipeline
    }

    /// When a revocation that is published now may be removed, in seconds on the store's clock. By then the session has
    /// expired, whatever our own wall clock says.
    pub(super) fn keep_until_s(&self) -> i64 {
        let now_ms = self.elapsed_ms().saturating_add(self.clock_offset_ms.load(Ordering::Acquire));
        let keep = i64::try_from(self.list.keep().as_secs()).unwrap_or(i64::MAX);
        now_ms.div_euclid(1_000).saturating_add(keep)
    }

    /// Sends a query and waits at most this long for the reply.
    pub(super) async fn query<T: FromRedisValue>(
        &self,
        query: &impl Query,
        limit: Duration,
    ) -> Result<T, Failure> {
        let connection = self.connection().filter(|_| !self.is_suspended.load(Ordering::Acquire));
        let Some(mut connection) = connection else {
            count(&self.figures.skipped);
            return Err(Failure::Unavailable);
        };
        let failure = match tokio::time::timeout(limit, query.send(&mut connection)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) if is_wrong_type(&error) => Failure::WrongType,
            _ => Failure::Unavailable,
        };
        count(&self.figures.failures);
        if matches!(failure, Failure::Unavailable) {
            // The next request does not wait for a timeout as well; the watcher finds out when the store replies again.
            self.is_suspended.store(true, Ordering::Release);
            self.wake.notify_one();
        }
        Err(failure)
    }
}

/// Whether the value is wrong and not the store: another type, or not a number.
fn is_wrong_type(error: &RedisError) -> bool {
    error.code() == Some("WRONGTYPE")
        || matches!(error.kind(), ErrorKind::UnexpectedReturnType)
        || matches!(error.kind(), ErrorKind::Server(ServerErrorKind::ResponseError))
}
