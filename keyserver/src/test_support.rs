//! What the tests of this crate share: a fake upstream on loopback, a server state, requests.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use axum::Router;
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::ServiceExt;

use crate::clock::{Clock, ManualClock};
use crate::config::{RegistrySettings, Settings};
use crate::state::{AppState, Builder};

/// 2026-11-23T12:00:00Z.
pub(crate) const NOW_MS: i64 = 1_795_435_200_000;

/// A request as an upstream saw it.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedRequest {
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl ReceivedRequest {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }
}

/// A server on loopback that answers as a function says, and remembers what it was asked.
#[derive(Debug)]
pub(crate) struct Fake {
    pub(crate) authority: String,
    received: Arc<Mutex<Vec<ReceivedRequest>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) type FakeResponse = Response<Full<Bytes>>;

impl Fake {
    /// Starts one; the function also gets the fake's own `host:port`.
    pub(crate) async fn start(
        response: impl Fn(&str, &ReceivedRequest) -> FakeResponse + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let received = Arc::new(Mutex::new(Vec::new()));
        let response = Arc::new(response);
        let (log, own) = (Arc::clone(&received), authority.clone());
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (response, log, own) = (Arc::clone(&response), Arc::clone(&log), own.clone());
                let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                    let (response, log, own) = (Arc::clone(&response), Arc::clone(&log), own.clone());
                    async move {
                        let (head, body) = request.into_parts();
                        let body =
                            body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
                        let target = head.uri.to_string();
                        let received = ReceivedRequest { target, headers: head.headers, body };
                        log.lock().unwrap().push(received.clone());
                        Ok::<_, Infallible>(response(&own, &received))
                    }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .auto_date_header(false)
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(async move { connection.await.ok() });
            }
        });
        Self { authority, received, task }
    }

    /// Its entry in the settings.
    pub(crate) fn settings(&self) -> RegistrySettings {
        registry_settings(&format!("http://{}", self.authority))
    }

    /// What it was asked so far.
    pub(crate) fn received(&self) -> Vec<ReceivedRequest> {
        self.received.lock().unwrap().clone()
    }

    /// How often this path was asked.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.received().iter().filter(|received| received.path() == path).count()
    }

    pub(crate) fn forget(&self) {
        self.received.lock().unwrap().clear();
    }
}

pub(crate) fn respond(status: u16, headers: &[(&str, &str)], body: &str) -> FakeResponse {
    let mut builder = Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap()
}

/// A JWT that nobody has signed.
pub(crate) fn jwt(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!(
        "{}.{}.{}",
        part(&json!({"alg": "RS256", "typ": "JWT"})),
        part(claims),
        URL_SAFE_NO_PAD.encode("signature")
    )
}

pub(crate) const USER: &str = "ada";
pub(crate) const PASSWORD: &str = "analytical-engine";

/// `Basic` of [`USER`] and [`PASSWORD`].
pub(crate) fn basic() -> String {
    format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")))
}

/// Answers as a registry with a token service on its own origin does, for one user who may pull everything.
pub(crate) fn token_registry(own: &str, received: &ReceivedRequest) -> FakeResponse {
    let challenge = format!("Bearer realm=\"http://{own}/token\",service=\"fake\"");
    if received.path() == "/token" {
        let named = match received.header("authorization") {
            None => return respond(401, &[("www-authenticate", "Basic realm=\"fake\"")], "{}"),
            Some(value) => value == basic(),
        };
        if !named {
            return respond(401, &[], "{\"errors\":[{\"code\":\"UNAUTHORIZED\"}]}");
        }
        let query = received.target.split_once('?').map_or("", |(_, query)| query);
        let access: Vec<Value> = query
            .split('&')
            .filter_map(|pair| pair.strip_prefix("scope="))
            .map(|scope| scope.replace("%3A", ":").replace("%2F", "/").replace("%2C", ","))
            .map(|scope| {
                let parts: Vec<&str> = scope.splitn(3, ':').collect();
                json!({"type": parts[0], "name": parts[1], "actions": ["pull"]})
            })
            .collect();
        let now = NOW_MS / 1_000;
        let token = jwt(
            &json!({"iss": "fake", "sub": USER, "aud": "fake", "iat": now, "nbf": now, "exp": now + 300, "access": access}),
        );
        return respond(
            200,
            &[("content-type", "application/json")],
            &json!({"token": token, "expires_in": 300}).to_string(),
        );
    }
    match received.header("authorization") {
        Some(value) if value.starts_with("Bearer ey") => resource(received),
        _ => respond(401, &[("www-authenticate", &challenge), ("content-type", "application/json")], "{}"),
    }
}

