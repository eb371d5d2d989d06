//! Faults of the store under load: responses may be slower or `store_unavailable`, but never wrong.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use dockpass_tests::fault_proxy::Fault;
use dockpass_tests::redis::{RedisServer, Value};
use serde_json::json;

use crate::harness::{Cluster, Options, PATIENCE, problem, until};
use crate::load::Load;

/// How long sessions are accepted without the store, in these tests.
pub(crate) const GRACE: Duration = Duration::from_millis(1_500);
/// How long the recovery after a fault may take.
pub(crate) const RECOVERY: Duration = Duration::from_secs(5);

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The process is stopped (SIGSTOP).
    Stopped,
    /// Every octet is delayed.
    Slow,
    /// No memory is left, and nothing may be evicted.
    Full,
    /// Everything is deleted repeatedly.
    Flushed,
    /// The store has become a read-only replica.
    ReadOnly,
    /// Connections end in the middle of responses.
    CutMidReply,
    /// Values are swapped, damaged and replaced.
    Lying,
    /// The process is killed, and starts empty.
    RestartedEmpty,
    /// An instance's clock is a day ahead, and comes back.
    ClockMoved,
    /// The password is changed, and every connection is closed.
    WrongPassword,
    /// The host name does not resolve any more.
    NameGone,
    /// One instance is disconnected, the other is not.
    Partition,
}

impl Trouble {
    pub(crate) const ALL: [Self; 12] = [
        Self::Stopped,
        Self::Slow,
        Self::Full,
        Self::Flushed,
        Self::ReadOnly,
        Self::CutMidReply,
        Self::Lying,
        Self::RestartedEmpty,
        Self::ClockMoved,
        Self::WrongPassword,
        Self::NameGone,
        Self::Partition,
    ];

    /// Starts the fault.
    pub(crate) async fn begin(self, cluster: &mut Cluster) {
        let proxies = |fault: Fault| {
            for instance in &cluster.instances {
                instance.proxy.as_ref().unwrap().set(fault);
            }
        };
        match self {
            Self::Stopped => cluster.redis().signal("STOP").unwrap(),
            Self::Slow => proxies(Fault::Slow(Duration::from_millis(200))),
            Self::Full => config(cluster.redis(), "maxmemory", "1").await,
            Self::ReadOnly => _ = cluster.redis().ask(&["REPLICAOF", "127.0.0.1", "1"]).await.unwrap(),
            Self::RestartedEmpty => cluster.redis.as_mut().unwrap().restart().await.unwrap(),
            Self::ClockMoved => cluster.instances[0].time.shift_s(86_400),
            Self::WrongPassword => {
                let redis = cluster.redis();
                redis.ask(&["ACL", "SETUSER", "dockpass", "resetpass", ">another"]).await.unwrap();
                redis.ask(&["CLIENT", "KILL", "USER", "dockpass"]).await.unwrap();
            }
            Self::NameGone => {
                for instance in &cluster.instances {
                    instance.names.are_gone.store(true, Ordering::SeqCst);
                }
                cluster.redis().ask(&["CLIENT", "KILL", "USER", "dockpass"]).await.unwrap();
            }
            Self::Partition => cluster.instances[0].proxy.as_ref().unwrap().set(Fault::Silent),
            Self::Flushed | Self::CutMidReply | Self::Lying => self.go_on(cluster, 0).await,
        }
    }

    /// Continues the fault.
    pub(crate) async fn go_on(self, cluster: &Cluster, turn: usize) {
        match self {
            Self::Flushed => _ = cluster.redis().ask(&["FLUSHALL"]).await.unwrap(),
            Self::CutMidReply => {
                for (index, instance) in cluster.instances.iter().enumerate() {
                    let after = 1 + (turn * 211 + index * 97) % 1_500;
                    instance.proxy.as_ref().unwrap().set(Fault::CutAfter(after));
                }
            }
            Self::Lying => lie(cluster.redis(), turn).await,
            _ => {}
        }
    }

    /// Ends the fault.
    pub(crate) async fn end(self, cluster: &mut Cluster) {
        for instance in &cluster.instances {
            instance.proxy.as_ref().unwrap().set(Fault::None);
        }
        match self {
            Self::Stopped => cluster.redis().signal("CONT").unwrap(),
            Self::Full => config(cluster.redis(), "maxmemory", "0").await,
            Self::ReadOnly => _ = cluster.redis().ask(&["REPLICAOF", "NO", "ONE"]).await.unwrap(),
            Self::ClockMoved => cluster.instances[0].time.shift_s(0),
            Self::WrongPassword => {
                let password = format!(">{}", cluster.redis().password());
                cluster.redis().ask(&["ACL", "SETUSER", "dockpass", "resetpass", &password]).await.unwrap();
            }
            Self::NameGone => {
                for instance in &cluster.instances {
                    instance.names.are_gone.store(false, Ordering::SeqCst);
                }
            }
            _ => {}
        }
    }
}

