//! The HTTP interface, request by request: the router without sockets, a clock that stands still, and upstream servers whose
//! responses each test writes.

mod availability;
mod connections;
mod discovery;
mod filters;
mod gateway;
mod guard;
mod logout;
mod openapi;
mod page;
mod quirks;
mod sessions;
mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use dockpass_keyserver::clock::{Clock, ManualClock};
use dockpass_keyserver::config::RegistrySettings;
use dockpass_keyserver::{AppState, Builder, Settings};
use dockpass_tests::scripted::{Request, Response, Scripted, respond};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::server::shared_key;

/// 2026-11-23T12:00:00Z.
pub(crate) const NOW_MS: i64 = 1_795_435_200_000;

/// Starts an upstream server; see [`Scripted::start`].
pub(crate) async fn upstream(
    response: impl Fn(&str, &Request) -> Response + Send + Sync + 'static,
) -> Scripted {
    Scripted::start(response).await.unwrap()
}

/// Its entry in the settings.
pub(crate) fn settings(upstream: &Scripted) -> RegistrySettings {
    RegistrySettings::at("R", format!("http://{}", upstream.authority).parse().unwrap()).unwrap()
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
pub(crate) fn token_registry(own: &str, received: &Request) -> Response {
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
pub(crate) fn basic_registry(_own: &str, received: &Request) -> Response {
    match received.header("authorization") {
        Some(value) if value == basic() => resource(received),
        _ => respond(
            401,
            &[("www-authenticate", "Basic realm=\"fake\""), ("content-type", "application/json")],
            "{}",
        ),
    }
}

fn resource(received: &Request) -> Response {
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

/// A key server whose clock stands still.
#[derive(Debug)]
pub(crate) struct TestServer {
    pub(crate) state: AppState,
    pub(crate) clock: Arc<ManualClock>,
    app: Router,
}

impl TestServer {
    pub(crate) fn with(registries: &[&Scripted]) -> Self {
        Self::configured(registries, |_| {})
    }

    pub(crate) fn configured(registries: &[&Scripted], change: impl FnOnce(&mut Settings)) -> Self {
        Self::built(registries, change, |builder| builder)
    }

    pub(crate) fn built(
        registries: &[&Scripted],
        change: impl FnOnce(&mut Settings),
        build: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let registries = registries.iter().map(|one| settings(one)).collect();
        let mut config = Settings { registries, ..Settings::default() };
        config.session.key_files = vec![shared_key()];
        change(&mut config);
        let clock = Arc::new(ManualClock::at(NOW_MS));
        let builder = Builder::new(config).clock(Arc::clone(&clock) as Arc<dyn Clock>);
        let state = build(builder).build().unwrap();
        let app = dockpass_keyserver::router(state.clone());
        Self { state, clock, app }
    }

    pub(crate) async fn send(&self, request: http::Request<Body>) -> ApiResponse {
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
    pub(crate) async fn login(&self, fake: &Scripted) -> String {
        let response = self.post("/v1/sessions", &[], &login_body(fake)).await;
        assert_eq!(response.status, StatusCode::OK, "{response:?}");
        format!("Bearer {}", response.json()["session"].as_str().unwrap())
    }
}

pub(crate) fn login_body(fake: &Scripted) -> Value {
    json!({"registry": fake.authority, "username": USER, "password": PASSWORD})
}

pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> http::Request<Body> {
    let mut builder = http::Request::builder().method(method).uri(path);
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
