//! What a token from the cache costs, beside the least that an axum service can do, and how many RSA operations.
//!
//! In the process and without sockets, so that the two differ only in what we do. Printed, not asserted.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark is a program for people"
)]

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dockpass_keyserver::config::RegistrySettings;
use dockpass_keyserver::{AppState, Settings, router};
use http::{Request, Response};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

const ROUNDS: u32 = 20_000;
const BATCH: u32 = 500;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run());
}

async fn run() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let registry = listener.local_addr().unwrap().to_string();
    tokio::spawn(serve_registry(listener, registry.clone()));
    let origin = format!("http://{registry}").parse().unwrap();
    let config =
        Settings { registries: vec![RegistrySettings::at("Bench", origin).unwrap()], ..Settings::default() };
    let state = AppState::new(config).unwrap();
    let app = router(state.clone());
    let login = format!(r#"{{"registry":"{registry}","username":"ada","password":"engine"}}"#);
    let response = send(&app, post("/v1/sessions", None, login)).await;
    let session = response["session"].as_str().unwrap().to_owned();
    let request = format!(r#"{{"registry":"{registry}","scopes":["repository:team/app:pull"]}}"#);
    let cold = Instant::now();
    let first = send(&app, post("/v1/token", Some(&session), request.clone())).await;
    assert!(first["token"].is_string(), "{first}");
    println!("cold token            {:>9.1?} (one RSA operation, one request)", cold.elapsed());

    let hello = Router::new().route("/hello", get(|| async { "hello" }));
    let before = state.private_operations();
    let plain = measure(&hello, || Request::get("/hello").body(Body::empty()).unwrap()).await;
    let health = measure(&app, || Request::get("/healthz").body(Body::empty()).unwrap()).await;
    let hit = measure(&app, || post("/v1/token", Some(&session), request.clone())).await;
    let operations = state.private_operations() - before;
    println!("hello, bare axum      {plain:>9.1?} per request");
    println!("healthz               {health:>9.1?} per request ({:.1} times hello)", ratio(health, plain));
    println!("token from the cache  {hit:>9.1?} per request ({:.1} times hello)", ratio(hit, plain));
    println!("RSA operations per hit: {}", f64::from(u32::try_from(operations).unwrap()) / f64::from(ROUNDS));
}

fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64()
}

/// The least-disturbed batch, per request.
async fn measure(app: &Router, request: impl Fn() -> Request<Body>) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS / BATCH {
        let began = Instant::now();
        for _ in 0..BATCH {
            let response: Response<Body> = app.clone().oneshot(request()).await.unwrap();
            assert!(response.status().is_success());
            response.into_body().collect().await.unwrap();
        }
        best = best.min(began.elapsed() / BATCH);
    }
    best
}

fn post(path: &str, session: Option<&str>, body: String) -> Request<Body> {
    let mut builder = Request::post(path).header("content-type", "application/json");
    if let Some(session) = session {
        builder = builder.header("authorization", format!("Bearer {session}"));
    }
    builder.body(Body::from(body)).unwrap()
}

async fn send(app: &Router, request: Request<Body>) -> serde_json::Value {
    let response = app.clone().oneshot(request).await.unwrap();
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

/// A registry with a token service on its own origin; every password but the control probe's is good.
async fn serve_registry(listener: TcpListener, own: String) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(response(stream, own.clone()));
    }
}

async fn response(mut stream: TcpStream, own: String) {
    let mut buffer = vec![0; 8_192];
    let length = stream.read(&mut buffer).await.unwrap_or(0);
    let request = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).to_ascii_lowercase();
    let (status, extra, body) = if !request.starts_with("get /token") {
        (
            "401 Unauthorized",
            format!("www-authenticate: Bearer realm=\"http://{own}/token\",service=\"bench\"\r\n"),
            "{}".to_owned(),
        )
    } else if request.contains("authorization: basic ywrhomvuz2luzq==") {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let claims = r#"{"sub":"ada","aud":"bench","exp":4102444800,"access":[{"type":"repository","name":"team/app","actions":["pull"]}]}"#;
        let token = format!("{}.{}.{}", part(r#"{"alg":"RS256"}"#), part(claims), part(&"s".repeat(256)));
        ("200 OK", String::new(), format!(r#"{{"token":"{token}","expires_in":300}}"#))
    } else {
        ("401 Unauthorized", "www-authenticate: Basic realm=\"bench\"\r\n".to_owned(), "{}".to_owned())
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{extra}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.ok();
}
