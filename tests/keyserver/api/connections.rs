use std::time::Duration;

use dockpass_keyserver::{Server, Settings};
use dockpass_tests::scripted::respond;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::api::{PASSWORD, USER, settings, token_registry, upstream};
use crate::server::shared_key;

/// A request whose answer ends the connection.
const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

struct Running {
    address: std::net::SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn start(change: impl FnOnce(&mut Settings)) -> Self {
        let mut config = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            registries: Vec::new(),
            ..Settings::default()
        };
        config.session.key_files = vec![shared_key()];
        config.limits.drain_time = Duration::from_secs(0);
        change(&mut config);
        let server = Server::bind(config).await.unwrap();
        let address = server.address();
        assert_ne!(address.port(), 0);
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(server.run(async move {
            stopped.await.ok();
        }));
        Self { address, stop: Some(stop), task }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }
}

/// Everything until the other side closes, or this long has passed.
async fn read_all(stream: &mut TcpStream, limit: Duration) -> (String, bool) {
    let mut bytes = Vec::new();
    let closed = tokio::time::timeout(limit, stream.read_to_end(&mut bytes)).await.is_ok();
    (String::from_utf8_lossy(&bytes).into_owned(), closed)
}

// Threats: LIM-01, LIM-02.
#[tokio::test]
async fn slow_headers_and_idle_connections_are_closed() {
    let running = Running::start(|config| config.limits.header_timeout = Duration::from_secs(1)).await;
    for beginning in ["", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"] {
        let mut stream = running.connect().await;
        stream.write_all(beginning.as_bytes()).await.unwrap();
        let (_, closed) = read_all(&mut stream, Duration::from_secs(4)).await;
        assert!(closed, "{beginning:?}");
    }
    // Kept alive and then idle.
    let mut stream = running.connect().await;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let (response, closed) = read_all(&mut stream, Duration::from_secs(4)).await;
    assert!(closed && response.starts_with("HTTP/1.1 200"), "{response}");
}

// Threats: LIM-02.
#[tokio::test]
async fn a_slow_body_is_a_timeout() {
    let running = Running::start(|config| config.limits.header_timeout = Duration::from_secs(1)).await;
    let mut stream = running.connect().await;
    let head = "POST /v1/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let (response, _) = read_all(&mut stream, Duration::from_secs(4)).await;
    assert!(response.starts_with("HTTP/1.1 408") && response.contains("\"request_timeout\""), "{response}");
}

// Threats: LIM-03, LIM-07, GW-04, GW-07.
#[tokio::test]
async fn malformed_requests_get_an_error_status() {
    let running = Running::start(|_| {}).await;
    let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "x: y\r\n".repeat(200));
    for (request, status) in [
        (long.as_str(), "431"),
        (many.as_str(), "431"),
        ("GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "400"),
        ("GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n", "400"),
        ("CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test\r\n\r\n", "400"),
        ("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", "400"),
        ("GET http://evil.test/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "400"),
        // hyper has no status for this one: it closes.
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""),
    ] {
        let mut stream = running.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut buffer = [0; 512];
        let read = tokio::time::timeout(Duration::from_secs(3), stream.read(&mut buffer)).await;
        let length = read.unwrap_or_else(|_| panic!("no answer: {:?}", request.get(..60))).unwrap();
        let response = String::from_utf8_lossy(buffer.get(..length).unwrap()).into_owned();
        let shown: String = request.chars().take(60).collect();
        assert_eq!(response.get(9..12).unwrap_or_default(), status, "{shown:?}: {response}");
    }
}

