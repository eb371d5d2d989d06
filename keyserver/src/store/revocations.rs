//! Revocations: the list, in this process, of sessions that were logged out.
//!
//! The list is bounded by time and not by size. An entry is removed when its session has expired, never to make room;
//! each entry costs a login. Both the wall clock and a monotonic clock must say that the session has expired, so that a
//! wall clock that jumps ahead and back does not restore a session (threat TIM-03).

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};

use crate::clock::hex;

/// Clocks of instances may differ by this much.
const SKEW: Duration = Duration::from_mins(2);
/// The list is swept when it has grown to this, and then to twice of what was left.
const FIRST_SWEEP: usize = 1_024;

/// A session that was logged out: 16 bytes of the hash of its `jti`, and its expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Revoked {
    id: [u8; 16],
    /// Seconds since the epoch.
    expires_s: i64,
}

impl Revoked {
    /// The session of this `jti`, which expires then.
    pub(crate) fn new(jti: &str, expires_s: i64) -> Self {
        Self { id: id(jti), expires_s }
    }

    /// As the store has it: hex digits, a dot, seconds since the epoch.
    pub(crate) fn member(&self) -> String {
        format!("{}.{}", hex(&self.id), self.expires_s)
    }

    /// From the store's form; `None` for anything else.
    pub(crate) fn parse(member: &[u8]) -> Option<Self> {
        let (digits, expiry) = std::str::from_utf8(member).ok()?.split_once('.')?;
        if expiry.is_empty() || expiry.len() > 12 || !expiry.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        if digits.len() != 32 || !digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        Some(Self {
            id: u128::from_str_radix(digits, 16).ok()?.to_be_bytes(),
            expires_s: expiry.parse().ok()?,
        })
    }
}

fn id(jti: &str) -> [u8; 16] {
    let hash = digest(&SHA256, jti.as_bytes());
    hash.as_ref().first_chunk().copied().unwrap_or_default()
}

/// When an entry may be removed.
#[derive(Debug)]
struct Known {
    expires_s: i64,
    forget_at: Instant,
}

/// The list.
#[derive(Debug)]
pub(crate) struct RevocationList {
    known: RwLock<Swept>,
    count: AtomicUsize,
    keep: Duration,
}

#[derive(Debug)]
struct Swept {
    by_id: HashMap<[u8; 16], Known>,
    /// Those that are not published yet.
    unshared: HashSet<Revoked>,
    next_sweep: usize,
}

impl RevocationList {
    /// An empty list of sessions that live no longer than this.
    pub(crate) fn new(lifetime: Duration) -> Self {
        Self {
            known: RwLock::new(Swept {
                by_id: HashMap::new(),
                unshared: HashSet::new(),
                next_sweep: FIRST_SWEEP,
            }),
            count: AtomicUsize::new(0),
            keep: lifetime.saturating_add(SKEW),
        }
    }

    /// How long an entry is kept, on any clock.
    pub(crate) fn keep(&self) -> Duration {
        self.keep
    }

    /// Adds a session. `is_shared`: the other instances know it.
    pub(crate) fn insert(&self, revoked: Revoked, is_shared: bool, now_s: i64) {
        let now = Instant::now();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let known = &mut *known;
        if known.by_id.len() >= known.next_sweep {
            known.by_id.retain(|_, known| now_s <= known.expires_s || now < known.forget_at);
            known.unshared.retain(|revoked| known.by_id.contains_key(&revoked.id));
            known.next_sweep = FIRST_SWEEP.max(known.by_id.len().saturating_mul(2));
        }
        let entry = known.by_id.entry(revoked.id);
        match (&entry, is_shared) {
            (_, true) => _ = known.unshared.remove(&revoked),
            (Entry::Vacant(_), false) => _ = known.unshared.insert(revoked),
            (Entry::Occupied(_), false) => {}
        }
        // An overflow would be a lifetime of centuries.
        let forget_at = now.checked_add(self.keep).unwrap_or(now);
        entry.or_insert(Known { expires_s: revoked.expires_s, forget_at });
        self.count.store(known.by_id.len(), Ordering::Release);
    }

