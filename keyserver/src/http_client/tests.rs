use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dockpass_protocol::flow::TransportError;
use dockpass_protocol::origin::Origin;
use dockpass_tests::scripted::{Scripted, respond};
use http::Request;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{ClientLimits, DialPolicy, HttpClient, MAX_BODY, RequestBodyError, Timeouts, empty};
use crate::resolver::HostResolver;

const QUICK: Timeouts = Timeouts {
    connect: Duration::from_secs(1),
    response: Duration::from_millis(400),
    idle: Duration::from_millis(600),
};

fn client_for(origin: &str, timeouts: Timeouts) -> HttpClient {
    client_of(origin, &limits(timeouts))
}

fn limits(timeouts: Timeouts) -> ClientLimits {
    ClientLimits {
        timeouts,
        concurrency: 64.try_into().unwrap(),
        breaker_failures: None,
        requests_per_second: None,
    }
}

fn client_of(origin: &str, limits: &ClientLimits) -> HttpClient {
    let policy = DialPolicy::trusting(vec![Origin::parse(origin).unwrap()]);
    HttpClient::new(policy, limits, None, &HostResolver::system().unwrap()).unwrap()
}

async fn exchange(origin: &str) -> Result<http::Response<bytes::Bytes>, TransportError> {
    let request = Request::get(format!("{origin}/x")).body(empty()).unwrap();
    client_for(origin, QUICK).exchange(request).await
}

/// A server that answers every connection with these bytes and then does nothing, or closes.
async fn raw(bytes: Vec<u8>, close: bool) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let bytes = bytes.clone();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                assert!(stream.read(&mut buffer).await.is_ok_and(|length| length > 0));
                stream.write_all(&bytes).await.ok();
                if !close {
                    tokio::time::sleep(Duration::from_secs(30)).await;
                }
            });
        }
    });
    (origin, task)
}

