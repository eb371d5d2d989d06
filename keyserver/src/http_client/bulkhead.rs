//! Limits what one registry can take of this server, and what this server sends to it: places for its requests, a pace, and
//! a circuit breaker per origin.
//!
//! Requests that wait for a slow registry hold connections and memory. So each registry has a number of places; beyond
//! it, requests wait for a short time and are then refused. A server that did not respond to several requests in a row
//! gets none for some seconds, then one as a probe. Any response closes the breaker, whatever its status.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use dockpass_protocol::flow::TransportError;
use dockpass_protocol::origin::Origin;
use http::Uri;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::ClientLimits;

/// How long an open breaker refuses requests, and how long a probe may take before there is another.
pub(crate) const PAUSE: Duration = Duration::from_secs(5);

/// The bulkhead of one registry.
#[derive(Debug)]
pub(super) struct Bulkhead {
    /// For whole exchanges: tokens, logins, discovery.
    exchanges: Arc<Semaphore>,
    /// For relayed requests, until the body of the response ends. Apart from the others, because a relayed request may
    /// need a token while it has a place.
    streams: Arc<Semaphore>,
    /// How long a request waits for a place, and for its turn.
    patience: Duration,
    pace: Option<Pace>,
    /// Of the origins that the configuration names. A breaker for others, such as public storage, would be one more
    /// thing that a registry can fill.
    breakers: Vec<Breaker>,
}

/// A place for a request.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "held until it is dropped")] OwnedSemaphorePermit);

/// The kind of a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Use {
    Exchange,
    Stream,
}

impl Bulkhead {
    pub(super) fn new(limits: &ClientLimits, origins: &[Origin]) -> Self {
        let places = || Arc::new(Semaphore::new(limits.concurrency.get().min(Semaphore::MAX_PERMITS)));
        let breakers = limits.breaker_failures.map_or_else(Vec::new, |failures| {
            let mut origins = origins.to_vec();
            origins.sort();
            origins.dedup();
            origins.into_iter().map(|origin| Breaker::new(origin, failures.get(), PAUSE)).collect()
        });
        let pace = limits.requests_per_second.map(Pace::new);
        Self { exchanges: places(), streams: places(), patience: limits.timeouts.connect, pace, breakers }
    }

    /// The breaker of this target's origin, if it has one.
    pub(super) fn breaker(&self, uri: &Uri) -> Option<&Breaker> {
        self.breakers.iter().find(|breaker| breaker.is_of(uri))
    }

    /// A place for one more request, at the registry's pace.
    pub(super) async fn enter(&self, usage: Use) -> Result<Place, TransportError> {
        if let Some(pace) = &self.pace {
            let Some(wait) = pace.turn(self.patience) else {
                tracing::debug!("request refused: requests_per_second of the registry is reached");
                return Err(TransportError::Busy);
            };
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
        }
        self.place(usage).await
    }

    async fn place(&self, usage: Use) -> Result<Place, TransportError> {
        let places = match usage {
            Use::Exchange => &self.exchanges,
            Use::Stream => &self.streams,
        };
        if let Ok(permit) = Arc::clone(places).try_acquire_owned() {
            return Ok(Place(permit));
        }
        let waiting = tokio::time::timeout(self.patience, Arc::clone(places).acquire_owned());
        let Ok(Ok(permit)) = waiting.await else {
            tracing::debug!("request refused: limits.registry_concurrency is reached");
            return Err(TransportError::Busy);
        };
        Ok(Place(permit))
    }
}

/// So many requests per second. Those of one second may come at once.
#[derive(Debug)]
struct Pace {
    /// Time per request, in microseconds.
    interval_us: u64,
    /// Microseconds after `began` at which requests have used up what they may.
    used_until_us: AtomicU64,
    began: Instant,
}

impl Pace {
    /// How far requests may be ahead, in microseconds.
    const AHEAD_US: u64 = 1_000_000;

    fn new(per_second: NonZeroU32) -> Self {
        let interval_us = (1_000_000 / u64::from(per_second.get())).max(1);
        Self { interval_us, used_until_us: AtomicU64::new(0), began: Instant::now() }
    }

    /// Takes a turn, and returns how long to wait for it. `None`, and nothing is taken, if that is longer than `patience`.
    fn turn(&self, patience: Duration) -> Option<Duration> {
        self.turn_at(self.began.elapsed(), patience)
    }

    fn turn_at(&self, since_began: Duration, patience: Duration) -> Option<Duration> {
        let now_us = u64::try_from(since_began.as_micros()).unwrap_or(u64::MAX);
        let mut wait = Duration::ZERO;
        let taken = self.used_until_us.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |until| {
            let next = until.max(now_us).saturating_add(self.interval_us);
            let ahead = next.saturating_sub(now_us);
            wait = Duration::from_micros(ahead.saturating_sub(Self::AHEAD_US.max(self.interval_us)));
            (wait <= patience).then_some(next)
        });
        taken.is_ok().then_some(wait)
    }
}

/// Refuses requests to a server that does not respond.
#[derive(Debug)]
pub(super) struct Breaker {
    origin: Origin,
    limit: u32,
    pause: Duration,
    /// Requests in a row without a response.
    failures: AtomicU32,
    /// Milliseconds after `began` until which requests are refused; 0 while the breaker is closed.
    open_until_ms: AtomicU64,
    began: Instant,
}

