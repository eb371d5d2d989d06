//! State that instances share.

use std::time::Duration;

use dockpass_tests::fault_proxy::Fault;

use crate::harness::{Cluster, Options, problem, until};

const PRIVATE: &str = "repository:vault/keys:pull";

/// Tokens, logouts before and after an instance has started, and a flush in between.
// Threats: SES-08, CCH-15.
pub(crate) async fn logouts_and_tokens_are_shared_between_instances() {
    let options = Options::default();
    let mut cluster = Cluster::shared(options).await;
    let (first, second) = (cluster.login(0, 0).await, cluster.login(0, 1).await);
    assert_eq!(cluster.logout(0, &first).await.status, 204);

    // Started later, so it did not receive the message.
    let late = cluster.start(&Options::default()).await;
    cluster.instances.push(late);
    problem(&cluster.who_am_i(2, &first).await, 401, "invalid_session");
    assert_eq!(cluster.who_am_i(2, &second).await.status, 200);

    // Every instance publishes the logout again, for instances that start later.
    let resyncs = cluster.report(1).resyncs;
    cluster.redis().ask(&["FLUSHALL"]).await.unwrap();
    until("the store is told again", async || cluster.report(1).resyncs > resyncs).await;
    let latest = cluster.start(&Options::default()).await;
    cluster.instances.push(latest);
    problem(&cluster.who_am_i(3, &first).await, 401, "invalid_session");
    assert_eq!(cluster.who_am_i(3, &second).await.status, 200);
    cluster.end().await;
}

/// A logout whose message was lost is found in the store when a session is used for the first time.
// Threats: SES-08, FLT-01.
pub(crate) async fn a_session_unknown_to_the_instance_is_looked_up_in_the_store() {
    let cluster = Cluster::shared(Options::default()).await;
    let session = cluster.login(0, 0).await;
    let silent = cluster.instances[1].proxy.as_ref().unwrap();
    silent.set(Fault::Silent);
    assert_eq!(cluster.logout(0, &session).await.status, 204, "told to the store");
    // Within the grace period the other instance accepts the session.
    assert_eq!(cluster.ask(1, Some(&session), PRIVATE).await.status, 200);
    silent.set(Fault::None);
    let took = until("it has caught up", async || cluster.who_am_i(1, &session).await.status == 401).await;
    assert!(took < Duration::from_secs(5), "{took:?}");
    cluster.end().await;
}

/// Replies stay with their requests while revocations are published: a session that is first seen at the moment of another
/// one's logout is not taken for that one, and no connection has to be replaced.
// Threats: CCH-16, SES-08.
pub(crate) async fn a_logout_does_not_disturb_other_sessions() {
    let cluster = Cluster::shared(Options::default()).await;
    for round in 0..25 {
        let (ended, living) = (cluster.login(0, 0).await, cluster.login(0, 1).await);
        let (logout, first, second) = tokio::join!(
            cluster.logout(1, &ended),
            cluster.who_am_i(1, &living),
            cluster.ask(1, Some(&living), PRIVATE)
        );
        assert_eq!((logout.status, first.status, second.status), (204, 200, 200), "{round}");
        assert_eq!(cluster.who_am_i(1, &living).await.status, 200, "{round}");
    }
    for instance in 0..2 {
        let report = cluster.report(instance);
        assert_eq!((report.corrupt, report.resyncs), (0, 1), "{report:?}");
    }
    cluster.end().await;
}

/// The idle limit: a session that is used at one instance is not idle for the others, and one that none uses ends at all of
/// them, also for an instance that has not seen it.
pub(crate) async fn a_use_of_a_session_is_known_to_all_instances() {
    const LIMIT: Duration = Duration::from_mins(10);
    let options = || Options { configure: |config| config.session.idle = Some(LIMIT), ..Options::default() };
    let cluster = Cluster::shared(options()).await;
    let (used, idle) = (cluster.login(0, 0).await, cluster.login(0, 1).await);
    let stored = async || {
        let all = cluster.redis().dump().await.unwrap();
        all.into_iter()
            .filter(|(name, ..)| name.contains(":u:"))
            .map(|(_, value, _)| value)
            .collect::<Vec<_>>()
    };
    for halves in 0..4 {
        for instance in &cluster.instances {
            instance.time.shift_s(halves * i64::try_from(LIMIT.as_secs()).unwrap() / 2);
        }
        let before = stored().await;
        assert_eq!(cluster.who_am_i(1, &used).await.status, 200);
        until("the use is in the store", async || stored().await != before).await;
    }
    // This instance saw it last before the limit; the store knows better.
    assert_eq!(cluster.who_am_i(0, &used).await.status, 200);
    problem(&cluster.who_am_i(1, &idle).await, 401, "session_expired");
    until("it is revoked", async || cluster.who_am_i(0, &idle).await.json()["code"] == "invalid_session")
        .await;
    for (name, value, _) in cluster.redis().dump().await.unwrap() {
        assert!(!name.contains("user-") && !String::from_utf8_lossy(&value).contains("user-"), "{name}");
    }
    cluster.end().await;
}