// Threats: UPS-02, UPS-03, UPS-06.
#[tokio::test]
async fn malformed_responses_are_invalid() {
    let long_body =
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{}", MAX_BODY + 1, "x".repeat(MAX_BODY + 1));
    let long_head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(40_000));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(2_000));
    for (name, bytes) in [
        ("not HTTP", "SSH-2.0-OpenSSH_9.2\r\n".to_owned()),
        ("long body", long_body),
        ("long head", long_head),
        ("many headers", many),
        ("short body", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc".to_owned()),
        ("bad chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_owned()),
        ("encoded", "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 0\r\n\r\n".to_owned()),
    ] {
        let (origin, task) = raw(bytes.into_bytes(), true).await;
        assert_eq!(exchange(&origin).await.unwrap_err(), TransportError::Invalid, "{name}");
        task.abort();
    }
}

// Threats: GW-28, UPS-02, UPS-06.
#[tokio::test]
async fn responses_that_others_read_otherwise_are_invalid() {
    let interim = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
    let good = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    for (name, bytes) in [
        ("switching protocols", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n".to_owned()),
        ("600", "HTTP/1.1 600 X\r\ncontent-length: 0\r\n\r\n".to_owned()),
        ("999", "HTTP/1.1 999 X\r\ncontent-length: 0\r\n\r\n".to_owned()),
        ("205 with a body", "HTTP/1.1 205 Reset Content\r\ncontent-length: 2\r\n\r\nok".to_owned()),
        (
            "205 with chunks",
            "HTTP/1.1 205 Reset Content\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n".to_owned(),
        ),
        (
            "two lengths",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
                .to_owned(),
        ),
        (
            "two lengths, the other way round",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n"
                .to_owned(),
        ),
        ("a flood of interim responses", interim.repeat(500) + good),
        ("an endless flood", interim.repeat(50_000)),
    ] {
        let (origin, task) = raw(bytes.into_bytes(), false).await;
        assert_eq!(exchange(&origin).await.unwrap_err(), TransportError::Invalid, "{name}");
        let client = client_for(&origin, QUICK);
        let streamed = client.stream(Request::get(format!("{origin}/x")).body(empty()).unwrap()).await;
        assert_eq!(streamed.unwrap_err(), TransportError::Invalid, "{name}, streamed");
        task.abort();
    }
    // As servers send them.
    for bytes in
        [interim.repeat(3) + good, "HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n\r\n".to_owned()]
    {
        let (origin, task) = raw(bytes.clone().into_bytes(), false).await;
        assert!(exchange(&origin).await.is_ok(), "{bytes}");
        task.abort();
    }
}

// Threats: UPS-09.
#[tokio::test]
async fn a_registry_that_hangs_has_a_limited_number_of_requests() {
    let (origin, task) = raw(Vec::new(), false).await;
    let timeouts =
        Timeouts { connect: Duration::from_millis(300), response: Duration::from_secs(20), ..QUICK };
    let client = client_of(&origin, &ClientLimits { concurrency: 2.try_into().unwrap(), ..limits(timeouts) });
    let get = || Request::get(format!("{origin}/x")).body(empty()).unwrap();
    let hang = |streams: bool| {
        let (client, request) = (client.clone(), get());
        tokio::spawn(async move {
            if streams {
                client.stream(request).await.map(drop)
            } else {
                client.exchange(request).await.map(drop)
            }
        })
    };
    let streams = [hang(true), hang(true)];
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(client.stream(get()).await.unwrap_err(), TransportError::Busy);
    // A relayed request that needs a token gets one: the two kinds have places of their own.
    let exchanges = [hang(false), hang(false)];
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(client.exchange(get()).await.unwrap_err(), TransportError::Busy);
    // A caller that leaves gives its place back.
    streams.iter().chain(&exchanges).for_each(tokio::task::JoinHandle::abort);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let free = tokio::time::timeout(Duration::from_millis(600), client.exchange(get())).await;
    assert!(free.is_err(), "it waits for the registry again: {free:?}");
    task.abort();
}

#[tokio::test]
async fn a_place_is_taken_until_the_body_ends() {
    let fake = Scripted::start(|_, _| respond(200, &[], &"x".repeat(1 << 20))).await.unwrap();
    let origin = format!("http://{}", fake.authority);
    let client = client_of(&origin, &ClientLimits { concurrency: 1.try_into().unwrap(), ..limits(QUICK) });
    let get = || Request::get(format!("{origin}/x")).body(empty()).unwrap();
    let first = client.stream(get()).await.unwrap();
    assert_eq!(client.stream(get()).await.unwrap_err(), TransportError::Busy);
    assert_eq!(first.into_body().collect().await.unwrap().to_bytes().len(), 1 << 20);
    client.stream(get()).await.unwrap();
}

// Threats: UPS-09.
#[tokio::test]
async fn a_breaker_opens_for_silence_only() {
    let with_breaker =
        |failures: u32| ClientLimits { breaker_failures: failures.try_into().ok(), ..limits(QUICK) };
    let (origin, task) = raw(Vec::new(), false).await;
    let client = client_of(&origin, &with_breaker(2));
    let get = |origin: &str| Request::get(format!("{origin}/x")).body(empty()).unwrap();
    assert_eq!(client.exchange(get(&origin)).await.unwrap_err(), TransportError::Timeout);
    assert_eq!(client.stream(get(&origin)).await.unwrap_err(), TransportError::Timeout);
    let began = Instant::now();
    for _ in 0..50 {
        assert_eq!(client.exchange(get(&origin)).await.unwrap_err(), TransportError::Suspended);
        assert_eq!(client.stream(get(&origin)).await.unwrap_err(), TransportError::Suspended);
    }
    assert!(began.elapsed() < Duration::from_millis(400), "{:?}", began.elapsed());
    task.abort();

    // Responses of any kind, and faults of the caller, leave it closed.
    for status in [400, 401, 403, 404, 429, 500, 503] {
        let fake = Scripted::start(move |_, _| respond(status, &[], "")).await.unwrap();
        let origin = format!("http://{}", fake.authority);
        let client = client_of(&origin, &with_breaker(1));
        for _ in 0..3 {
            assert_eq!(client.exchange(get(&origin)).await.unwrap().status(), status);
        }
    }
    let (origin, task) = raw(b"garbage\r\n\r\n".to_vec(), true).await;
    let client = client_of(&origin, &with_breaker(1));
    for _ in 0..3 {
        assert_eq!(client.exchange(get(&origin)).await.unwrap_err(), TransportError::Invalid);
    }
    task.abort();
    let fake = Scripted::start(|_, _| respond(201, &[], "")).await.unwrap();
    let origin = format!("http://{}", fake.authority);
    let client = client_of(&origin, &with_breaker(1));
    let stalled = pieces(1, Duration::from_millis(1), true);
    let put = Request::put(format!("{origin}/x")).body(stalled).unwrap();
    assert_eq!(client.stream(put).await.unwrap_err(), TransportError::Timeout);
    assert_eq!(client.exchange(get(&origin)).await.unwrap().status(), 201);
}

// Threats: GW-28.
#[tokio::test]
async fn a_broken_request_body_is_the_callers_fault() {
    let fake = Scripted::start(|_, _| respond(201, &[], "")).await.unwrap();
    let origin = format!("http://{}", fake.authority);
    let broken = futures_util::stream::iter([
        Ok(http_body::Frame::data(bytes::Bytes::from_static(b"layer"))),
        Err(Box::<dyn std::error::Error + Send + Sync>::from(RequestBodyError("bad chunk".into()))),
    ]);
    let body = http_body_util::StreamBody::new(broken).boxed_unsync();
    let request = Request::put(format!("{origin}/x")).body(body).unwrap();
    assert_eq!(client_for(&origin, QUICK).stream(request).await.unwrap_err(), TransportError::RequestBody);
}

// Threats: UPS-01.
#[tokio::test]
async fn stalled_responses_time_out() {
    for bytes in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"] {
        let (origin, task) = raw(bytes.as_bytes().to_vec(), false).await;
        let began = Instant::now();
        assert_eq!(exchange(&origin).await.unwrap_err(), TransportError::Timeout, "{bytes}");
        assert!(began.elapsed() < Duration::from_secs(3));
        task.abort();
    }
}

#[tokio::test]
async fn refused_connections_and_missing_tls_are_distinguished() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(exchange(&format!("http://{address}")).await.unwrap_err(), TransportError::Unreachable);
    let (origin, task) = raw(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), true).await;
    assert_eq!(exchange(&origin.replace("http:", "https:")).await.unwrap_err(), TransportError::Tls);
    task.abort();
}

