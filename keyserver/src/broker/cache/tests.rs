use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::flow::{FlowError, Hop};
use dockpass_protocol::scope::ScopeSet;
use secrecy::SecretString;

use super::{CachedToken, Entry, KeptResponse, TokenCache};
use crate::broker::Identity;
use crate::clock::SystemRandomness;
use crate::config::{CacheSettings, Settings};
use crate::registry::{Registries, Registry};
use crate::session::{SealedText, SessionInfo};
use crate::test_support::registry_settings;

fn cache(config: &CacheSettings) -> TokenCache {
    TokenCache::new(config, &SystemRandomness::default()).unwrap()
}

fn registries(urls: &[&str]) -> Vec<Arc<Registry>> {
    let registries = urls.iter().map(|url| registry_settings(url)).collect();
    let settings = Settings { registries, ..Settings::default() };
    let names = crate::resolver::HostResolver::system().unwrap();
    Registries::new(&settings, &settings.own_origin().unwrap(), &names).unwrap().iter().cloned().collect()
}

fn session(text: &str) -> Identity {
    let info = SessionInfo {
        kid: String::new(),
        jti: String::new(),
        issued_at_s: 0,
        expires_at_s: 0,
        registry: String::new(),
        auth: dockpass_protocol::flow::RegistryAuth::Basic,
        username: String::new(),
    };
    Identity::Session(SealedText::new(text), Arc::new(info))
}

fn cached(token: &str, keep_until_ms: i64) -> Entry {
    Entry::Token(Arc::new(CachedToken {
        token: SecretString::from(token),
        expires_at_ms: keep_until_ms,
        is_jwt: false,
        granted: Vec::new(),
        denied: Vec::new(),
        unknown: Vec::new(),
        obtained_at_ms: 0,
        keep_until_ms,
        response: KeptResponse::default(),
    }))
}

// Threats: CCH-01, CCH-04, CCH-07, CCH-17.
#[test]
fn different_requests_have_different_keys() {
    let cache = cache(&CacheSettings::default());
    let registries =
        registries(&["https://a.test", "http://127.0.0.1:443", "https://a.test:5000", "https://aa.test"]);
    let identities = [Identity::Anonymous, session("a"), session("b"), session("anonymous"), session("")];
    let scopes = [
        "",
        "repository:a/b:pull",
        "repository:a/b:pull,push",
        "repository:a/b:pull repository:c:pull",
        "repository:a:pull repository:b/c:pull",
        "registry:catalog:*",
    ];
    let services = [None, Some(""), Some("s"), Some("srepository:a/b:pull"), Some("no service")];
    let mut received = HashSet::new();
    let mut count = 0;
    for registry in &registries {
        for path in ["/token", "/token2", "/token?service=s"] {
            let realm = registry.policy().admit(path).unwrap();
            for identity in &identities {
                for service in services {
                    for scope in scopes {
                        let set = ScopeSet::parse(scope).unwrap();
                        received.insert(cache.key(identity, registry, &realm, service, &set));
                        count += 1;
                    }
                }
            }
        }
    }
    assert_eq!(received.len(), count);
    let realm = registries[0].policy().admit("/token").unwrap();
    let key = |scopes: &str| {
        cache.key(&session("a"), &registries[0], &realm, None, &ScopeSet::parse(scopes).unwrap())
    };
    assert_eq!(
        key("repository:a:push,pull repository:b:pull"),
        key("repository:b:pull repository:a:pull,push,pull")
    );
    let other = TokenCache::new(&CacheSettings::default(), &SystemRandomness::default()).unwrap();
    let set = ScopeSet::parse("repository:a:pull").unwrap();
    assert_ne!(
        cache.key(&session("a"), &registries[0], &realm, None, &set),
        other.key(&session("a"), &registries[0], &realm, None, &set),
        "keyed anew at every start"
    );
}