    /// Whether this session was logged out, as far as this process knows.
    pub(crate) fn holds(&self, jti: &str) -> bool {
        self.len() > 0 && self.read().by_id.contains_key(&id(jti))
    }

    /// Whether it was logged out here and is not published yet.
    pub(crate) fn is_unshared(&self, revoked: &Revoked) -> bool {
        self.len() > 0 && self.read().unshared.contains(revoked)
    }

    /// Those that are not published yet.
    pub(crate) fn unshared(&self) -> Vec<Revoked> {
        self.read().unshared.iter().copied().collect()
    }

    /// All whose sessions have not expired.
    pub(crate) fn living(&self, now_s: i64) -> Vec<Revoked> {
        let known = self.read();
        let living = known.by_id.iter().filter(|(_, known)| now_s <= known.expires_s);
        living.map(|(id, known)| Revoked { id: *id, expires_s: known.expires_s }).collect()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Swept> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{RevocationList, Revoked};

    /// Not one of 200,000 sessions that are still alive makes room for another.
    #[test]
    fn revocations_of_unexpired_sessions_are_kept() {
        let list = RevocationList::new(Duration::from_hours(8));
        for index in 0..200_000 {
            list.insert(Revoked::new(&format!("jti-{index}"), 1_000), false, 0);
        }
        assert_eq!(list.len(), 200_000);
        assert!((0..200_000).all(|index| list.holds(&format!("jti-{index}"))));
        assert!(!list.holds("another"));
    }

    /// TIM-03: a wall clock that jumps ahead drops nothing; only when both clocks are past it an entry goes.
    #[test]
    fn a_jump_of_the_wall_clock_removes_no_revocation() {
        let list = RevocationList::new(Duration::from_hours(8));
        list.insert(Revoked::new("early", 100), false, 0);
        for index in 0..3_000 {
            list.insert(Revoked::new(&format!("later-{index}"), 100_000), false, 90_000);
        }
        assert!(list.holds("early"));
    }

    #[test]
    fn revocations_expired_on_both_clocks_are_removed() {
        let mut list = RevocationList::new(Duration::ZERO);
        list.keep = Duration::ZERO;
        for index in 0..10_000 {
            list.insert(Revoked::new(&format!("jti-{index}"), index), false, index);
        }
        assert!(list.len() <= 2 * super::FIRST_SWEEP, "{}", list.len());
        assert!(list.holds("jti-9999"));
    }

    #[test]
    fn an_entry_is_published_once() {
        let list = RevocationList::new(Duration::from_hours(8));
        let (here, there) = (Revoked::new("here", 50), Revoked::new("there", 70));
        list.insert(here, false, 0);
        list.insert(there, true, 0);
        assert_eq!(list.unshared(), [here]);
        assert!(list.is_unshared(&here) && !list.is_unshared(&there));
        list.insert(here, true, 0);
        assert!(list.unshared().is_empty());
        list.insert(here, false, 0);
        assert!(list.unshared().is_empty(), "published stays published");
        assert_eq!(list.living(60), [there]);
    }

    /// FLT-02: what the store may hold under that name is a member or nothing.
    #[test]
    fn members_are_read_strictly() {
        let revoked = Revoked::new("jti", 1_795_435_200);
        assert_eq!(Revoked::parse(revoked.member().as_bytes()), Some(revoked));
        let digits = "0".repeat(32);
        for bad in [
            String::new(),
            ".".to_owned(),
            digits.clone(),
            format!("{digits}."),
            format!("{digits}.-1"),
            format!("{digits}.+1"),
            format!("{digits}.1234567890123"),
            format!("{digits}.1.2"),
            format!("{}A.1", "0".repeat(31)),
            format!("+{}.1", "0".repeat(31)),
            format!("{digits}0.1"),
            format!("{digits}.1\n"),
        ] {
            assert_eq!(Revoked::parse(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(Revoked::parse(&[0xff; 34]), None);
    }
}
