use std::net::IpAddr;
use std::sync::Arc;

use super::{LoginLimits, client_prefix};
use crate::clock::{Clock, ManualClock};
use crate::config::LimitSettings;

fn limits(burst: u32, per_minute: u32, account: u32) -> (LoginLimits, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(1_000_000));
    let config = LimitSettings {
        login_burst: burst.try_into().unwrap(),
        login_per_minute: per_minute.try_into().unwrap(),
        account_per_minute: account.try_into().unwrap(),
        ..LimitSettings::default()
    };
    (LoginLimits::new(&config, Arc::clone(&clock) as Arc<dyn Clock>, None), clock)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

// Threats: BRU-01, TIM-03.
#[tokio::test]
async fn an_address_is_limited_by_burst_and_rate() {
    let (limits, clock) = limits(3, 6, 1_000);
    let take = || limits.admit(ip("10.0.0.1"), "r", "a");
    for _ in 0..3 {
        assert_eq!(take().await, Ok(()));
    }
    let wait = take().await.unwrap_err();
    assert!((10..=11).contains(&wait), "{wait}");
    clock.advance_ms(10_000);
    assert_eq!(take().await, Ok(()));
    assert!(take().await.is_err());
    assert_eq!(limits.admit(ip("10.0.0.2"), "r", "a").await, Ok(()), "another address is another customer");
    clock.advance_ms(-100_000);
    assert!(take().await.is_err(), "a clock that goes back gives nothing");
    clock.advance_ms(3_600_000_000);
    for _ in 0..3 {
        assert_eq!(take().await, Ok(()), "never more than the burst");
    }
    assert!(take().await.is_err());
}

// Threats: BRU-02, BRU-03.
#[tokio::test]
async fn an_account_has_one_limit_for_all_addresses_and_spellings() {
    let (limits, _) = limits(1_000, 1_000, 4);
    for (index, name) in ["Ada", "ada", " ada ", "ADA"].into_iter().enumerate() {
        assert_eq!(limits.admit(ip(&format!("10.0.0.{index}")), "r", name).await, Ok(()));
    }
    assert!(limits.admit(ip("10.0.1.1"), "r", "ada").await.is_err());
    assert_eq!(limits.admit(ip("10.0.1.1"), "other", "ada").await, Ok(()));
    assert_eq!(limits.admit(ip("10.0.1.1"), "r", "bob").await, Ok(()));
}

// Threats: BRU-03.
#[test]
fn a_client_prefix_is_an_ipv4_address_or_an_ipv6_64() {
    assert_eq!(client_prefix(ip("2001:db8::1")), client_prefix(ip("2001:db8::ffff:1")));
    assert_ne!(client_prefix(ip("2001:db8::1")), client_prefix(ip("2001:db8:0:1::1")));
    assert_eq!(client_prefix(ip("::ffff:10.0.0.1")), client_prefix(ip("10.0.0.1")));
    assert_ne!(client_prefix(ip("10.0.0.1")), client_prefix(ip("10.0.0.2")));
}
