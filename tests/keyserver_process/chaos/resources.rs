//! Few descriptors, little memory, and a clock that jumps.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use dockpass_keyserver::clock::{Clock, SystemClock};
use dockpass_keyserver::{Builder, Server, Settings};
use dockpass_tests::client::Client;
use serde_json::json;
use tokio::net::{TcpSocket, TcpStream};

use super::{Chaos, SOUND, limited};
use crate::program::Fixture;

/// A connection from another address of loopback, which sends nothing.
async fn idle(from: u8, to: SocketAddr) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, from], 0))).unwrap();
    tokio::time::timeout(Duration::from_millis(500), socket.connect(to)).await.ok()?.ok()
}

/// 256 descriptors and more idle connections than that: users are served, because upstreams have a reserve and idle
/// connections end.
pub(crate) async fn few_descriptors_are_shared_with_upstreams() {
    let mut chaos = Chaos::start("", &limited("ulimit -n 256; exec \"$0\" \"$@\"")).await;
    let address: SocketAddr = chaos.program.origin.trim_start_matches("http://").parse().unwrap();
    let mut connections = Vec::new();
    for number in 0..300_u32 {
        let from = u8::try_from(2 + number % 100).unwrap();
        connections.extend(idle(from, address).await);
    }
    assert!(connections.len() > 200, "{} connections are no load", connections.len());
    // Idle connections are closed after `header_seconds`, a hundred at a time: the others wait for their turn.
    let begun = Instant::now();
    loop {
        let session = &chaos.sessions[1];
        let tags = tokio::time::timeout(
            Duration::from_secs(15),
            chaos.fixture.tags_or_none(&chaos.program, SOUND, session),
        );
        if tags.await == Ok(Some(200)) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "nobody is served:\n{}", chaos.program.log());
    }
    drop(connections);
    chaos.serves_others("after the flood of connections").await;
    chaos.ends().await;
}

/// 128 MiB for everything that the process allocates, under logins, forged sessions and relayed content.
pub(crate) async fn little_memory_is_enough() {
    // `-d` limits what is allocated, `-v` would also count address space that is only reserved.
    let mut chaos = Chaos::start("", &limited("ulimit -d 131072; exec \"$0\" \"$@\"")).await;
    let (origin, registry) = (chaos.program.origin.clone(), chaos.registry(SOUND));
    let mut load = tokio::task::JoinSet::new();
    for number in 0..24_usize {
        let (origin, registry, session) = (origin.clone(), registry.clone(), chaos.sessions[1].clone());
        load.spawn(async move {
            let client = Client::new();
            for turn in 0..20 {
                let forged = format!("eyJ{}", "x".repeat(15_000 + number + turn));
                let scope = format!("repository:vault/n{number}-{turn}:pull");
                let body = json!({ "registry": registry, "scopes": [scope] });
                let call = client.post(&format!("{origin}/v1/token")).json(&body);
                let call = if turn % 2 == 0 { call.bearer(&forged) } else { call.bearer(&session) };
                // What is refused under load is refused with a status.
                let _status = call.send().await.map(|response| response.status);
                let tags = format!("{origin}/r/{registry}/v2/vault/keys/tags/list");
                let _status = client.get(&tags).bearer(&session).send().await.map(|response| response.status);
            }
        });
    }
    while load.join_next().await.is_some() {}
    chaos.serves_others("after the load").await;
    let status = std::fs::read_to_string(format!("/proc/{}/status", chaos.program.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim();
    let kib: u64 = peak.trim_end_matches(" kB").parse().unwrap();
    assert!(kib < 128 * 1_024, "at most 128 MiB: {peak}");
    chaos.ends().await;
}

/// The system's clock with an offset.
#[derive(Clone, Debug, Default)]
struct ShiftedTime(Arc<AtomicI64>);

impl Clock for ShiftedTime {
    fn now_ms(&self) -> i64 {
        SystemClock.now_ms() + self.0.load(Ordering::SeqCst)
    }
}

/// A clock that is a day ahead, or a day behind: users log in and are served, and a session counts by the clock.
pub(crate) async fn a_day_forwards_and_back() {
    let fixture = Fixture::new([SOUND], super::CONFIG).await;
    let settings = Settings::load(Some(&fixture.folder.path().join("config.yaml")), []).unwrap();
    let time = ShiftedTime::default();
    let server = Server::bind_with(Builder::new(settings).clock(Arc::new(time.clone()))).await.unwrap();
    let origin = format!("http://{}", server.address());
    let serving = tokio::spawn(server.run(std::future::pending()));
    let registry = fixture.demo.registry(SOUND).unwrap().authority();
    let client = Client::new();
    let tags = async |session: &str| {
        let url = format!("{origin}/r/{registry}/v2/vault/keys/tags/list");
        client.get(&url).bearer(session).send().await.unwrap().status
    };
    let login = async || {
        let body = json!({ "registry": registry, "username": "ada", "password": fixture.password });
        let response = client.post(&format!("{origin}/v1/sessions")).json(&body).send().await.unwrap();
        assert_eq!(response.status, 200, "{}", response.text());
        response.json()["session"].as_str().unwrap().to_owned()
    };
    let first = login().await;
    assert_eq!(tags(&first).await, 200);
    // A session that was opened before is not expired for a clock that has gone back.
    for (days, status) in [(1, 401), (-1, 200)] {
        time.0.store(days * 86_400_000, Ordering::SeqCst);
        assert_eq!(tags(&first).await, status, "{days} days");
        let session = login().await;
        assert_eq!(tags(&session).await, 200, "{days} days");
    }
    time.0.store(0, Ordering::SeqCst);
    assert_eq!(tags(&first).await, 200, "the session counts again");
    assert_eq!(tags(&login().await).await, 200);
    serving.abort();
}
