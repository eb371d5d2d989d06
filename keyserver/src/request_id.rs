//! The ids of requests, in logs and responses.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::JoinHandle;

use crate::clock::{NoRandomness, Randomness};

/// Assigns ids that are unique in this process and differ between processes.
#[derive(Debug)]
pub(crate) struct RequestIds(AtomicU64);

impl RequestIds {
    /// Ids from a random start.
    ///
    /// # Errors
    /// When the random number generator fails.
    pub(crate) fn new(random: &dyn Randomness) -> Result<Self, NoRandomness> {
        let mut start = [0; 8];
        random.fill(&mut start)?;
        Ok(Self(AtomicU64::new(u64::from_ne_bytes(start))))
    }

    /// The next id. No id repeats before 2^64 requests, because the mixing is a permutation (`SplittableRandom`, Steele,
    /// Lea and Flood 2014); it makes ids of consecutive requests easy to tell apart. An id is not a secret.
    pub(crate) fn next(&self) -> RequestId {
        let mut mixed = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let mut digits = [0; 16];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(mixed.to_be_bytes()) {
            pair.copy_from_slice(&crate::clock::hex_digits(byte));
        }
        RequestId(digits)
    }
}

/// 16 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RequestId([u8; 16]);

impl RequestId {
    /// Its digits.
    pub(crate) fn as_str(&self) -> &str {
        // Digits are always UTF-8.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

tokio::task_local! {
    /// The request that a task works for. Not a span of `tracing`, which costs as much as a token from the cache.
    static CURRENT: RequestId;
}

/// Runs a future for this request.
pub(crate) fn scope<F: Future>(id: RequestId, future: F) -> impl Future<Output = F::Output> + use<F> {
    CURRENT.scope(id, future)
}

/// The request that runs.
pub(crate) fn current() -> Option<RequestId> {
    CURRENT.try_with(|id| *id).ok()
}

/// Starts a task for the request that runs, if one does.
pub(crate) fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    match current() {
        Some(id) => tokio::spawn(scope(id, future)),
        None => tokio::spawn(future),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::clock::SystemRandomness;

    #[test]
    fn ids_are_sixteen_digits_and_do_not_repeat() {
        let ids = RequestIds::new(&SystemRandomness::default()).unwrap();
        let seen: HashSet<RequestId> = (0..10_000).map(|_| ids.next()).collect();
        assert_eq!(seen.len(), 10_000);
        let id = ids.next();
        assert!(
            id.as_str().len() == 16 && id.as_str().bytes().all(|digit| digit.is_ascii_hexdigit()),
            "{id}"
        );
    }
}
