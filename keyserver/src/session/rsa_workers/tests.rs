use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::RsaWorkers;

/// JWE-21: while made-up sessions fill their queue, known ones are opened, and nothing is turned away that need not be.
// Threats: AVL-03.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_unknown_sessions_does_not_block_known_ones() {
    for width in [1, 2, 4] {
        let rsa_workers = Arc::new(RsaWorkers::new(NonZeroUsize::new(width), 8));
        let flood: Vec<_> = (0..100)
            .map(|_| {
                let rsa_workers = Arc::clone(&rsa_workers);
                tokio::spawn(async move {
                    rsa_workers.run(false, || std::thread::sleep(Duration::from_millis(200))).await
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(20)).await;
        // No more than one stranger is before it, though as many wait as may.
        let known = tokio::time::timeout(Duration::from_millis(500), rsa_workers.run(true, || "open")).await;
        assert_eq!(known.unwrap(), Some("open"), "{width}");
        let mut done = 0;
        for one in flood {
            done += usize::from(one.await.unwrap().is_some());
        }
        assert!(done >= 4 && done <= 4 + width + 1, "{width}: {done}");
    }
}

/// A slot goes on being taken when its caller is gone, and is free again afterwards.
// Threats: LIM-09.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disconnected_clients_do_not_exceed_the_rsa_concurrency() {
    let rsa_workers = Arc::new(RsaWorkers::new(NonZeroUsize::new(1), 8));
    let running = Arc::new(Notify::new());
    let (started, running_too) = (Arc::clone(&running), Arc::clone(&rsa_workers));
    let caller = tokio::spawn(async move {
        running_too
            .run(false, move || {
                started.notify_one();
                std::thread::sleep(Duration::from_millis(300));
            })
            .await
    });
    running.notified().await;
    caller.abort();
    let next = tokio::time::timeout(Duration::from_millis(100), rsa_workers.run(true, || ())).await;
    assert!(next.is_err(), "the work goes on");
    assert_eq!(rsa_workers.run(true, || 1).await, Some(1));
}
