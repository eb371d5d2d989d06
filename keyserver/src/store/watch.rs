//! Maintains the connection, receives revocations, and records the last contact.
//!
//! A heartbeat is a write: it renews this instance's own marker in the set of revocations. Its reply proves three
//! things. The connection works, and everything published on its channel before has arrived. Revocations can be
//! published, which a full or read-only store refuses. And the set was not lost: if the marker is missing, the store was
//! flushed, restarted empty or has evicted the set, and this instance publishes again what it knows.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_lc_rs::rand;
use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, PushInfo, PushKind, RedisError, Value};

use super::connection::{Shared, count};
use super::endpoint::StoreFileError;
use super::revocations::Revoked;
use crate::clock::hex;

/// From one heartbeat to the next.
const HEARTBEAT: Duration = Duration::from_millis(250);
/// Timeout of a heartbeat, and of connecting.
const PATIENCE: Duration = Duration::from_secs(1);
/// Delay between attempts to connect: first and longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// Expired members are removed, and the marker's score changes, every so many seconds.
const STEP_S: i64 = 10;
/// Members per command.
const BATCH: usize = 500;
/// More revocations are an error: something else writes to the set or the channel.
const MAX_MEMBERS: usize = 2_000_000;

/// Why there is no contact. Logged, so it contains no text of the store.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    File(#[from] StoreFileError),
    #[error("{0}")]
    Store(&'static str),
    #[error("it replies with {0}")]
    Refused(String),
}

impl From<RedisError> for Trouble {
    fn from(error: RedisError) -> Self {
        if error.is_timeout() {
            return Self::Store("it does not reply in time");
        }
        if error.is_connection_refusal() {
            return Self::Store("the connection is refused");
        }
        match (error.kind(), error.code()) {
            (ErrorKind::AuthenticationFailed, _) => Self::Store("it refuses user name or password"),
            (ErrorKind::RESP3NotSupported, _) => {
                Self::Store("it is older than Redis 6, which is the first with RESP3")
            }
            (ErrorKind::Io, _) => Self::Store("the connection failed or its name does not resolve"),
            (ErrorKind::Parse, _) => Self::Store("its reply is not of the Redis protocol"),
            // The code of an error is one word in capitals. Anything else is not logged.
            (_, Some(code)) if code.len() <= 16 && code.bytes().all(|byte| byte.is_ascii_uppercase()) => {
                Self::Refused(code.to_owned())
            }
            _ => Self::Store("it replies with an error"),
        }
    }
}

/// Runs until it is aborted.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut wait = RETRY.0;
    let mut log = Log { is_down: false, is_refusing: false };
    let marker = marker();
    loop {
        let Err(trouble) = hold(&shared, &marker, &mut wait, &mut log).await;
        shared.set_connection(None);
        log.lost(&shared, &trouble);
        tokio::time::sleep(wait).await;
        log.still_lost(&shared);
        wait = (wait * 2).min(RETRY.1);
    }
}

/// The marker of this instance. Distinct, not secret.
fn marker() -> String {
    let mut bytes = [0_u8; 16];
    // Without randomness two instances share a marker; then only one of them notices a flush, which is enough.
    rand::fill(&mut bytes).ok();
    format!("m{}", hex(&bytes))
}

/// One connection, until it fails.
async fn hold(
    shared: &Arc<Shared>,
    marker: &str,
    wait: &mut Duration,
    log: &mut Log,
) -> Result<std::convert::Infallible, Trouble> {
    let mut connection = tokio::time::timeout(PATIENCE * 2, connect(shared))
        .await
        .map_err(|_| Trouble::Store("it does not reply in time"))??;
    count(&shared.figures.connections);
    connection.subscribe(shared.channel()).await?;
    let mut is_first = true;
    loop {
        let sent_ms = shared.elapsed_ms();
        let was_forgotten = heartbeat(shared, &mut connection, marker, is_first).await?;
        if is_first || was_forgotten {
            if was_forgotten && !is_first {
                tracing::warn!("the store had lost the revocations; they are published again");
            }
            if was_forgotten {
                count(&shared.figures.resyncs);
            }
            synchronize(shared, &mut connection).await?;
        } else {
            publish_pending(shared, &mut connection).await?;
        }
        // The time of sending: what was published before that has arrived.
        shared.last_contact_ms.store(sent_ms, Ordering::Release);
        if is_first {
            shared.set_connection(Some(connection.clone()));
            *wait = RETRY.0;
            log.found();
        }
        shared.is_suspended.store(false, Ordering::Release);
        shared.contact.notify_waiters();
        is_first = false;
        tokio::select! {
            () = tokio::time::sleep(HEARTBEAT) => {}
            () = shared.wake.notified() => tokio::time::sleep(HEARTBEAT / 10).await,
        }
    }
}

