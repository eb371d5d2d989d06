//! TLS to the store.

use std::time::Duration;

use dockpass_keyserver::config::{StoreSettings, StoreUrl};
use dockpass_tests::redis::RedisServer;

use crate::harness::{Cluster, Options, PATIENCE, problem};

/// With the certificate of the store's own authority, instances share logouts over TLS. With another authority, none
/// connects, and no password is sent.
pub(crate) async fn the_certificate_of_the_store_is_verified() {
    let folder = tempfile::tempdir().unwrap();
    let (own, other) = (folder.path().join("own.pem"), folder.path().join("other.pem"));
    let made = rcgen::generate_simple_self_signed(["store.test".to_owned()]).unwrap();
    std::fs::write(&own, made.cert.pem()).unwrap();
    let foreign = rcgen::generate_simple_self_signed(["store.test".to_owned()]).unwrap();
    std::fs::write(&other, foreign.cert.pem()).unwrap();
    let key = made.signing_key.serialize_pem();
    let redis =
        RedisServer::start_with_tls(&made.cert.pem(), &key).await.unwrap_or_else(|error| panic!("{error}"));
    let options = Options { instances: 0, ..Options::default() };
    let mut cluster = Cluster::build(Some(redis), Options { instances: 0, ..Options::default() }).await;
    let secure = |settings: &mut StoreSettings, authority: &std::path::Path| {
        let plain = settings.url.take().unwrap().to_string();
        settings.url = Some(StoreUrl::parse(&plain.replace("redis://", "rediss://")).unwrap());
        settings.ca_file = Some(authority.to_owned());
    };
    for _ in 0..2 {
        let instance = cluster.start_with(&options, |settings| secure(settings, &own)).await;
        assert!(instance.state.wait_for_store(PATIENCE).await, "the store answers over TLS");
        cluster.instances.push(instance);
    }
    let session = cluster.login(0, 0).await;
    assert_eq!(cluster.who_am_i(1, &session).await.status, 200);
    assert_eq!(cluster.logout(0, &session).await.status, 204);
    crate::harness::until("the logout is known", async || cluster.who_am_i(1, &session).await.status == 401)
        .await;
    problem(&cluster.who_am_i(1, &session).await, 401, "invalid_session");
    assert!(!cluster.redis().names("dockpass:*").await.unwrap().is_empty());

    let refused = cluster.start_with(&options, |settings| secure(settings, &other)).await;
    assert!(!refused.state.wait_for_store(Duration::from_secs(2)).await, "another authority");
    assert!(!refused.state.store_report().unwrap().is_connected);
    cluster.instances.push(refused);
    cluster.end().await;
}
