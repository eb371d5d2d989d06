use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::RsaWorkers;

const BUSY: [u8; 32] = [1; 32];
const OTHER: [u8; 32] = [2; 32];

fn workers(width: usize, max: usize) -> Arc<RsaWorkers> {
    Arc::new(RsaWorkers::new(NonZeroUsize::new(width), max).unwrap())
}

// Threats: AVL-03, JWE-21.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_session_does_not_fill_the_queue() {
    for width in [1, 2] {
        let rsa_workers = workers(width, 8);
        let flood: Vec<_> = (0..100)
            .map(|_| {
                let rsa_workers = Arc::clone(&rsa_workers);
                tokio::spawn(async move {
                    rsa_workers.run(&BUSY, || std::thread::sleep(Duration::from_millis(100))).await
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(rsa_workers.run(&OTHER, || "open").await, Some("open"), "{width}");
        let mut done = 0;
        for one in flood {
            done += usize::from(one.await.unwrap().is_some());
        }
        assert_eq!(done, 2, "a quarter of the queue");
    }
}

// Threats: JWE-21.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_queue_is_bounded_and_empties() {
    let rsa_workers = workers(1, 8);
    let flood: Vec<_> = (0..100_u8)
        .map(|session| {
            let rsa_workers = Arc::clone(&rsa_workers);
            tokio::spawn(async move {
                rsa_workers.run(&[session; 32], || std::thread::sleep(Duration::from_millis(20))).await
            })
        })
        .collect();
    let mut done = 0;
    for one in flood {
        done += usize::from(one.await.unwrap().is_some());
    }
    assert!((8..100).contains(&done), "{done}");
    assert_eq!(rsa_workers.run(&OTHER, || 1).await, Some(1));
    assert!(rsa_workers.queue.places.lock().unwrap().by_session.is_empty());
}

/// A thread goes on being taken when its caller is gone, and is free again afterwards.
// Threats: LIM-09.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disconnected_clients_do_not_exceed_the_rsa_concurrency() {
    let rsa_workers = workers(1, 8);
    let running = Arc::new(Notify::new());
    let (started, running_too) = (Arc::clone(&running), Arc::clone(&rsa_workers));
    let caller = tokio::spawn(async move {
        running_too
            .run(&BUSY, move || {
                started.notify_one();
                std::thread::sleep(Duration::from_millis(300));
            })
            .await
    });
    running.notified().await;
    caller.abort();
    let next = tokio::time::timeout(Duration::from_millis(100), rsa_workers.run(&OTHER, || ())).await;
    assert!(next.is_err(), "the work goes on");
    assert_eq!(rsa_workers.run(&OTHER, || 1).await, Some(1));
}
