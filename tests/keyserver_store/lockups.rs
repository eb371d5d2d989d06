//! Everything that can wait for something else, at once and on one thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dockpass_tests::fault_proxy::Fault;
use futures_util::StreamExt;
use futures_util::stream;

use crate::harness::{Cluster, Options, PATIENCE};

/// Operations in all, and at one time.
const OPERATIONS: u64 = 2_000;
const AT_ONCE: usize = 48;
/// The longest time for which the thread may be busy with one task. RSA operations and the parsing of keys are done elsewhere;
/// this is a debug build on a machine with other load.
const LONGEST: Duration = Duration::from_secs(1);

/// A slow store, a cache that is always full, logins and logouts, and key reloads, in a random order on one thread: nothing
/// waits for ever, and nothing keeps the thread.
// Threats: CON-05.
pub(crate) async fn nothing_locks_up_on_one_thread() {
    let on_one_thread = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(rand_seed()));
    };
    tokio::task::spawn_blocking(on_one_thread).await.unwrap();
}

async fn run(seed: u64) {
    let options = Options {
        instances: 1,
        timeout: Duration::from_millis(50),
        configure: |settings| settings.cache.max_bytes = 16 * 1024,
        ..Options::default()
    };
    let cluster = Cluster::shared(options).await;
    let sessions = [cluster.login(0, 0).await, cluster.login(0, 1).await];
    let proxy = cluster.instances[0].proxy.as_ref().unwrap();
    let busy_us = Arc::new(AtomicU64::new(0));
    let pulse = tokio::spawn(pulse(Arc::clone(&busy_us)));
    let random = AtomicU64::new(seed);
    let operation = async |number: u64| {
        let choice = next(&random);
        let session = &sessions[usize::try_from(choice % 2).unwrap()];
        match choice / 2 % 12 {
            0 => cluster.instances[0].state.reload(),
            1 => proxy.set(Fault::Slow(Duration::from_millis(choice / 24 % 40))),
            2 => proxy.set(if choice.is_multiple_of(3) { Fault::Silent } else { Fault::None }),
            3 => {
                let own = cluster.login(0, 0).await;
                assert_eq!(cluster.logout(0, &own).await.status, 204, "seed {seed}");
            }
            4 => assert_eq!(cluster.who_am_i(0, session).await.status, 200, "seed {seed}"),
            // Few names are requested again and again, and most never.
            _ => {
                let name = if choice.is_multiple_of(5) { number % 7 } else { number };
                let scope = format!("repository:library/app-{name}:pull");
                assert_eq!(cluster.ask(0, Some(session), &scope).await.status, 200, "seed {seed}");
            }
        }
    };
    let all = stream::iter(0..OPERATIONS).map(|number| {
        let operation = operation(number);
        async move {
            let ended = tokio::time::timeout(PATIENCE, operation).await;
            assert!(ended.is_ok(), "operation {number} of seed {seed} does not end");
        }
    });
    all.buffer_unordered(AT_ONCE).for_each(|()| async {}).await;
    pulse.abort();
    let busy = Duration::from_micros(busy_us.load(Ordering::Relaxed));
    assert!(busy < LONGEST, "the thread was busy for {busy:?} without a break (seed {seed})");
    proxy.set(Fault::None);
    cluster.end().await;
}

/// Measures for how long nothing else could run.
async fn pulse(busy_us: Arc<AtomicU64>) {
    loop {
        let began = Instant::now();
        tokio::task::yield_now().await;
        busy_us.fetch_max(u64::try_from(began.elapsed().as_micros()).unwrap(), Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The next number of a sequence (Knuth's multiplier); the upper bits, which are the random ones.
fn next(state: &AtomicU64) -> u64 {
    let step =
        |number: u64| number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    step(
        state
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |number| Some(step(number)))
            .unwrap_or_default(),
    ) >> 33
}

/// Another order in each run; a failure names it.
fn rand_seed() -> u64 {
    std::hash::BuildHasher::hash_one(&std::collections::hash_map::RandomState::new(), OPERATIONS)
}
