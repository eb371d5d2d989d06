//! What the process does when the system gives it little.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use dockpass_tests::client::Client;
use dockpass_tests::demo::Kind;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::program::Fixture;

const SERVE: [&str; 3] = ["serve", "--config", "config.yaml"];

/// Standard error is a pipe that nobody reads. It holds 64 KiB; then a write to it blocks.
// Threats: AVL-02, FLT-03.
pub(crate) async fn a_log_that_nobody_reads_stops_no_request() {
    let fixture = Fixture::new([Kind::Open], "log:\n  filter: trace\n").await;
    let mut command = fixture.command(&SERVE);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let origin = line.trim().strip_prefix("dockpass-keyserver listening on ").unwrap().to_owned();
    let client = Client::new();
    let long = "x".repeat(90);
    let url = format!("{origin}/{long}");
    let begun = Instant::now();
    // Each request writes one line with its path: 200 octets and more.
    for _ in 0..1_000 {
        let response = tokio::time::timeout(Duration::from_secs(10), client.get(&url).send()).await;
        assert_eq!(response.expect("a request waits for the log").unwrap().status, 404);
    }
    let health = client.get(&format!("{origin}/healthz")).send();
    assert_eq!(tokio::time::timeout(Duration::from_secs(10), health).await.unwrap().unwrap().status, 200);
    assert!(begun.elapsed() < Duration::from_mins(1), "{:?}", begun.elapsed());
    // Whoever reads later finds what was written meanwhile.
    let mut pipe = child.stderr.take().unwrap();
    let read = std::thread::spawn(move || {
        let mut bytes = vec![0; 120_000];
        pipe.read_exact(&mut bytes).map(|()| bytes)
    });
    let begun = Instant::now();
    while !read.is_finished() && begun.elapsed() < Duration::from_secs(20) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let is_read = read.is_finished();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(is_read, "lines are missing");
    assert!(String::from_utf8_lossy(&read.join().unwrap().unwrap()).contains(&long));
}

/// Clients open more connections than there are descriptors, and keep them.
// Threats: AVL-05, FLT-04.
pub(crate) async fn registries_are_reached_when_clients_have_all_connections() {
    let further = "limits:\n  connections_per_address: 4096\n  header_seconds: 60\n  idle_seconds: 60\n";
    let fixture = Fixture::new([Kind::Token], further).await;
    let program = fixture.start_command(fixture.limited("ulimit -n 256", &SERVE));
    program.wait_for_log("fewer connections than limits.connections").await;
    // Connected first, so that it is served while the others wait.
    let address = program.origin.strip_prefix("http://").unwrap();
    let mut served = TcpStream::connect(address).await.unwrap();
    let registry = fixture.demo.registry(Kind::Token).unwrap().authority();
    let path = format!("/r/{registry}/v2/vault/keys/tags/list");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    served.write_all(request.as_bytes()).await.unwrap();
    assert!(head(&mut served).await.starts_with("HTTP/1.1 401"));
    let mut idle = tokio::task::JoinSet::new();
    for _ in 0..300 {
        // Those that are not accepted wait in the listener's queue, or for a place in it.
        idle.spawn(TcpStream::connect(address.to_owned()));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    for _ in 0..3 {
        served.write_all(request.as_bytes()).await.unwrap();
        assert!(head(&mut served).await.starts_with("HTTP/1.1 401"), "{}", program.log());
    }
    drop(idle);
    let begun = Instant::now();
    assert_eq!(Client::new().get(&format!("{}/healthz", program.origin)).send().await.unwrap().status, 200);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(!program.log().contains("accepting a connection failed"), "{}", program.log());
}

/// The head of a response, and its body up to what arrives with it.
async fn head(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut buffer = [0; 8192];
    while !text.contains("\r\n\r\n") {
        let read = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut buffer)).await;
        let count = read.expect("no response").unwrap();
        assert_ne!(count, 0, "the connection was closed: {text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    // The bodies of this test are short.
    tokio::time::timeout(Duration::from_millis(100), stream.read(&mut buffer)).await.ok();
    text
}

// Threats: AVL-05.
pub(crate) async fn the_limit_on_open_files_is_raised_or_refused_by_name() {
    let fixture = Fixture::new([Kind::Open], "").await;
    let program = fixture.start_command(fixture.limited("ulimit -S -n 100; ulimit -H -n 900", &SERVE));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", program.id())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let numbers: Vec<&str> = line.split_whitespace().filter(|word| word.parse::<u32>().is_ok()).collect();
    assert_eq!(numbers, ["900", "900"], "{line}");
    let ended = fixture.limited("ulimit -n 40", &SERVE).output().unwrap();
    let message = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{message}");
    assert!(message.contains("limit on open files is 40"), "{message}");
}