#[tokio::test]
async fn after_a_login_the_connection_is_closed() {
    let fake = upstream(|own, received| {
        if received.path() == "/token" || received.header("authorization").is_none() {
            return token_registry(own, received);
        }
        respond(404, &[], "")
    })
    .await;
    let running = Running::start(|config| {
        config.registries = vec![settings(&fake)];
    })
    .await;
    let body = format!(
        "{{\"registry\":\"{}\",\"username\":\"{USER}\",\"password\":\"{PASSWORD}x\"}}",
        fake.authority
    );
    let request = format!(
        "POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = running.connect().await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let (response, closed) = read_all(&mut stream, Duration::from_secs(5)).await;
    assert!(closed && response.contains("bad_credentials"), "{response}");
    assert!(!response.contains(PASSWORD));
}

// Threats: SHD-01.
#[tokio::test]
async fn a_stop_finishes_requests_and_accepts_no_new_ones() {
    let fake = upstream(|_, _| {
        std::thread::sleep(Duration::from_millis(300));
        respond(200, &[("content-type", "application/json")], "{\"late\":true}")
    })
    .await;
    let mut running = Running::start(|config| {
        config.registries = vec![settings(&fake)];
    })
    .await;
    let mut idle = running.connect().await;
    let mut busy = running.connect().await;
    let request = format!("GET /r/{}/v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n", fake.authority);
    busy.write_all(request.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    running.stop();
    let (response, closed) = read_all(&mut busy, Duration::from_secs(5)).await;
    assert!(closed && response.contains("{\"late\":true}"), "{response}");
    assert!(read_all(&mut idle, Duration::from_secs(5)).await.1, "idle connections are closed");
    tokio::time::timeout(Duration::from_secs(5), running.task).await.unwrap().unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}

// Threats: LIM-08.
#[tokio::test]
async fn connections_above_the_total_limit_wait_and_are_then_served() {
    let running = Running::start(|config| config.limits.connections = 2.try_into().unwrap()).await;
    let first = running.connect().await;
    let second = running.connect().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut third = running.connect().await;
    third.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(!read_all(&mut third, Duration::from_millis(300)).await.1);
    drop((first, second));
    assert!(read_all(&mut third, Duration::from_secs(3)).await.1);
}

// Threats: SHD-01.
#[tokio::test]
async fn readiness_ends_before_connections_are_refused() {
    let mut running = Running::start(|config| config.limits.drain_time = Duration::from_secs(1)).await;
    running.stop();
    tokio::time::sleep(Duration::from_millis(200)).await;
    for (path, status) in [("/readyz", "503"), ("/healthz", "200")] {
        let mut stream = running.connect().await;
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let (response, _) = read_all(&mut stream, Duration::from_secs(3)).await;
        assert!(response.starts_with(&format!("HTTP/1.1 {status}")), "{response}");
    }
    tokio::time::timeout(Duration::from_secs(5), running.task).await.unwrap().unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}

/// LIM-02: who asks for much and never reads does not keep a connection from others.
#[tokio::test]
async fn a_client_that_does_not_read_is_disconnected() {
    let blob = "x".repeat(32 << 20);
    let fake =
        upstream(move |_, _| respond(200, &[("content-type", "application/octet-stream")], &blob)).await;
    let running = Running::start(|config| {
        config.registries = vec![settings(&fake)];
        config.limits.connections = 1.try_into().unwrap();
        config.limits.idle_timeout = Duration::from_secs(1);
    })
    .await;
    let mut deaf = running.connect().await;
    let path = format!("/r/{}/v2/team/app/blobs/sha256:{}", fake.authority, "0".repeat(64));
    deaf.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut other = running.connect().await;
    other.write_all(HEALTH).await.unwrap();
    let (response, closed) = read_all(&mut other, Duration::from_secs(8)).await;
    assert!(closed && response.starts_with("HTTP/1.1 200"), "{response}");
    // What the deaf one then reads is no whole answer.
    let (part, closed) = read_all(&mut deaf, Duration::from_secs(8)).await;
    assert!(closed && part.len() < 32 << 20, "{}", part.len());
}

/// LIM-08: one address cannot have every connection.
#[tokio::test]
async fn connections_per_address_are_limited() {
    let running =
        Running::start(|config| config.limits.connections_per_address = 2.try_into().unwrap()).await;
    let (mut first, second) = (running.connect().await, running.connect().await);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut third = running.connect().await;
    // Closed at once, so that the write may fail already.
    third.write_all(HEALTH).await.ok();
    let (response, closed) = read_all(&mut third, Duration::from_secs(3)).await;
    assert!(closed && response.is_empty(), "{response}");
    first.write_all(HEALTH).await.unwrap();
    assert!(read_all(&mut first, Duration::from_secs(3)).await.0.starts_with("HTTP/1.1 200"));
    drop((first, second));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut fourth = running.connect().await;
    fourth.write_all(HEALTH).await.unwrap();
    assert!(read_all(&mut fourth, Duration::from_secs(3)).await.0.starts_with("HTTP/1.1 200"));
}

/// LIM-08: a trusted proxy stands for many people.
#[tokio::test]
async fn trusted_proxies_are_exempt_from_the_connection_limit() {
    let running = Running::start(|config| {
        config.limits.connections_per_address = 1.try_into().unwrap();
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let _kept = (running.connect().await, running.connect().await);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut third = running.connect().await;
    third.write_all(HEALTH).await.unwrap();
    assert!(read_all(&mut third, Duration::from_secs(3)).await.0.starts_with("HTTP/1.1 200"));
}

// Threats: GW-28.
#[tokio::test]
async fn a_broken_chunk_of_the_client_is_no_fault_of_the_registry() {
    let fake = upstream(|_, _| respond(201, &[], "")).await;
    let running = Running::start(|config| {
        config.registries = vec![settings(&fake)];
        config.gateway.read_only = false;
    })
    .await;
    let path = format!("/r/{}/v2/team/app/manifests/latest", fake.authority);
    let mut stream = running.connect().await;
    let head = format!("PUT {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    stream.write_all(format!("{head}5\r\nlayer\r\nzz\r\n").as_bytes()).await.unwrap();
    let (response, closed) = read_all(&mut stream, Duration::from_secs(5)).await;
    assert!(closed && response.starts_with("HTTP/1.1 400"), "{response}");
    assert!(response.contains("\"code\":\"invalid_request\""), "{response}");
}

// Threats: LIM-03.
#[tokio::test]
async fn headers_of_the_longest_size_pass_with_the_longest_target() {
    let running = Running::start(|config| config.limits.header_bytes = 8_192).await;
    let target = format!("/{}", "a".repeat(8_191));
    let rest = "Host: localhost\r\nConnection: close\r\nX: \r\n";
    for (more, status) in [(0, "404"), (1, "431")] {
        let filler = "x".repeat(8_192 - rest.len() + more);
        let head = format!("GET {target} HTTP/1.1\r\n{}\r\n", rest.replace("X: ", &format!("X: {filler}")));
        let mut stream = running.connect().await;
        stream.write_all(head.as_bytes()).await.unwrap();
        let (response, closed) = read_all(&mut stream, Duration::from_secs(5)).await;
        assert!(closed, "{more}");
        assert_eq!(response.get(9..12), Some(status), "{response}");
    }
}