/// Answers as a registry with passwords of its own does.
pub(crate) fn basic_registry(_own: &str, received: &ReceivedRequest) -> FakeResponse {
    match received.header("authorization") {
        Some(value) if value == basic() => resource(received),
        _ => respond(
            401,
            &[("www-authenticate", "Basic realm=\"fake\""), ("content-type", "application/json")],
            "{}",
        ),
    }
}

fn resource(received: &ReceivedRequest) -> FakeResponse {
    let json = ("content-type", "application/json");
    match received.path() {
        "/v2/" => respond(200, &[json, ("docker-distribution-api-version", "registry/2.0")], "{}"),
        "/v2/_catalog" => {
            let link = "</v2/_catalog?last=a&n=1>; rel=\"next\"";
            respond(
                200,
                &[json, ("link", link), ("set-cookie", "sid=1"), ("server", "fake")],
                "{\"repositories\":[\"a\"]}",
            )
        }
        _ => respond(404, &[json], "{\"errors\":[{\"code\":\"NAME_UNKNOWN\"}]}"),
    }
}

/// One key for all tests, kept below the target folder; making one takes longer than most tests.
pub(crate) fn key_file() -> PathBuf {
    static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = Path::new(env!("OUT_DIR"));
        let file = folder.join("test-key.pem");
        if !file.exists() {
            // Another process may do the same at this moment; a rename is never half done.
            let own = folder.join(format!("test-key-{}.pem", std::process::id()));
            crate::session::keyring::generate_file(&own, 2_048).unwrap();
            std::fs::rename(own, &file).unwrap();
        }
        file
    });
    FILE.clone()
}

/// A server whose clock stands still, and whose registries are these fakes.
#[derive(Debug)]
pub(crate) struct TestServer {
    pub(crate) state: AppState,
    pub(crate) clock: Arc<ManualClock>,
    app: Router,
}

impl TestServer {
    pub(crate) fn with(registries: &[&Fake]) -> Self {
        Self::configured(registries, |_| {})
    }

    pub(crate) fn configured(registries: &[&Fake], change: impl FnOnce(&mut Settings)) -> Self {
        let registries = registries.iter().map(|fake| fake.settings()).collect();
        let mut config = Settings { registries, ..Settings::default() };
        config.session.key_files = vec![key_file()];
        change(&mut config);
        let clock = Arc::new(ManualClock::at(NOW_MS));
        let state = Builder::new(config).clock(Arc::clone(&clock) as Arc<dyn Clock>).build().unwrap();
        let app = crate::router(state.clone());
        Self { state, clock, app }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> ApiResponse {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        ApiResponse { status: head.status, headers: head.headers, body }
    }

    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> ApiResponse {
        self.send(request("GET", path, headers, Body::empty())).await
    }

    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> ApiResponse {
        let mut all = vec![("content-type", "application/json")];
        all.extend_from_slice(headers);
        self.send(request("POST", path, &all, Body::from(body.to_string()))).await
    }

    /// Logs in and gives the session as the value of `Authorization`.
    pub(crate) async fn login(&self, fake: &Fake) -> String {
        let response = self.post("/v1/sessions", &[], &login_body(fake)).await;
        assert_eq!(response.status, StatusCode::OK, "{response:?}");
        format!("Bearer {}", response.json()["session"].as_str().unwrap())
    }
}

/// The settings of a registry at this URL.
pub(crate) fn registry_settings(url: &str) -> RegistrySettings {
    RegistrySettings::at("R", url.parse().unwrap()).unwrap()
}

pub(crate) fn login_body(fake: &Fake) -> Value {
    json!({"registry": fake.authority, "username": USER, "password": PASSWORD})
}

pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> Request<Body> {
    let mut builder = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(body).unwrap()
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct ApiResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl ApiResponse {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Asserts that this is the problem document of this code.
    #[track_caller]
    pub(crate) fn assert_problem(&self, code: &str) {
        let json = self.json();
        assert_eq!(json["code"], code, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(json["status"], self.status.as_u16());
        assert_eq!(json["request_id"].as_str(), self.header("x-request-id"));
        assert_eq!(self.header("cache-control"), Some("no-store"));
    }
}

/// Asserts that a file of the repository holds this text, or writes it where `UPDATE` is set in the environment.
#[track_caller]
pub(crate) fn committed(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, text).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == text,
        "{path} is not what the code generates; write it with `UPDATE=1 cargo test -p dockpass-keyserver committed`"
    );
}
