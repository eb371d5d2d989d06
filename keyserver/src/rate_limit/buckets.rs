//! Token buckets, each as one number (the generic cell rate algorithm): the time at which the bucket is full again.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use quick_cache::sync::Cache;

use super::Key;

/// Buckets that are kept at most; the least used are removed first. One that is not kept is full.
const MAX_BUCKETS: usize = 100_000;
/// The longest that a bucket can be closed, in microseconds.
const LONGEST_US: i64 = 3_600 * 1_000_000;

/// Buckets of one size, by key. Cloning shares them.
#[derive(Clone)]
pub(super) struct Buckets {
    full_at_us: Arc<Cache<Key, Arc<AtomicI64>>>,
    /// Time in which one token is refilled.
    interval_us: i64,
    /// The whole bucket, in time.
    size_us: i64,
    burst: u32,
    most_per_minute: u64,
    time: Arc<SteadyTime>,
}

/// A time that never goes back. When the clock does, this one goes on from where it was: otherwise a bucket would stay
/// closed until the clock has caught up.
#[derive(Debug, Default)]
struct SteadyTime {
    /// The clock's latest time, in milliseconds.
    latest_ms: AtomicI64,
    /// What the clock has gone back in all.
    lost_ms: AtomicI64,
    /// Held while both change.
    adjusting: Mutex<()>,
}

impl SteadyTime {
    /// Requests read the clock at almost the same time and get here in any order.
    const TOLERANCE_MS: i64 = 1_000;

    /// The time in microseconds, for a clock at `now_ms`.
    fn at_us(&self, now_ms: i64) -> i64 {
        let latest = self.latest_ms.fetch_max(now_ms, Ordering::Relaxed);
        let mut steady_ms = latest.max(now_ms);
        if latest.saturating_sub(now_ms) > Self::TOLERANCE_MS {
            let _one_at_a_time = self.adjusting.lock().unwrap_or_else(PoisonError::into_inner);
            let back = self.latest_ms.load(Ordering::Relaxed).saturating_sub(now_ms);
            if back > Self::TOLERANCE_MS {
                self.lost_ms.fetch_add(back, Ordering::Relaxed);
                self.latest_ms.store(now_ms, Ordering::Relaxed);
            }
            steady_ms = now_ms;
        }
        steady_ms.saturating_add(self.lost_ms.load(Ordering::Relaxed)).saturating_mul(1_000)
    }
}

impl Buckets {
    /// Buckets of `burst` tokens, of which `per_minute` are refilled in a minute.
    pub(super) fn new(burst: NonZeroU32, per_minute: NonZeroU32) -> Self {
        let interval_us = (60_000_000 / i64::from(per_minute.get())).max(1);
        Self {
            full_at_us: Arc::new(Cache::new(MAX_BUCKETS)),
            interval_us,
            size_us: interval_us.saturating_mul(burst.get().into()),
            burst: burst.get(),
            most_per_minute: u64::from(burst.max(per_minute).get()),
            time: Arc::default(),
        }
    }

    /// The limit of all instances together, per minute.
    pub(super) fn per_minute(&self) -> u64 {
        self.most_per_minute
    }

    /// Takes so many tokens, or as many as a bucket has if that is fewer; `Err` holds the seconds to wait.
    pub(super) fn take(&self, key: Key, tokens: u32, now_ms: i64) -> Result<(), u64> {
        let bucket = self.bucket(key);
        let now = self.time.at_us(now_ms);
        let cost = self.interval_us.saturating_mul(tokens.min(self.burst).into());
        let mut wait_us = 0;
        let taken = bucket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            let full_at = full_at.max(now);
            let next = full_at.saturating_add(cost);
            wait_us = next.saturating_sub(now).saturating_sub(self.size_us);
            (wait_us <= 0).then_some(next)
        });
        match taken {
            Ok(_) => Ok(()),
            Err(_) => Err(u64::try_from(wait_us).unwrap_or_default().div_ceil(1_000_000)),
        }
    }

    /// Returns tokens that were taken.
    pub(super) fn give_back(&self, key: Key, tokens: u32) {
        let cost = self.interval_us.saturating_mul(tokens.min(self.burst).into());
        self.bucket(key).fetch_sub(cost, Ordering::Relaxed);
    }

    /// Admits nothing for this long.
    pub(super) fn exhaust(&self, key: Key, now_ms: i64, seconds: u64) {
        let wait_us = i64::try_from(seconds).unwrap_or(LONGEST_US).saturating_mul(1_000_000).min(LONGEST_US);
        let full_at = self.time.at_us(now_ms).saturating_add(self.size_us - self.interval_us + wait_us);
        self.bucket(key).fetch_max(full_at, Ordering::Relaxed);
    }

    fn bucket(&self, key: Key) -> Arc<AtomicI64> {
        let fresh = || Ok::<_, std::convert::Infallible>(Arc::new(AtomicI64::new(i64::MIN)));
        match self.full_at_us.get_or_insert_with(&key, fresh) {
            Ok(bucket) => bucket,
            Err(never) => match never {},
        }
    }
}

