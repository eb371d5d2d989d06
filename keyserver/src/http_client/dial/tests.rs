use std::net::IpAddr;

use dockpass_protocol::origin::Origin;

use super::{DialError, DialPolicy, Dialer};

fn addresses(list: &[&str]) -> Vec<IpAddr> {
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
    assert_eq!(policy.vet(&own, Vec::new()), Err(DialError::Unreachable));
}

// Threats: SSRF-02, SSRF-05.
#[tokio::test]
async fn private_addresses_are_refused_for_names_from_registries() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let dialer = Dialer::new(DialPolicy::public_only(), std::time::Duration::from_secs(2));
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
    );
    trusting.clone().dial(format!("http://127.0.0.1:{port}/").parse().unwrap()).await.unwrap();
    // The same address under a name that was not written down.
    let alias = format!("http://localhost:{port}/").parse().unwrap();
    assert_eq!(trusting.dial(alias).await.unwrap_err(), DialError::AddressRefused);
}
