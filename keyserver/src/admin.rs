//! The admin listener: metrics and health for the operator, on an address of its own.
//!
//! It is not for clients: it has no authentication, and by default listens on loopback. Its responses contain no secret,
//! but they show which registries are used and how much.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::config::{AdminSettings, DEFAULT_ADMIN};
use crate::state::AppState;
use crate::{metrics, own_address};

/// Connections that are served at one time; an operator needs few.
const MAX_CONNECTIONS: usize = 32;
/// Time for the head of a request, and between requests of one connection.
const IDLE: Duration = Duration::from_mins(1);
/// Pause after an error of the listener that would recur at once.
const AFTER_ERROR: Duration = Duration::from_millis(100);

/// A bound admin listener that does not serve yet.
#[derive(Debug)]
pub(crate) struct Admin {
    listener: TcpListener,
    address: SocketAddr,
}

impl Admin {
    /// Binds the configured address; `None` when the listener is turned off. If the default address is in use, most
    /// likely by another instance, that is only logged, so that several instances start on one machine without a
    /// configuration.
    ///
    /// # Errors
    /// The configured address and the system's reason.
    pub(crate) async fn bind(settings: &AdminSettings) -> Result<Option<Self>, (SocketAddr, io::Error)> {
        let Some(wanted) = settings.listen else { return Ok(None) };
        let bound = async {
            let listener = TcpListener::bind(wanted).await?;
            let address = listener.local_addr()?;
            Ok(Self { listener, address })
        };
        match bound.await {
            Ok(admin) => {
                tracing::info!(address = %admin.address, "admin listener: /metrics, /healthz, /readyz");
                Ok(Some(admin))
            }
            Err(error) if wanted == DEFAULT_ADMIN => {
                tracing::warn!(
                    address = %wanted, reason = %error,
                    "there is no admin listener, because its default address cannot be used; set admin.listen"
                );
                Ok(None)
            }
            Err(error) => Err((wanted, error)),
        }
    }

    /// The bound address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until it is dropped.
    pub(crate) async fn serve(self, state: AppState) {
        let is_local = self.address.ip().is_loopback();
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(IDLE);
        let mut connections = JoinSet::new();
        loop {
            while connections.len() >= MAX_CONNECTIONS {
                connections.join_next().await;
            }
            while connections.try_join_next().is_some() {}
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(reason = %error.kind(), "accepting an admin connection failed");
                    tokio::time::sleep(AFTER_ERROR).await;
                    continue;
                }
            };
            let state = state.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let response =
                    respond(&state, is_local, request.method(), request.uri().path(), request.headers());
                async move { Ok::<_, Infallible>(response) }
            });
            let connection = http.serve_connection(TokioIo::new(stream), service);
            // A lost connection is not an error of the server.
            connections.spawn(async move { connection.await.ok() });
        }
    }
}

fn respond(state: &AppState, is_local: bool, method: &Method, path: &str, headers: &HeaderMap) -> Response {
    if is_local && !own_address::is_local_host(headers) {
        return text(StatusCode::FORBIDDEN, "this listener is for programs on its own machine\n");
    }
    if method != Method::GET && method != Method::HEAD {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "GET and HEAD only\n");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match path {
        "/metrics" => match metrics::text(state) {
            Ok(metrics) => {
                let mut response = text(StatusCode::OK, metrics);
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(metrics::MEDIA_TYPE));
                response
            }
            Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written\n"),
        },
        "/healthz" => text(StatusCode::OK, "ok\n"),
        "/readyz" if state.is_ready() => text(StatusCode::OK, "ready\n"),
        "/readyz" => text(StatusCode::SERVICE_UNAVAILABLE, "shutting down\n"),
        _ => text(StatusCode::NOT_FOUND, "/metrics, /healthz, /readyz\n"),
    }
}

fn text(status: StatusCode, body: impl Into<Body>) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, body.into()).into_response()
}
