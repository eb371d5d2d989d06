use std::time::Duration;

use bytes::Bytes;
use dockpass_protocol::origin::Origin;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{IdleBody, Target};
use crate::http_client::empty;
use crate::http_client::{ClientLimits, DialPolicy, HttpClient, StreamedBody, Timeouts};
use crate::resolver::HostResolver;

#[test]
fn the_target_is_sent_as_it_was_matched() {
    for (path, query) in
        [("/v2/", None), ("/v2/a/tags/list", Some("n=1&last=b%20c")), ("/v2/a/b/manifests/v1.0", None)]
    {
        let target = Target::parse("GET", path, query).unwrap();
        let expected = query.map_or(path.to_owned(), |query| format!("{path}?{query}"));
        assert_eq!(target.to_string(), expected);
    }
    assert!(Target::parse("GET", "/v2/", Some(&"x".repeat(5_000))).is_err());
}

/// The body of a response whose bytes come as this script says.
async fn body_of(script: &'static [(&'static str, u64)], limit: Duration) -> IdleBody<StreamedBody> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
        for (text, pause) in script {
            stream.write_all(text.as_bytes()).await.ok();
            tokio::time::sleep(Duration::from_millis(*pause)).await;
        }
    });
    let timeouts = Timeouts {
        connect: Duration::from_secs(1),
        response: Duration::from_secs(2),
        idle: Duration::from_secs(2),
    };
    let limits = ClientLimits {
        timeouts,
        concurrency: 8.try_into().unwrap(),
        breaker_failures: None,
        requests_per_second: None,
    };
    let policy = DialPolicy::trusting(vec![Origin::parse(&origin).unwrap()]);
    let client = HttpClient::new(policy, &limits, None, &HostResolver::system().unwrap()).unwrap();
    let response =
        client.stream(http::Request::get(format!("{origin}/")).body(empty()).unwrap()).await.unwrap();
    IdleBody::new(response.into_body(), limit)
}

// Threats: GW-03, GW-21.
#[tokio::test]
async fn a_slow_body_passes_and_a_stalled_one_is_aborted() {
    let slow = body_of(
        &[("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nab", 150), ("cd", 150), ("ef", 0)],
        Duration::from_millis(400),
    )
    .await;
    assert_eq!(slow.collect().await.unwrap().to_bytes(), Bytes::from("abcdef"));
    let still =
        body_of(&[("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nab", 5_000)], Duration::from_millis(200))
            .await;
    let began = std::time::Instant::now();
    assert!(still.collect().await.is_err());
    assert!(began.elapsed() < Duration::from_secs(3));
    let short =
        body_of(&[("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nab", 0)], Duration::from_secs(1)).await;
    assert!(short.collect().await.is_err(), "a part is not the whole");
    let trailers = body_of(
        &[("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nset-cookie: x\r\n\r\n", 0)],
        Duration::from_secs(1),
    )
    .await;
    let collected = trailers.collect().await.unwrap();
    assert!(collected.trailers().is_none());
    assert_eq!(collected.to_bytes(), Bytes::from("ab"));
}