// Threats: SSRF-07, UPS-08.
#[tokio::test]
async fn redirects_are_not_followed_and_cookies_are_forgotten() {
    for status in [301, 302, 303, 307, 308] {
        let fake = Scripted::start(move |_, _| respond(status, &[("location", "/y")], "")).await.unwrap();
        let origin = format!("http://{}", fake.authority);
        assert_eq!(exchange(&origin).await.unwrap().status(), status);
        assert_eq!(fake.received().len(), 1);
    }
    let fake = Scripted::start(|_, _| respond(200, &[("set-cookie", "sid=1")], "")).await.unwrap();
    let origin = format!("http://{}", fake.authority);
    let client = client_for(&origin, QUICK);
    for _ in 0..2 {
        client.exchange(Request::get(format!("{origin}/x")).body(empty()).unwrap()).await.unwrap();
    }
    assert!(fake.received().iter().all(|received| received.header("cookie").is_none()));
}

/// A server that counts its connections, answers each request on them, and after so many closes without a word. The
/// receiver gets the time at which the client closed one.
async fn counting(requests: usize) -> (String, Arc<AtomicUsize>, UnboundedReceiver<Instant>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let (connections, (closed, receiver)) = (Arc::<AtomicUsize>::default(), unbounded_channel());
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::Relaxed);
            let closed = closed.clone();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                for _ in 0..requests {
                    if stream.read(&mut buffer).await.unwrap_or(0) == 0 {
                        return closed.send(Instant::now()).unwrap();
                    }
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
                }
                // The next request is read, so that its connection was open when it was sent.
                assert!(stream.read(&mut buffer).await.is_ok());
            });
        }
    });
    (origin, connections, receiver)
}

#[tokio::test]
async fn connections_with_a_password_are_reused_briefly_and_closed() {
    let (origin, connections, mut closed) = counting(100).await;
    let client = client_for(&origin, QUICK);
    for _ in 0..3 {
        client.exchange(Request::get(format!("{origin}/x")).body(empty()).unwrap()).await.unwrap();
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);
    let last = Instant::now();
    let closed = tokio::time::timeout(Duration::from_secs(5), closed.recv()).await.unwrap().unwrap();
    assert!(closed - last < Duration::from_secs(1), "{:?}", closed - last);
}