impl Breaker {
    fn new(origin: Origin, limit: u32, pause: Duration) -> Self {
        Self {
            origin,
            limit,
            pause,
            failures: AtomicU32::new(0),
            open_until_ms: AtomicU64::new(0),
            began: Instant::now(),
        }
    }

    fn is_of(&self, uri: &Uri) -> bool {
        let scheme = self.origin.scheme();
        uri.scheme_str() == Some(scheme.as_str())
            && uri.host() == Some(self.origin.host())
            && uri.port_u16().unwrap_or(scheme.default_port()) == self.origin.port()
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn pause_from_now(&self) -> u64 {
        let pause = u64::try_from(self.pause.as_millis()).unwrap_or(u64::MAX);
        self.now_ms().saturating_add(pause)
    }

    /// Lets a request pass, unless the breaker is open.
    pub(super) fn admit(&self) -> Result<(), TransportError> {
        let until = self.open_until_ms.load(Ordering::Acquire);
        if until == 0 {
            return Ok(());
        }
        // After the pause one request is the probe, and the others wait for its result.
        let is_probe = self.now_ms() >= until
            && self
                .open_until_ms
                .compare_exchange(until, self.pause_from_now(), Ordering::AcqRel, Ordering::Relaxed)
                .is_ok();
        if is_probe { Ok(()) } else { Err(TransportError::Suspended) }
    }

    /// The server responded.
    pub(super) fn succeeded(&self) {
        // Without a write in the usual case, so that processors share the line.
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
        if self.open_until_ms.load(Ordering::Relaxed) != 0
            && self.open_until_ms.swap(0, Ordering::AcqRel) != 0
        {
            tracing::info!(origin = %self.origin, "the server responds again");
        }
    }

    /// The server could not be reached, or did not respond in time.
    pub(super) fn failed(&self) {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if failures >= self.limit && self.open_until_ms.swap(self.pause_from_now(), Ordering::AcqRel) == 0 {
            tracing::warn!(
                origin = %self.origin,
                failures,
                "the server did not respond to several requests in a row: requests to it are refused until it does; \
                 one is sent every {} seconds",
                self.pause.as_secs()
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(200);

    fn breaker(limit: u32) -> Breaker {
        Breaker::new(Origin::parse("https://r.test").unwrap(), limit, SHORT)
    }

    async fn pause() {
        tokio::time::sleep(SHORT + Duration::from_millis(20)).await;
    }

    // Threats: UPS-11.
    #[test]
    fn a_pace_admits_one_second_at_once_and_then_in_turns() {
        let ms = Duration::from_millis;
        let pace = Pace::new(10.try_into().unwrap());
        for _ in 0..10 {
            assert_eq!(pace.turn_at(ms(0), ms(0)), Some(ms(0)));
        }
        assert_eq!(pace.turn_at(ms(0), ms(0)), None, "without patience it is refused");
        assert_eq!(pace.turn_at(ms(0), ms(1_000)), Some(ms(100)));
        assert_eq!(pace.turn_at(ms(0), ms(1_000)), Some(ms(200)));
        assert_eq!(pace.turn_at(ms(0), ms(250)), None, "and takes no turn");
        for _ in 0..3 {
            assert_eq!(pace.turn_at(ms(500), ms(0)), Some(ms(0)));
        }
        assert_eq!(pace.turn_at(ms(500), ms(0)), None);
        let slow = Pace::new(1.try_into().unwrap());
        assert_eq!(slow.turn_at(ms(0), ms(0)), Some(ms(0)));
        assert_eq!(slow.turn_at(ms(0), ms(2_000)), Some(ms(1_000)));
    }

    // Threats: UPS-09.
    #[tokio::test]
    async fn a_breaker_opens_after_failures_in_a_row_and_probes_with_one_request() {
        let breaker = breaker(3);
        for _ in 0..2 {
            breaker.failed();
            breaker.failed();
            breaker.succeeded();
        }
        assert_eq!(breaker.admit(), Ok(()), "never three in a row");
        for _ in 0..3 {
            assert_eq!(breaker.admit(), Ok(()));
            breaker.failed();
        }
        for _ in 0..2 {
            assert_eq!(breaker.admit(), Err(TransportError::Suspended));
            pause().await;
            assert_eq!(breaker.admit(), Ok(()), "the probe");
            assert_eq!(breaker.admit(), Err(TransportError::Suspended), "one probe only");
            breaker.failed();
        }
        pause().await;
        assert_eq!(breaker.admit(), Ok(()));
        // A caller that hangs up reports nothing: there is another probe later.
        pause().await;
        assert_eq!(breaker.admit(), Ok(()));
        breaker.succeeded();
        for _ in 0..10 {
            assert_eq!(breaker.admit(), Ok(()));
        }
        breaker.failed();
        assert_eq!(breaker.admit(), Ok(()), "the count starts anew");
    }

    #[tokio::test]
    async fn a_breaker_is_for_one_origin_in_any_spelling() {
        let breaker = breaker(1);
        for (uri, is_of) in [
            ("https://r.test/v2/", true),
            ("https://r.test:443/v2/", true),
            ("https://r.test:444/v2/", false),
            ("http://r.test/v2/", false),
            ("https://s.test/v2/", false),
        ] {
            assert_eq!(breaker.is_of(&uri.parse().unwrap()), is_of, "{uri}");
        }
    }
}
