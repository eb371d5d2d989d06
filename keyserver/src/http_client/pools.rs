//! The connections to a registry and its token services, by what is sent on them.

use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{Method, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::UpstreamBody;
use super::dial::Dialer;
use super::error::is_closed_early;
use super::response::MAX_HEAD;

/// What is read at once of a relayed response: every piece costs two system calls and two wakeups, and a client that does
/// not read keeps up to four pieces in memory.
const READ: usize = 48 * 1024;
/// How long a connection on which a password was sent waits for another request. It is closed, and its buffers are wiped,
/// after twice this time at the latest, because the pool looks that often. The tokens for a page are requested within
/// milliseconds of each other, and a new connection costs several round trips and, with TLS, more time than all the rest.
const BRIEF: Duration = Duration::from_millis(250);

type Pool = Client<HttpsConnector<Dialer>, UpstreamBody>;

/// The pools. An open connection has the last request head, with its `Authorization`, in its write buffer.
#[derive(Clone, Debug)]
pub(super) struct Pools {
    /// Requests with a password or a refresh token that must not be repeated: each has a connection of its own. On one that
    /// waits, it would be lost if the server closed it just then.
    once: Pool,
    /// Other requests with a password or a refresh token: connections wait for [`BRIEF`].
    brief: Pool,
    /// Requests with neither. A token is valid for minutes and for one registry only.
    long: Pool,
}

impl Pools {
    /// Pools without connections.
    pub(super) fn new(connector: &HttpsConnector<Dialer>) -> Self {
        let pool = |idle: usize, wait: Duration, buffer: usize| {
            Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(wait)
                .pool_max_idle_per_host(idle)
                .http1_max_buf_size(buffer)
                .retry_canceled_requests(true)
                .build(connector.clone())
        };
        Self {
            once: pool(0, Duration::ZERO, MAX_HEAD),
            brief: pool(32, BRIEF, MAX_HEAD),
            long: pool(32, Duration::from_secs(30), READ),
        }
    }

    /// The pool for a request that is streamed.
    pub(super) fn of(&self, request: &Request<UpstreamBody>) -> &Pool {
        if !holds_password(request) {
            &self.long
        } else if may_be_repeated(request) {
            &self.brief
        } else {
            &self.once
        }
    }

    /// Sends a request with a secret, and once more if the connection was closed before a response and that is allowed: the
    /// server may have closed a connection that waited (RFC 9110 §9.2.2).
    ///
    /// # Errors
    /// As of the client.
    pub(super) async fn send_secret(
        &self,
        request: Request<UpstreamBody>,
    ) -> Result<Response<Incoming>, Error> {
        if !may_be_repeated(&request) {
            return self.once.request(request).await;
        }
        let (head, body) = request.into_parts();
        let again = Request::from_parts(head.clone(), empty());
        match self.brief.request(Request::from_parts(head, body)).await {
            Err(error) if is_closed_early(&error) => self.brief.request(again).await,
            result => result,
        }
    }
}

/// No body.
pub(crate) fn empty() -> UpstreamBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// Whether a request may be sent twice: its method is safe (RFC 9110 §9.2.1), and there is no body.
fn may_be_repeated<B: Body>(request: &Request<B>) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD) && request.body().is_end_stream()
}

/// Whether the request carries a password.
fn holds_password<B>(request: &Request<B>) -> bool {
    request.headers().get(AUTHORIZATION).is_some_and(|value| !value.as_bytes().starts_with(b"Bearer "))
}