// Threats: CCH-12.
#[test]
fn lifetimes_of_cached_tokens_and_denials() {
    let caps = cache(&CacheSettings {
        max_token: std::time::Duration::from_mins(5),
        denial: std::time::Duration::from_secs(30),
        ..CacheSettings::default()
    })
    .caps;
    for (expires_ms, session_ms, denies, kept_ms) in [
        (3_600_000, None, false, 300_000),
        (300_000, None, false, 270_000),
        (60_000, None, false, 30_000),
        (10_000, None, false, 5_000),
        (0, None, false, 0),
        (-5_000, None, false, 0),
        (i64::MAX, None, false, 300_000),
        (i64::MIN, None, false, 0),
        (300_000, Some(100_000), false, 100_000),
        (300_000, Some(-1), false, -1),
        (300_000, None, true, 30_000),
        (20_000, None, true, 10_000),
    ] {
        assert_eq!(caps.keep_until_ms(0, expires_ms, session_ms, denies), kept_ms, "{expires_ms}");
    }
    assert_eq!(caps.refusal_until_ms(1_000), 31_000);
    let nothing = cache(&CacheSettings {
        max_token: std::time::Duration::ZERO,
        denial: std::time::Duration::ZERO,
        ..CacheSettings::default()
    })
    .caps;
    assert_eq!(nothing.keep_until_ms(7, 300_000, None, false), 7);
}

// Threats: CON-02.
#[tokio::test]
async fn concurrent_requests_share_one_fetch_and_errors_are_not_cached() {
    let cache = cache(&CacheSettings::default());
    let fetched = Arc::new(AtomicUsize::new(0));
    let fetch = |result: Result<Entry, FlowError>| {
        let fetched = Arc::clone(&fetched);
        async move {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            fetched.fetch_add(1, Ordering::SeqCst);
            result
        }
    };
    let failed = FlowError::new(ErrorCode::UpstreamFailed, Hop::TokenService);
    let all = (0..50).map(|_| cache.get_or_fetch([1; 32], 0, fetch(Err(failed))));
    assert!(
        futures_util::future::join_all(all)
            .await
            .iter()
            .all(|result| result.as_ref().is_err_and(|error| *error == failed))
    );
    let after_errors = fetched.swap(0, Ordering::SeqCst);
    assert!(after_errors >= 1);
    let all = (0..50).map(|_| cache.get_or_fetch([1; 32], 0, fetch(Ok(cached("t", 1_000)))));
    assert!(futures_util::future::join_all(all).await.iter().all(Result::is_ok));
    assert_eq!(fetched.load(Ordering::SeqCst), 1);
    assert!(cache.get(&[1; 32], 999).await.is_some());
    assert!(cache.get(&[1; 32], 1_000).await.is_none(), "our clock decides");
    assert!(cache.get(&[2; 32], 0).await.is_none());
}

// Threats: CCH-13, CCH-18.
#[tokio::test]
async fn the_cache_stays_within_its_size() {
    let cache = cache(&CacheSettings { max_bytes: 100_000, ..CacheSettings::default() });
    for index in 0..500_u32 {
        let mut key = [0; 32];
        key[..4].copy_from_slice(&index.to_be_bytes());
        cache.get_or_fetch(key, 0, async { Ok(cached(&"t".repeat(2_000), i64::MAX)) }).await.unwrap();
    }
    cache.entries.run_pending_tasks().await;
    assert!(cache.entries.weighted_size() <= 100_000, "{}", cache.entries.weighted_size());
    assert!(!format!("{cache:?}").contains("ttt"));
}

#[test]
fn the_prepared_response_is_the_issued_token() {
    let cached = CachedToken {
        token: SecretString::from("a \"registry\" \\ token"),
        expires_at_ms: 400_500,
        is_jwt: true,
        granted: vec!["repository:a:pull".to_owned()],
        denied: vec!["repository:b:push".to_owned()],
        unknown: Vec::new(),
        obtained_at_ms: 0,
        keep_until_ms: 300_000,
        response: KeptResponse::default(),
    };
    for now_ms in [1_000, 400_499, 500_000] {
        let expected = serde_json::to_vec(&cached.issued(now_ms)).unwrap();
        assert_eq!(cached.response(now_ms).unwrap(), expected, "{now_ms}");
    }
    assert!(!format!("{cached:?}").contains("registry\\\" "));
}
