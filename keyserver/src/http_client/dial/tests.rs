use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dockpass_protocol::origin::Origin;

use super::{DialError, DialPolicy, Dialer};
use crate::resolver::{HostResolver, Lookup, LookupShare};

fn addresses(list: &[&str]) -> Arc<[IpAddr]> {
    list.iter().map(|text| text.parse().unwrap()).collect()
}

fn origin(text: &str) -> Origin {
    Origin::parse(text).unwrap()
}

// Threats: SSRF-02, SSRF-03, SSRF-10.
#[test]
fn a_name_with_one_private_address_is_refused_unless_configured() {
    let policy = DialPolicy::trusting(vec![origin("https://reg.internal.test:5000")]);
    let own = origin("https://reg.internal.test:5000");
    let other_port = origin("https://reg.internal.test:5001");
    let other_scheme = origin("http://reg.internal.test:5000");
    for list in [
        &["10.0.0.1"][..],
        &["127.0.0.1"],
        &["8.8.8.8", "127.0.0.1"],
        &["8.8.8.8", "::1"],
        &["169.254.169.254"],
        &["::ffff:10.0.0.1"],
    ] {
        assert!(policy.vet(&own, addresses(list)).is_ok());
        for foreign in [&other_port, &other_scheme] {
            assert_eq!(policy.vet(foreign, addresses(list)), Err(DialError::AddressRefused), "{list:?}");
        }
    }
    assert!(policy.vet(&other_port, addresses(&["8.8.8.8", "2606:4700::1111"])).is_ok());
    assert_eq!(policy.vet(&own, addresses(&[])), Err(DialError::Unreachable));
}

// Threats: SSRF-02, SSRF-05.
#[tokio::test]
async fn private_addresses_are_refused_for_names_from_registries() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let dialer = Dialer::new(
        DialPolicy::public_only(),
        std::time::Duration::from_secs(2),
        HostResolver::system().unwrap(),
    );
    for host in [
        "127.0.0.1",
        "localhost",
        "foo.localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "10.0.0.1",
        "metadata.google.internal",
        "printer.local",
    ] {
        let uri = format!("http://{host}:{port}/").parse().unwrap();
        assert_eq!(dialer.clone().dial(uri).await.unwrap_err(), DialError::AddressRefused, "{host}");
    }
    let nothing = tokio::time::timeout(std::time::Duration::from_millis(50), listener.accept()).await;
    assert!(nothing.is_err(), "somebody connected");

    let trusting = Dialer::new(
        DialPolicy::trusting(vec![origin(&format!("http://127.0.0.1:{port}"))]),
        std::time::Duration::from_secs(2),
        HostResolver::system().unwrap(),
    );
    trusting.clone().dial(format!("http://127.0.0.1:{port}/").parse().unwrap()).await.unwrap();
    // The same address under a name that was not written down.
    let alias = format!("http://localhost:{port}/").parse().unwrap();
    assert_eq!(trusting.dial(alias).await.unwrap_err(), DialError::AddressRefused);
}

/// The same addresses for every name.
#[derive(Debug)]
struct Fixed {
    addresses: Vec<IpAddr>,
    lookups: AtomicUsize,
}

impl Lookup for Fixed {
    fn lookup(&self, _host: &str) -> std::io::Result<Vec<IpAddr>> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        Ok(self.addresses.clone())
    }
}

// Threats: SSRF-02, SSRF-04.
#[tokio::test]
async fn a_name_is_looked_up_once_and_its_addresses_are_checked_for_each_registry() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let addresses = vec!["127.0.0.1".parse().unwrap()];
    let names = Arc::new(Fixed { addresses, lookups: AtomicUsize::new(0) });
    let resolver = HostResolver::with(Arc::<Fixed>::clone(&names)).unwrap();
    let url = format!("http://r.test:{port}");
    let timeout = std::time::Duration::from_secs(2);
    let trusting = Dialer::new(DialPolicy::trusting(vec![origin(&url)]), timeout, resolver.clone());
    for _ in 0..3 {
        trusting.clone().dial(url.parse().unwrap()).await.unwrap();
        listener.accept().await.unwrap();
    }
    assert_eq!(names.lookups.load(Ordering::SeqCst), 1);
    // What another registry had looked up is no less forbidden.
    let other = Dialer::new(DialPolicy::public_only(), timeout, resolver);
    assert_eq!(other.dial(url.parse().unwrap()).await.unwrap_err(), DialError::AddressRefused);
    let nothing = tokio::time::timeout(std::time::Duration::from_millis(50), listener.accept()).await;
    assert!(nothing.is_err(), "somebody connected");
}

// Threats: SSRF-14.
#[tokio::test]
async fn of_thousands_of_addresses_few_are_tried_and_in_time() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let addresses =
        (0..5_000_u32).map(|index| std::net::Ipv4Addr::from(0x7f00_0001 + index).into()).collect();
    let names = Arc::new(Fixed { addresses, lookups: AtomicUsize::new(0) });
    let resolver = HostResolver::with(names).unwrap();
    let found = resolver.resolve("r.test", &LookupShare::default()).await.unwrap();
    assert_eq!(found.len(), 16);
    let url = format!("http://r.test:{port}");
    let timeout = std::time::Duration::from_secs(2);
    let dialer = Dialer::new(DialPolicy::trusting(vec![origin(&url)]), timeout, resolver);
    let began = std::time::Instant::now();
    assert_eq!(dialer.dial(url.parse().unwrap()).await.unwrap_err(), DialError::Unreachable);
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
}