impl std::fmt::Debug for Buckets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Buckets").field("burst", &self.burst).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(burst: u32, per_minute: u32) -> Buckets {
        Buckets::new(burst.try_into().unwrap(), per_minute.try_into().unwrap())
    }

    const NOW: i64 = 1_795_435_200_000;

    #[test]
    fn a_bucket_is_emptied_by_its_burst_and_refilled_at_its_rate() {
        let buckets = buckets(10, 60);
        let key = Key::text("a", "");
        assert_eq!(buckets.take(key, 4, NOW), Ok(()));
        assert_eq!(buckets.take(key, 6, NOW), Ok(()));
        assert_eq!(buckets.take(key, 1, NOW), Err(1));
        assert_eq!(buckets.take(key, 3, NOW), Err(3));
        assert_eq!(buckets.take(key, 1, NOW + 999), Err(1));
        assert_eq!(buckets.take(key, 1, NOW + 1_000), Ok(()));
        assert!(buckets.take(key, 1, NOW + 1_000).is_err());
        buckets.give_back(key, 1);
        assert_eq!(buckets.take(key, 1, NOW + 1_000), Ok(()));
        assert_eq!(buckets.take(Key::text("b", ""), 10, NOW), Ok(()), "another key has a bucket of its own");
        // More than a bucket has is the whole bucket: it can be had at all.
        assert!(buckets.take(key, 1_000, NOW + 9_000).is_err());
        assert_eq!(buckets.take(key, 1_000, NOW + 3_600_000), Ok(()));
    }

    // Threats: TIM-03.
    #[test]
    fn a_clock_that_jumps_neither_refills_nor_closes_a_bucket_for_long() {
        let buckets = buckets(2, 60);
        let key = Key::text("a", "");
        let other = Key::text("b", "");
        buckets.take(key, 2, NOW).unwrap();
        buckets.take(other, 1, NOW).unwrap();
        let yesterday = NOW - 86_400_000;
        assert_eq!(buckets.take(key, 1, yesterday), Err(1));
        assert_eq!(buckets.take(other, 1, yesterday), Ok(()), "what was left is left");
        assert_eq!(buckets.take(other, 1, yesterday), Err(1));
        assert_eq!(buckets.take(key, 1, yesterday + 1_000), Ok(()), "the bucket refills at its rate");
        assert!(buckets.take(key, 1, yesterday + 1_000).is_err());
        assert_eq!(buckets.take(key, 1, NOW + 86_400_000), Ok(()));
    }

    #[test]
    fn an_exhausted_bucket_opens_when_it_was_told_to() {
        let buckets = buckets(5, 60);
        let key = Key::text("a", "");
        buckets.exhaust(key, NOW, 30);
        assert!((30..=31).contains(&buckets.take(key, 1, NOW).unwrap_err()));
        assert!(buckets.take(key, 1, NOW + 29_000).is_err());
        assert_eq!(buckets.take(key, 1, NOW + 30_000), Ok(()));
        assert!(buckets.take(key, 1, NOW + 30_000).is_err());
    }

    // Threats: BRU-06.
    #[test]
    fn many_keys_take_bounded_memory_and_leave_a_busy_bucket_alone() {
        let buckets = buckets(2, 1);
        let busy = Key::text("busy", "");
        buckets.take(busy, 2, NOW).unwrap();
        for index in 0..300_000_u32 {
            buckets.take(Key::text("flood", &index.to_string()), 1, NOW).unwrap();
            if index % 1_000 == 0 {
                assert!(buckets.take(busy, 1, NOW).is_err(), "{index}");
            }
        }
        assert!(buckets.full_at_us.len() <= MAX_BUCKETS + MAX_BUCKETS / 10, "{}", buckets.full_at_us.len());
    }
}
