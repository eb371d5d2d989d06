//! Counters, gauges and histograms of a running server, for `/metrics`.
//!
//! A request adds to atomics and takes no lock. The parts of the server own their figures and know nothing of the
//! format in which [`crate::metrics`] writes them. Every set of figures has a fixed size: nothing that a client sends
//! becomes a label.

mod requests;
mod upstream;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub(crate) use requests::{Requests, Route};
pub(crate) use upstream::UpstreamFigures;

/// A number of events since start.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// Counts one event.
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// The events so far.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many of something there are now.
#[derive(Debug, Default)]
pub(crate) struct Level(AtomicU64);

impl Level {
    /// One more, until the guard is dropped.
    pub(crate) fn enter(&self) -> Entered<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Entered(self)
    }

    /// How many there are.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One of a [`Level`].
#[derive(Debug)]
pub(crate) struct Entered<'a>(&'a Level);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Upper bounds of the buckets of [`Times`], in microseconds; the last bucket has none.
pub(crate) const BOUNDS_US: [u64; 12] =
    [500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 1_000_000, 5_000_000, 15_000_000];

/// A histogram of durations.
#[derive(Debug, Default)]
pub(crate) struct Times {
    buckets: [AtomicU64; BOUNDS_US.len()],
    longer: AtomicU64,
    sum_us: AtomicU64,
}

impl Times {
    /// Counts one duration.
    pub(crate) fn add(&self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let place = BOUNDS_US.iter().position(|bound| us <= *bound);
        let bucket = place.and_then(|place| self.buckets.get(place)).unwrap_or(&self.longer);
        bucket.fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// The count of each bucket, by its upper bound in seconds, and the sum in seconds.
    pub(crate) fn read(&self) -> (Vec<(f64, u64)>, f64) {
        let seconds = |us: u64| Duration::from_micros(us).as_secs_f64();
        let counts = self.buckets.iter().chain([&self.longer]).map(|bucket| bucket.load(Ordering::Relaxed));
        let bounds = BOUNDS_US.iter().map(|bound| seconds(*bound)).chain([f64::INFINITY]);
        (bounds.zip(counts).collect(), seconds(self.sum_us.load(Ordering::Relaxed)))
    }
}

/// The limits whose refusals are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Failed logins of an address or for an account.
    Login,
    /// Scopes of anonymous tokens of an address.
    Anonymous,
    /// Scopes of tokens of a session.
    SessionScopes,
    /// Requests of an address or a session that reach a registry.
    Requests,
    /// Such requests at one time.
    Concurrency,
    /// Connections of an address.
    Connections,
}

impl Limit {
    pub(crate) const ALL: [Self; 6] = [
        Self::Login,
        Self::Anonymous,
        Self::SessionScopes,
        Self::Requests,
        Self::Concurrency,
        Self::Connections,
    ];

    /// The value of the label.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Anonymous => "anonymous",
            Self::SessionScopes => "session_scopes",
            Self::Requests => "requests",
            Self::Concurrency => "client_concurrency",
            Self::Connections => "connections_per_address",
        }
    }
}

/// How often each limit refused something.
#[derive(Debug, Default)]
pub(crate) struct Limits([Count; Limit::ALL.len()]);

impl Limits {
    /// Counts a refusal.
    pub(crate) fn hit(&self, limit: Limit) {
        for (each, count) in self.iter() {
            if each == limit {
                count.add();
            }
        }
    }

    /// Every limit with its refusals.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Limit, &Count)> {
        Limit::ALL.into_iter().zip(&self.0)
    }
}

/// Connections of clients.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    /// Open now.
    pub(crate) open: Level,
    /// Accepted since start.
    pub(crate) accepted: Count,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_bucket_of_its_upper_bound() {
        let times = Times::default();
        for us in [0, 500, 501, 15_000_000, 15_000_001] {
            times.add(Duration::from_micros(us));
        }
        let (buckets, sum) = times.read();
        let counts: Vec<u64> = buckets.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert!((sum - 30.001_002).abs() < 1e-9, "{sum}");
    }

    #[test]
    fn a_level_falls_when_its_guard_is_dropped() {
        let level = Level::default();
        let guard = level.enter();
        assert_eq!(level.get(), 1);
        drop(guard);
        assert_eq!(level.get(), 0);
    }
}