async fn connect(shared: &Arc<Shared>) -> Result<MultiplexedConnection, Trouble> {
    let client = shared.endpoint.client()?;
    let listener = Arc::downgrade(shared);
    // Called by the connection in order of arrival, before the future of a later reply completes.
    let hear = move |push: PushInfo| {
        if let (PushKind::Message, Some(shared)) = (&push.kind, listener.upgrade())
            && let Some(Value::BulkString(member)) = push.data.get(1)
            && let Some(revoked) = Revoked::parse(member)
            && shared.list.len() < MAX_MEMBERS
        {
            shared.list.insert(revoked, true, shared.now_s());
        }
        Ok::<(), redis::aio::SendError>(())
    };
    let config = shared.endpoint.connection(PATIENCE).set_push_sender(hear);
    Ok(client.get_multiplexed_async_connection_with_config(&config).await?)
}

/// Renews the marker. Whether it was missing.
async fn heartbeat(
    shared: &Shared,
    connection: &mut MultiplexedConnection,
    marker: &str,
    is_first: bool,
) -> Result<bool, Trouble> {
    if shared.list.len() >= MAX_MEMBERS {
        return Err(Trouble::Store(
            "it holds more revocations than there can be; something else writes there",
        ));
    }
    let (seconds, micros): (i64, i64) = redis::cmd("TIME").query_async(connection).await?;
    let store_ms = seconds.saturating_mul(1_000).saturating_add(micros / 1_000);
    shared.clock_offset_ms.store(store_ms.saturating_sub(shared.elapsed_ms()), Ordering::Release);
    // In steps, so that most heartbeats change nothing and add nothing to an append-only file.
    let step = seconds.div_euclid(STEP_S).saturating_mul(STEP_S);
    let until_s = step.saturating_add(i64::try_from(shared.list.keep().as_secs()).unwrap_or(i64::MAX));
    let mut pipeline = redis::pipe();
    pipeline.atomic();
    pipeline.cmd("ZADD").arg(shared.set()).arg(until_s).arg(marker);
    if is_first || seconds.saturating_sub(step) < 2 {
        pipeline.cmd("ZREMRANGEBYSCORE").arg(shared.set()).arg("-inf").arg(seconds).ignore();
        pipeline.cmd("EXPIRE").arg(shared.set()).arg(shared.list.keep().as_secs()).ignore();
    }
    let (added,): (u64,) = pipeline.query_async(connection).await?;
    Ok(added > 0)
}

/// Reads the set, and publishes what is missing in it.
async fn synchronize(shared: &Shared, connection: &mut MultiplexedConnection) -> Result<(), Trouble> {
    let mut there = HashSet::new();
    let mut cursor: u64 = 0;
    let mut read: usize = 0;
    loop {
        let mut scan = redis::cmd("ZSCAN");
        scan.arg(shared.set()).arg(cursor).arg("COUNT").arg(BATCH);
        let (next, members): (u64, Vec<(Vec<u8>, f64)>) = scan.query_async(connection).await?;
        read = read.saturating_add(members.len());
        if read > MAX_MEMBERS {
            return Err(Trouble::Store(
                "it holds more revocations than there can be; something else writes there",
            ));
        }
        for (member, _) in members {
            if let Some(revoked) = Revoked::parse(&member) {
                shared.list.insert(revoked, true, shared.now_s());
                there.insert(revoked);
            }
        }
        if next == 0 {
            break;
        }
        cursor = next;
    }
    let mut missing = shared.list.living(shared.now_s());
    missing.retain(|revoked| !there.contains(revoked));
    publish(shared, connection, &missing).await
}

/// Publishes what could not be published before.
async fn publish_pending(shared: &Shared, connection: &mut MultiplexedConnection) -> Result<(), Trouble> {
    if shared.list.len() == 0 {
        return Ok(());
    }
    publish(shared, connection, &shared.list.unshared()).await
}

async fn publish(
    shared: &Shared,
    connection: &mut MultiplexedConnection,
    revoked: &[Revoked],
) -> Result<(), Trouble> {
    for batch in revoked.chunks(BATCH) {
        shared.publish_commands(batch).query_async::<()>(connection).await?;
        for revoked in batch {
            shared.list.insert(*revoked, true, shared.now_s());
        }
    }
    Ok(())
}

/// Logs each change of state once.
struct Log {
    is_down: bool,
    is_refusing: bool,
}

impl Log {
    fn found(&mut self) {
        if self.is_down {
            tracing::info!("the store replies again");
        } else {
            tracing::info!("the store is connected");
        }
        *self = Self { is_down: false, is_refusing: false };
    }

    fn lost(&mut self, shared: &Shared, trouble: &Trouble) {
        if !self.is_down {
            let grace_seconds = shared.endpoint.settings.revocation_grace.as_secs();
            tracing::warn!(
                reason = %trouble,
                grace_seconds,
                "no contact with the store: tokens are not shared, limits count per instance, and after the grace \
                 sessions are refused"
            );
        }
        self.is_down = true;
    }

    fn still_lost(&mut self, shared: &Shared) {
        if self.is_down && !self.is_refusing && !shared.knows_revocations() {
            tracing::error!(
                "sessions are refused with store_unavailable until the store replies: it is unknown which of them \
                 were logged out"
            );
            self.is_refusing = true;
        }
    }
}
