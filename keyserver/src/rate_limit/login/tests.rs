use std::net::IpAddr;
use std::sync::Arc;

use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::credential::Credential;
use secrecy::SecretString;

use super::{AccountName, LoginLimits};
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

fn user(registry: &str, name: &str) -> AccountName {
    let password = SecretString::from("secret");
    AccountName::of(registry, &Credential::Password { username: name.to_owned(), password })
}

fn token(secret: &str) -> AccountName {
    let token = SecretString::from(secret);
    AccountName::of("r", &Credential::RefreshToken { username: "<token>".to_owned(), token })
}

/// One wrong login; `Err` if it was not admitted.
async fn fail(limits: &LoginLimits, address: &str, account: AccountName) -> Result<(), u64> {
    let attempt = limits.admit(ip(address), account).await.map_err(|refused| refused.seconds)?;
    attempt.failed(ErrorCode::BadCredentials).await;
    Ok(())
}

// Threats: BRU-01, TIM-03.
#[tokio::test]
async fn an_address_is_limited_by_burst_and_rate() {
    let (limits, clock) = limits(3, 6, 1_000);
    let fail = || fail(&limits, "10.0.0.1", user("r", "a"));
    for _ in 0..3 {
        assert_eq!(fail().await, Ok(()));
    }
    let wait = fail().await.unwrap_err();
    assert!((10..=11).contains(&wait), "{wait}");
    clock.advance_ms(10_000);
    assert_eq!(fail().await, Ok(()));
    assert!(fail().await.is_err());
    assert!(limits.admit(ip("10.0.0.2"), user("r", "a")).await.is_ok(), "another address is another client");
    clock.advance_ms(-100_000);
    assert!(fail().await.is_err(), "a clock that goes back gives nothing");
    clock.advance_ms(3_600_000_000);
    for _ in 0..3 {
        assert_eq!(fail().await, Ok(()), "never more than the burst");
    }
    assert!(fail().await.is_err());
}

// Threats: BRU-02, BRU-03.
#[tokio::test]
async fn an_account_has_one_limit_for_all_addresses_and_spellings() {
    let (limits, _) = limits(1_000, 1_000, 4);
    for (index, name) in ["Ada", "ada", " ada ", "ADA"].into_iter().enumerate() {
        assert_eq!(fail(&limits, &format!("10.0.0.{index}"), user("r", name)).await, Ok(()));
    }
    assert!(fail(&limits, "10.0.1.1", user("r", "ada")).await.is_err());
    assert_eq!(fail(&limits, "10.0.1.1", user("other", "ada")).await, Ok(()));
    assert_eq!(fail(&limits, "10.0.1.1", user("r", "bob")).await, Ok(()));
}

// Threats: AVL-06.
#[tokio::test]
async fn right_logins_are_not_counted_and_attempts_at_the_same_time_are() {
    let (limits, _) = limits(3, 1, 3);
    for _ in 0..50 {
        limits.admit(ip("10.0.0.1"), user("r", "ada")).await.unwrap().succeeded();
    }
    // Not those that no server has seen either.
    for code in [ErrorCode::UpstreamUnreachable, ErrorCode::RegistryUnavailable, ErrorCode::RegistryBusy] {
        for _ in 0..5 {
            limits.admit(ip("10.0.0.1"), user("r", "ada")).await.unwrap().failed(code).await;
        }
    }
    // In parallel, before any of them has a result.
    let mut running = Vec::new();
    for _ in 0..200 {
        running.extend(limits.admit(ip("10.0.0.2"), user("r", "bob")).await.ok());
    }
    assert_eq!(running.len(), 3);
    // Whoever hangs up was wrong.
    drop(running);
    assert!(limits.admit(ip("10.0.0.2"), user("r", "bob")).await.is_err());
}

// Threats: AVL-06, BRU-02.
#[tokio::test]
async fn guessing_from_other_addresses_does_not_lock_the_owner_out() {
    let (limits, clock) = limits(1_000, 1_000, 20);
    let owner = ip("192.0.2.1");
    limits.admit(owner, user("r", "ada")).await.unwrap().succeeded();
    for round in 0..29 {
        for attacker in 1..=4 {
            for _ in 0..10 {
                let _ = fail(&limits, &format!("10.0.0.{attacker}"), user("r", "ada")).await;
            }
        }
        let login = limits.admit(owner, user("r", " Ada")).await;
        login.unwrap_or_else(|refused| panic!("round {round}: {refused:?}")).succeeded();
        clock.advance_ms(1_000);
    }
    assert!(fail(&limits, "10.0.0.9", user("r", "ada")).await.is_err(), "the account itself is limited");
    // The owner's own mistakes count as well.
    for _ in 0..20 {
        assert_eq!(fail(&limits, "192.0.2.1", user("r", "ada")).await, Ok(()));
    }
    assert!(fail(&limits, "192.0.2.1", user("r", "ada")).await.is_err());
}

// Threats: AVL-06.
#[tokio::test]
async fn each_identity_token_has_a_limit_of_its_own() {
    let (limits, _) = limits(1_000, 1_000, 3);
    for index in 0..100 {
        assert_eq!(fail(&limits, "10.0.0.1", token(&format!("garbage {index}"))).await, Ok(()));
    }
    for _ in 0..3 {
        assert_eq!(fail(&limits, "10.0.0.1", token("one")).await, Ok(()));
    }
    assert!(fail(&limits, "10.0.0.2", token("one")).await.is_err());
    assert!(!format!("{:?}", token("one")).contains("one"));
}
