use std::net::IpAddr;

use http::{HeaderMap, HeaderValue};
use ipnet::IpNet;

use super::client_address;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

// Threats: GW-20.
#[test]
fn x_forwarded_for_is_used_from_trusted_proxies_only() {
    let headers = |lines: &[&'static str]| {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_static(line));
        }
        headers
    };
    let proxies: [IpNet; 2] = ["10.0.0.1/32".parse().unwrap(), "10.0.1.0/24".parse().unwrap()];
    for (peer, lines, trusted, expected) in [
        ("1.1.1.1", &["9.9.9.9"][..], &proxies[..], "1.1.1.1"),
        ("10.0.0.1", &["9.9.9.9"], &[], "10.0.0.1"),
        ("10.0.0.1", &["9.9.9.9"], &proxies, "9.9.9.9"),
        ("10.0.0.1", &["6.6.6.6, 9.9.9.9"], &proxies, "9.9.9.9"),
        ("10.0.0.1", &["6.6.6.6, 9.9.9.9, 10.0.1.77"], &proxies, "9.9.9.9"),
        ("10.0.0.1", &["6.6.6.6", "9.9.9.9"], &proxies, "9.9.9.9"),
        ("10.0.0.1", &["9.9.9.9:567"], &proxies, "9.9.9.9"),
        ("10.0.0.1", &["6.6.6.6:1, 9.9.9.9:567, 10.0.1.77:443"], &proxies, "9.9.9.9"),
        ("10.0.0.1", &["[2001:db8::7]:443"], &proxies, "2001:db8::7"),
        ("10.0.0.1", &["[2001:db8::7]"], &proxies, "2001:db8::7"),
        ("10.0.0.1", &["2001:db8::7"], &proxies, "2001:db8::7"),
        ("10.0.0.1", &["[::ffff:9.9.9.9]:1"], &proxies, "9.9.9.9"),
        ("10.0.0.1", &["9.9.9.9:"], &proxies, "10.0.0.1"),
        ("10.0.0.1", &["9.9.9.9:99999"], &proxies, "10.0.0.1"),
        ("10.0.0.1", &["unknown"], &proxies, "10.0.0.1"),
        ("10.0.0.1", &["garbage"], &proxies, "10.0.0.1"),
        ("10.0.0.1", &[], &proxies, "10.0.0.1"),
        ("::ffff:10.0.0.1", &["9.9.9.9"], &proxies, "9.9.9.9"),
    ] {
        assert_eq!(client_address(ip(peer), &headers(lines), trusted), ip(expected), "{peer} {lines:?}");
    }
}
