use std::collections::{HashMap, HashSet};
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::{HostResolver, Lookup, LookupShare, SHARE};

/// Names of which some are dead: their lookup does not end until the resolver is told so.
#[derive(Debug, Default)]
struct Names {
    addresses: Mutex<HashMap<String, IpAddr>>,
    dead: Mutex<HashSet<String>>,
    changed: Condvar,
    lookups: AtomicUsize,
}

impl Names {
    fn with(names: &[(&str, &str)]) -> Arc<Self> {
        let this = Self::default();
        for (name, address) in names {
            this.addresses.lock().unwrap().insert((*name).to_owned(), address.parse().unwrap());
        }
        Arc::new(this)
    }

    fn kill(&self, name: &str) {
        self.dead.lock().unwrap().insert(name.to_owned());
    }

    /// All lookups that hang end with an error.
    fn revive(&self) {
        self.dead.lock().unwrap().clear();
        self.changed.notify_all();
    }

    fn lookups(&self) -> usize {
        self.lookups.load(Ordering::SeqCst)
    }
}

impl Lookup for Names {
    fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        let mut dead = self.dead.lock().unwrap();
        if dead.contains(host) {
            while dead.contains(host) {
                dead = self.changed.wait(dead).unwrap();
            }
            return Err(io::ErrorKind::TimedOut.into());
        }
        let address = self.addresses.lock().unwrap().get(host).copied();
        address.map(|address| vec![address]).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// Ends hanging lookups also when a test fails, so that its threads end.
struct Ended(Arc<Names>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.revive();
    }
}

// Threats: AVL-01, FLT-06, SSRF-14.
#[tokio::test]
async fn a_dead_name_holds_one_thread_and_a_registry_few() {
    let names = Names::with(&[("good.test", "10.0.0.1")]);
    let _ended = Ended(Arc::clone(&names));
    let resolver = HostResolver::with(Arc::<Names>::clone(&names)).unwrap();
    let (bad, good) = (LookupShare::default(), LookupShare::default());
    names.kill("dead.test");
    for _ in 0..600 {
        let (resolver, bad) = (resolver.clone(), bad.clone());
        tokio::spawn(async move { resolver.resolve("dead.test", &bad).await });
    }
    // More names of the same registry than there are threads.
    for index in 0..64 {
        let name = format!("dead-{index}.test");
        names.kill(&name);
        let (resolver, bad) = (resolver.clone(), bad.clone());
        tokio::spawn(async move { resolver.resolve(&name, &bad).await });
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(names.lookups(), SHARE, "of one registry, whatever the number of names and callers");
    let began = Instant::now();
    assert_eq!(
        resolver.resolve("good.test", &good).await.unwrap()[..],
        ["10.0.0.1".parse::<IpAddr>().unwrap()]
    );
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn many_callers_cause_one_lookup_and_the_result_is_kept() {
    let names = Names::with(&[("good.test", "10.0.0.1")]);
    let _ended = Ended(Arc::clone(&names));
    let resolver = HostResolver::with(Arc::<Names>::clone(&names)).unwrap();
    let share = LookupShare::default();
    let all = (0..50).map(|_| resolver.resolve("good.test", &share));
    assert!(futures_util::future::join_all(all).await.iter().all(Result::is_ok));
    assert_eq!(names.lookups(), 1);
    assert!(resolver.resolve("absent.test", &share).await.is_err());
    assert!(resolver.resolve("absent.test", &share).await.is_err(), "a failure is not kept");
    assert_eq!(names.lookups(), 3);
}

// Threats: FLT-06.
#[tokio::test]
async fn the_last_addresses_are_used_while_dns_is_dead() {
    let names = Names::with(&[("r.test", "10.0.0.1")]);
    let _ended = Ended(Arc::clone(&names));
    let resolver = HostResolver::with(Arc::<Names>::clone(&names)).unwrap();
    let share = LookupShare::default();
    resolver.resolve("r.test", &share).await.unwrap();
    let known = resolver.0.known.get("r.test").unwrap();
    resolver
        .0
        .known
        .insert("r.test".into(), super::Known { fresh_until: tokio::time::Instant::now(), ..known });
    names.kill("r.test");
    let began = Instant::now();
    assert!(resolver.resolve("r.test", &share).await.is_ok());
    let first = began.elapsed();
    assert!(first >= super::PATIENCE && first < Duration::from_secs(5), "{first:?}");
    // The lookup is still running: nobody waits for it again.
    let again = Instant::now();
    for _ in 0..100 {
        assert!(resolver.resolve("r.test", &share).await.is_ok());
    }
    assert!(again.elapsed() < Duration::from_secs(1));
    assert_eq!(names.lookups(), 2);
    // Once DNS answers, the new address is used.
    names.revive();
    names.addresses.lock().unwrap().insert("r.test".to_owned(), "10.0.0.2".parse().unwrap());
    let moved: IpAddr = "10.0.0.2".parse().unwrap();
    for _ in 0..50 {
        if resolver.resolve("r.test", &share).await.unwrap()[..] == [moved] {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the new address is never used");
}