async fn config(redis: &RedisServer, key: &str, value: &str) {
    assert_eq!(redis.ask(&["CONFIG", "SET", key, value]).await.unwrap(), Value::Bytes(b"OK".to_vec()));
}

/// Replaces each value by that of another name, or by an unsealed one (threats CCH-09, FLT-02).
async fn lie(redis: &RedisServer, turn: usize) {
    let names = redis.names("dockpass:t:*").await.unwrap();
    let mut values = Vec::new();
    for name in &names {
        values.push(match redis.ask(&["GET", name]).await.unwrap() {
            Value::Bytes(bytes) => bytes,
            _ => Vec::new(),
        });
    }
    for (index, name) in names.iter().enumerate() {
        let ttl = b"60".to_vec();
        let put =
            |value: Vec<u8>| vec![b"SET".to_vec(), name.clone().into_bytes(), value, b"EX".to_vec(), ttl];
        let own = values.get(index).cloned().unwrap_or_default();
        let command = match (index + turn) % 7 {
            0 => put(values[(index + 1) % values.len()].clone()),
            1 => put(values[(index + 2) % values.len()].clone()),
            2 => put(br#"{"token":"of an attacker"}"#.to_vec()),
            3 => put(own.iter().take(own.len() / 2).copied().collect()),
            4 => put(vec![1; 400_000]),
            5 => {
                redis.ask(&["DEL", name]).await.unwrap();
                vec![b"LPUSH".to_vec(), name.clone().into_bytes(), b"list".to_vec()]
            }
            _ => put(own.iter().map(|byte| byte ^ 1).collect()),
        };
        redis.ask(&command).await.unwrap();
    }
    for member in ["", "nonsense", "00000000000000000000000000000000.99999999999999"] {
        redis.ask(&["ZADD", "dockpass:revoked", "99999999999", member]).await.unwrap();
        redis.ask(&["PUBLISH", "dockpass:revoked", member]).await.unwrap();
    }
}

/// How long it took until every instance was connected to the store again and returned a token that the other one had
/// cached.
pub(crate) async fn recovered(cluster: &Cluster) -> (Duration, Duration) {
    let begun = Instant::now();
    until("every instance is in contact with the store", async || {
        let mut reports = (0..cluster.instances.len()).map(|index| cluster.report(index));
        reports.all(|report| report.is_connected && report.knows_revocations)
    })
    .await;
    let contact = begun.elapsed();
    let mut attempt = 0;
    until("a token is shared", async || {
        attempt += 1;
        let session = cluster.login(0, 0).await;
        let scope = format!("repository:vault/keys-{attempt}:pull");
        let token = cluster.ask(0, Some(&session), &scope).await;
        let same = cluster.ask(1, Some(&session), &scope).await;
        (token.status, same.status) == (200, 200) && token.json()["token"] == same.json()["token"]
    })
    .await;
    (contact, begun.elapsed())
}

/// Options of a cluster whose instances need the store for most responses.
pub(crate) fn options() -> Options {
    Options {
        users: 4,
        grace: GRACE,
        timeout: Duration::from_millis(300),
        configure: |config| {
            config.cache.max_bytes = 8 * 1_024;
            config.cache.max_token = Duration::from_secs(3);
        },
        ..Options::default()
    }
}

// Threats: FLT-01, FLT-02, CCH-09, CCH-15, CCH-16, TIM-03, SES-08.
pub(crate) async fn faults_of_the_store_never_give_a_wrong_response() {
    // Each test mostly waits, so a few run concurrently.
    for group in Trouble::ALL.chunks(4) {
        futures_util::future::join_all(group.iter().map(|trouble| one(*trouble))).await;
    }
}

async fn one(trouble: Trouble) {
    let mut cluster = Cluster::shared(options()).await;
    let load = Load::on(&cluster, GRACE).await;
    let workers = load.start(3);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = load.tally.unavailable.load(Ordering::Relaxed);
    assert_eq!(before, 0, "{trouble:?}: before it began");
    trouble.begin(&mut cluster).await;
    for turn in 0..12 {
        tokio::time::sleep(GRACE / 6).await;
        trouble.go_on(&cluster, turn).await;
    }
    trouble.end(&mut cluster).await;
    let (contact, _) = recovered(&cluster).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    load.stop(workers).await;
    expect(trouble, &cluster, &load);
    // The time until tokens are shared again is measured in the long run only, because it needs an idle machine.
    assert!(contact <= RECOVERY, "{trouble:?}: {contact:?}");
    cluster.end().await;
}

/// Asserts that no response was wrong and that the fault had an effect.
pub(crate) fn expect(trouble: Trouble, cluster: &Cluster, load: &Arc<Load>) {
    let tally = &load.tally;
    let moved = trouble == Trouble::ClockMoved;
    // For an instance whose clock is a day ahead every session and token has expired.
    if moved {
        let wrong = [&tally.wrong, &tally.resurrected].map(|figure| figure.load(Ordering::Relaxed));
        assert_eq!(wrong, [0; 2], "{:?}", tally.samples);
    } else {
        tally.check();
    }
    let requests = tally.requests.load(Ordering::Relaxed);
    assert!(requests > 20, "{trouble:?}: {requests} requests are no load");
    let refused = tally.unavailable.load(Ordering::Relaxed) + tally.unconfirmed.load(Ordering::Relaxed);
    let reports = [cluster.report(0), cluster.report(1)];
    let sum =
        |figure: fn(&dockpass_keyserver::store::StoreReport) -> u64| reports.iter().map(figure).sum::<u64>();
    match trouble {
        Trouble::Stopped
        | Trouble::Full
        | Trouble::ReadOnly
        | Trouble::WrongPassword
        | Trouble::NameGone
        | Trouble::Partition => {
            assert!(refused > 0, "{trouble:?}: after the grace sessions are refused: {tally:?}");
        }
        Trouble::Flushed | Trouble::RestartedEmpty => {
            assert!(sum(|report| report.resyncs) > 2, "{trouble:?}: told again: {reports:?}");
        }
        Trouble::Lying => assert!(sum(|report| report.corrupt) > 0, "{reports:?}"),
        Trouble::CutMidReply => assert!(sum(|report| report.connections) > 4, "{reports:?}"),
        Trouble::Slow => assert!(sum(|report| report.failures) > 0, "{reports:?}"),
        Trouble::ClockMoved => {}
    }
}

/// Started without the store: requests without a session are served at normal speed, and sessions are refused, because it
/// is unknown which of them were logged out.
// Threats: FLT-01, FLT-06.
pub(crate) async fn starts_without_the_store() {
    let options = Options { timeout: Duration::from_millis(50), ..Options::default() };
    let mut cluster = Cluster::shared(options).await;
    let session = cluster.login(0, 0).await;
    cluster.redis.as_mut().unwrap().kill();
    // The same proxy without a server, as a restarted instance finds it.
    let mut config = cluster.config();
    config.store = cluster.settings(cluster.redis(), cluster.redis().address(), &Options::default());
    let names = Arc::new(crate::harness::Names::default());
    let builder = dockpass_keyserver::Builder::new(config).store_resolver(names);
    let server = dockpass_keyserver::Server::bind_with(builder).await.unwrap();
    let (origin, state) = (format!("http://{}", server.address()), server.state().clone());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.run(async {
        let _ = stopped.await;
    }));
    let url = format!("{origin}/v1/session");
    let reply = cluster.client.get(&url).bearer(&session).send().await.unwrap();
    problem(&reply, 503, "store_unavailable");
    assert_eq!(reply.header("retry-after"), "1");
    let body = json!({ "registry": cluster.registry(), "scopes": ["repository:library/alpine:pull"] });
    let reply = cluster.client.post(&format!("{origin}/v1/token")).json(&body).send().await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
    let reply = cluster.client.get(&format!("{origin}/readyz")).send().await.unwrap();
    assert_eq!(reply.status, 200);
    // A logout is not confirmed, but it is kept.
    let call = || cluster.client.call(http::Method::DELETE, &url).bearer(&session);
    problem(&call().send().await.unwrap(), 503, "store_unavailable");
    cluster.redis.as_mut().unwrap().restart().await.unwrap();
    assert!(state.wait_for_store(PATIENCE).await);
    until("the logout is told", async || call().send().await.unwrap().status == 401).await;
    until("the other instances hear of it", async || cluster.who_am_i(1, &session).await.status == 401).await;
    stop.send(()).unwrap();
    serving.await.unwrap();
    cluster.end().await;
}
