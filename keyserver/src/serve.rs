//! The listener: binding, accepting connections, and shutting down.
//!
//! The accept loop is our own, because the protection from slow clients (a timeout for headers, a limit on
//! connections) is set per connection. HTTP/1.1 only, with TLS if it is configured: a reverse proxy provides HTTP/2.

mod connection_limiter;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::Uri;
use http::uri::PathAndQuery;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;

use crate::admin::Admin;
use crate::config::{BasePath, Settings};
use crate::figures::Limit;
use crate::handlers::Peer;
use crate::middleware::{App, MAX_REQUEST_LINE};
use crate::state::{AppState, Builder, StartError};
use connection_limiter::ConnectionLimiter;

/// Pause of the accept loop after an error that would recur at once, such as too few file descriptors.
const AFTER_ERROR: Duration = Duration::from_millis(100);

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address is in use, or does not belong to this machine.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// The system's error.
        reason: io::Error,
    },
    /// Keys or registries.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// A bound server that does not serve yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    admin: Option<Admin>,
    state: AppState,
}

impl Server {
    /// Binds the configured address (port 0 takes any free one) and builds everything behind it.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn bind(settings: Settings) -> Result<Self, ServeError> {
        Self::bind_with(Builder::new(settings)).await
    }

    /// As [`Server::bind`], with a builder that may hold another clock.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn bind_with(builder: Builder) -> Result<Self, ServeError> {
        let wanted = builder.settings().listen;
        let failed = |reason| ServeError::Listen { address: wanted, reason };
        let listener = TcpListener::bind(wanted).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let admin = Admin::bind(&builder.settings().admin).await;
        let admin = admin.map_err(|(address, reason)| ServeError::Listen { address, reason })?;
        // The actual port, because our own origin contains it.
        let state = builder.listening_on(address).build()?;
        Ok(Self { listener, address, admin, state })
    }

    /// The bound address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The bound address of the admin listener, if there is one.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Admin::address)
    }

    /// The shared state.
    pub fn state(&self) -> &AppState {
        &self.state
    }

    /// Serves until `stop` completes, then gives requests in flight `limits.stop_seconds` to finish.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        // Until the end, so that the operator sees how it goes.
        let admin = self.admin.map(|admin| tokio::spawn(admin.serve(self.state.clone())));
        serve(self.listener, self.state, stop).await;
        if let Some(admin) = admin {
            admin.abort();
        }
    }
}

/// Serves this listener until `stop` completes. Then `/readyz` fails; after `limits.drain_seconds`, which load
/// balancers need to notice, no new connections are accepted, idle ones are closed, and requests in flight have
/// `limits.stop_seconds` to finish.
pub async fn serve(listener: TcpListener, state: AppState, stop: impl Future<Output = ()>) {
    let limits = state.settings.limits.clone();
    let app = App::new(state.clone());
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(limits.connections.get()));
    let connection_limiter =
        ConnectionLimiter::new(limits.connections_per_address, state.settings.trusted_proxies.clone());
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        // `limits.header_bytes` itself is checked to the octet, once the head is parsed.
        .max_buf_size(limits.header_bytes.saturating_add(MAX_REQUEST_LINE))
        .keep_alive(true);
    let mut stop = std::pin::pin!(async {
        stop.await;
        state.stop_being_ready();
        tracing::info!("shutting down");
        tokio::time::sleep(limits.drain_time).await;
    });
    loop {
        let next = async {
            // At the limit no connection is accepted; clients wait in the listener's queue.
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            () = &mut stop => break,
            next = next => next,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(reason = %error.kind(), "accepting a connection failed");
                tokio::time::sleep(AFTER_ERROR).await;
                continue;
            }
        };
        // Closed instead of left waiting, because it would block others in the listener's queue.
        let Some(permit) = connection_limiter.acquire(peer.ip()) else {
            state.limits_hit.hit(Limit::Connections);
            continue;
        };
        state.connections.accepted.add();
        // Small responses must not be delayed by Nagle's algorithm; without the option they are only slower.
        stream.set_nodelay(true).ok();
        let (http, app, state) = (http.clone(), app.clone(), state.clone());
        let watcher = graceful.watcher();
        let handshake_limit = limits.header_timeout;
        let stream = bounded(stream, limits.idle_timeout);
        tokio::spawn(async move {
            let _open = state.connections.open.enter();
            // A lost connection is not an error of the server, and there is nobody to report it to.
            if let Some(tls) = &state.tls {
                let handshake = tokio::time::timeout(handshake_limit, tls.acceptor().accept(stream)).await;
                if let Ok(Ok(stream)) = handshake {
                    watcher.watch(connection(&http, stream, peer, app, &state)).await.ok();
                }
            } else {
                watcher.watch(connection(&http, stream, peer, app, &state)).await.ok();
            }
            drop((permit, slot));
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.stop_time, graceful.shutdown()).await.is_err() {
        tracing::warn!("shutdown timed out: some requests were cut off");
    }
}

/// A connection on which a write that waits too long for the other end fails. hyper limits how long a client may take to
/// send a request, not how long it may take to read the response; without a limit, a client that never reads keeps its
/// connection for ever.
type Bounded = Pin<Box<TimeoutStream<TcpStream>>>;

fn bounded(stream: TcpStream, limit: Duration) -> Bounded {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limit));
    Box::pin(stream)
}

/// The service of one connection: the router, with the peer's address in each request, and paths without the base path.
fn connection<S>(
    http: &http1::Builder,
    stream: S,
    peer: SocketAddr,
    app: App,
    state: &AppState,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Send + use<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let state = state.clone();
    let service = service_fn(move |request: http::Request<Incoming>| {
        let (app, state) = (app.clone(), state.clone());
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Peer(peer));
            strip_base_path(&state.base_path, request.uri_mut());
            Ok::<_, Infallible>(app.respond(request).await)
        }
    });
    http.serve_connection(TokioIo::new(stream), service)
}

/// Removes the base path of a proxy that passes paths on as they are.
fn strip_base_path(base: &BasePath, uri: &mut Uri) {
    let Some(rest) = base.strip(uri.path()) else { return };
    let target = match uri.query() {
        Some(query) => format!("{rest}?{query}"),
        None => rest.to_owned(),
    };
    // The rest of a good target is one; if not, no route has the path.
    if let Ok(stripped) = target.parse::<PathAndQuery>() {
        *uri = stripped.into();
    }
}
