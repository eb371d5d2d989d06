//! HTTP at the level of bytes: ambiguous requests, and clients that never finish. Ids as in the threat list (GW, LIM).

use std::time::{Duration, Instant};

use dockpass_tests::demo::{DemoConfig, Kind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{Stack, log_text, raw};

/// GW-01, GW-02, GW-03, GW-04, GW-05, GW-10: a request hidden in the body of another one is never processed.
#[tokio::test]
async fn request_smuggling_is_refused() {
    let stack = Stack::of([Kind::Open]).await;
    let host = stack.server.origin.trim_start_matches("http://").to_owned();
    let base = format!("/r/{}/v2", stack.name(Kind::Open));
    let hidden = format!("GET {base}/smuggled/tags/list HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let chunked = format!("{:x}\r\n{hidden}\r\n0\r\n\r\n", hidden.len());
    let length = hidden.len();
    let front = format!("GET {base}/library/alpine/tags/list HTTP/1.1\r\nHost: {host}\r\n");
    for (headers, body) in [
        // Both lengths, in both orders.
        (format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"), format!("0\r\n\r\n{hidden}")),
        (format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n"), format!("0\r\n\r\n{hidden}")),
        ("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n".to_owned(), chunked.clone()),
        // Codings that some servers read as chunked.
        (format!("Content-Length: {length}\r\nTransfer-Encoding: xchunked\r\n"), hidden.clone()),
        (format!("Content-Length: {length}\r\nTransfer-Encoding: chunked, identity\r\n"), hidden.clone()),
        (format!("Content-Length: {length}\r\nTransfer-Encoding:\x0bchunked\r\n"), hidden.clone()),
        (format!("Content-Length: {length}\r\nTransfer-Encoding : chunked\r\n"), hidden.clone()),
        ("Transfer-Encoding: identity\r\n".to_owned(), hidden.clone()),
        // Lengths that servers read differently.
        (format!("Content-Length: +{length}\r\n"), hidden.clone()),
        (format!("Content-Length: 0, {length}\r\n"), hidden.clone()),
        (format!("Content-Length: 0\r\nContent-Length: {length}\r\n"), hidden.clone()),
        (format!("Content-Length: 0x{length:x}\r\n"), hidden.clone()),
        ("Content-Length: -1\r\n".to_owned(), hidden.clone()),
        ("Content-Length: 18446744073709551616\r\n".to_owned(), hidden.clone()),
        (format!("Content-Length : 0\r\nContent-Length: {length}\r\n"), hidden.clone()),
        // Lines.
        (format!("X: 1\r\n Content-Length: 0\r\nContent-Length: {length}\r\n"), hidden.clone()),
        (format!("X: 1\rContent-Length: 0\r\nContent-Length: {length}\r\n"), hidden.clone()),
        ("X: a\0b\r\n".to_owned(), String::new()),
        // A body of a request that has none.
        (format!("Content-Length: {length}\r\n"), hidden.clone()),
        ("Transfer-Encoding: chunked\r\n".to_owned(), chunked.clone()),
        // No tunnel.
        ("Connection: Upgrade\r\nUpgrade: websocket\r\n".to_owned(), String::new()),
        (
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n".to_owned(),
            String::new(),
        ),
    ] {
        // The connection closes after the first response, so that a hidden request would be processed before.
        let request = format!("{front}{headers}Connection: close\r\n\r\n{body}");
        let (status, response) = raw(&stack.server.origin, &request).await;
        assert_ne!(status, 101, "{headers:?}: a tunnel");
        assert!(response.matches("HTTP/1.1 ").count() <= 1, "{headers:?}: more than one answer: {response}");
        // Without it, the connection may be reused.
        let mut stream = TcpStream::connect(&host).await.unwrap();
        stream.write_all(format!("{front}{headers}\r\n{body}").as_bytes()).await.unwrap();
        let mut response = vec![0; 64 * 1024];
        let _ = tokio::time::timeout(Duration::from_millis(150), stream.read(&mut response)).await;
        for record in stack.demo.journal() {
            assert!(!record.path.contains("smuggled"), "{headers:?}: {record:?}");
            assert!(!record.headers.contains(&"content-length".to_owned()), "{headers:?}: {record:?}");
            assert!(!record.headers.contains(&"transfer-encoding".to_owned()), "{headers:?}: {record:?}");
        }
        stack.reset();
    }
    stack.end().await;
}

/// LIM-01: a client that never finishes its headers or its body is disconnected; others are not affected.
#[tokio::test]
async fn unfinished_requests_are_disconnected() {
    let stack = Stack::with(DemoConfig::only([Kind::Open]), |config| {
        config.limits.header_timeout = Duration::from_secs(1);
    })
    .await;
    let host = stack.server.origin.trim_start_matches("http://").to_owned();
    let headers = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nX-Slow: ");
    let body = format!(
        "POST /v1/sessions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{{"
    );
    for unfinished in [String::new(), headers, body] {
        let mut streams = Vec::new();
        for _ in 0..20 {
            let mut stream = TcpStream::connect(&host).await.unwrap();
            stream.write_all(unfinished.as_bytes()).await.unwrap();
            streams.push(stream);
        }
        assert_eq!(stack.get(&stack.url("/healthz"), None).await.status, 200);
        let begun = Instant::now();
        for mut stream in streams {
            let mut response = Vec::new();
            let ended = tokio::time::timeout(Duration::from_secs(6), stream.read_to_end(&mut response)).await;
            assert!(ended.is_ok(), "still open after {:?}: {unfinished:?}", begun.elapsed());
            assert!(!response.starts_with(b"HTTP/1.1 200"));
        }
    }
    stack.end().await;
}

// Threats: LIM-03, LIM-06.
#[tokio::test]
async fn request_heads_and_targets_are_limited() {
    let stack = Stack::of([Kind::Open]).await;
    let host = stack.server.origin.trim_start_matches("http://").to_owned();
    let long = "a".repeat(200_000);
    let path = format!("GET /r/{long} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let header = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nX: {long}\r\nConnection: close\r\n\r\n");
    let many: String = (0..2_000).map(|number| ["X-", &number.to_string(), ": 1\r\n"].concat()).collect();
    let many = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n{many}Connection: close\r\n\r\n");
    for request in [path, header, many] {
        let (status, response) = raw(&stack.server.origin, &request).await;
        assert!(matches!(status, 400 | 414 | 431), "{status}");
        assert!(response.len() < 2_000);
    }
    stack.end().await;
}

/// DNS rebinding: a server on loopback accepts only host names of loopback.
// Threats: ORG-02.
#[tokio::test]
async fn other_host_names_are_refused_on_loopback() {
    let stack = Stack::of([Kind::Open]).await;
    let port = stack.server.origin.rsplit_once(':').unwrap().1.to_owned();
    for (host, status) in [
        (format!("127.0.0.1:{port}"), 200),
        (format!("localhost:{port}"), 200),
        (format!("evil.test:{port}"), 400),
        ("evil.test".to_owned(), 400),
        (format!("localhost.evil.test:{port}"), 400),
    ] {
        let request = format!("GET /v1/registries HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_eq!(raw(&stack.server.origin, &request).await.0, status, "{host}");
    }
    // The log explains it to an operator who uses a proxy.
    let log = log_text();
    assert!(log.lines().any(|line| line.contains(&stack.server.origin) && line.contains("public_origin")));
    stack.end().await;
}