#[tokio::test]
async fn a_token_request_is_repeated_when_the_server_closed_a_waiting_connection() {
    let (origin, connections, _) = counting(1).await;
    let client = client_for(&origin, QUICK);
    for _ in 0..4 {
        client.exchange(Request::get(format!("{origin}/x")).body(empty()).unwrap()).await.unwrap();
    }
    assert_eq!(connections.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn a_request_that_must_not_be_repeated_has_a_connection_of_its_own() {
    let (origin, connections, mut closed) = counting(100).await;
    let client = client_for(&origin, QUICK);
    for _ in 0..2 {
        let body =
            http_body_util::Full::from("refresh_token=1").map_err(|never| match never {}).boxed_unsync();
        client.exchange(Request::post(format!("{origin}/x")).body(body).unwrap()).await.unwrap();
        tokio::time::timeout(Duration::from_secs(2), closed.recv()).await.unwrap().unwrap();
    }
    assert_eq!(connections.load(Ordering::Relaxed), 2);
}

/// A body of so many pieces, one after each pause; it never ends when it is to hang.
fn pieces(count: u8, pause: Duration, hangs: bool) -> super::UpstreamBody {
    use http_body_util::{BodyExt, StreamBody};
    let stream = futures_util::stream::unfold(0, move |sent| async move {
        if sent == count {
            if hangs {
                std::future::pending::<()>().await;
            }
            return None;
        }
        tokio::time::sleep(pause).await;
        let piece = http_body::Frame::data(bytes::Bytes::from_static(b"layer"));
        Some((Ok::<_, Box<dyn std::error::Error + Send + Sync>>(piece), sent + 1))
    });
    StreamBody::new(stream).boxed_unsync()
}

/// LIM-02: the time for the answer begins when the request is out, however long that took.
#[tokio::test]
async fn an_upload_may_take_longer_than_a_response() {
    let fake =
        Scripted::start(|_, received| respond(201, &[], &received.body.len().to_string())).await.unwrap();
    let origin = format!("http://{}", fake.authority);
    // Six times 150 ms, where an answer has 400 ms and a pause 600 ms.
    let request =
        Request::put(format!("{origin}/x")).body(pieces(6, Duration::from_millis(150), false)).unwrap();
    let response = client_for(&origin, QUICK).stream(request).await.unwrap();
    assert_eq!(response.status(), 201);
    assert_eq!(fake.received()[0].body.len(), 30);
}

/// LIM-02, UPS-01: a body that stands still is given up, and so is a registry that says nothing after its end.
#[tokio::test]
async fn a_stalled_upload_times_out() {
    let fake = Scripted::start(|_, _| respond(201, &[], "")).await.unwrap();
    let origin = format!("http://{}", fake.authority);
    let (silent, task) = raw(Vec::new(), false).await;
    for (origin, body) in [
        (&origin, pieces(2, Duration::from_millis(10), true)),
        (&silent, pieces(2, Duration::from_millis(10), false)),
        (&silent, empty()),
    ] {
        let request = Request::put(format!("{origin}/x")).body(body).unwrap();
        let waiting = client_for(origin, QUICK);
        let waiting = tokio::time::timeout(Duration::from_secs(5), waiting.stream(request));
        assert_eq!(waiting.await.unwrap().unwrap_err(), TransportError::Timeout);
    }
    task.abort();
}

/// UPS-01: a registry that stops reading in the middle.
#[tokio::test]
async fn an_upload_to_a_registry_that_does_not_read_times_out() {
    let (origin, task) = raw(Vec::new(), false).await;
    let piece = bytes::Bytes::from(vec![0; 1 << 20]);
    let stream = futures_util::stream::repeat_with(move || {
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(http_body::Frame::data(piece.clone()))
    });
    let body = http_body_util::StreamBody::new(stream).boxed_unsync();
    let request = Request::put(format!("{origin}/x")).body(body).unwrap();
    let client = client_for(&origin, QUICK);
    let waiting = tokio::time::timeout(Duration::from_secs(5), client.stream(request));
    assert_eq!(waiting.await.unwrap().unwrap_err(), TransportError::Timeout);
    task.abort();
}
