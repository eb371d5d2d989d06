//! An upstream server whose responses a test writes as a function, for what no registry of the [`demo`](crate::demo) does.
//! It uses the demo's listener, and checks nothing.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::HeaderMap;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::demo::response::DemoResponse;
use crate::demo::server;

/// A request as the server received it.
#[derive(Clone, Debug)]
pub struct Request {
    /// Path and query.
    pub target: String,
    /// All header lines.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl Request {
    /// The first line of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

/// A response; [`respond`] makes one.
#[derive(Clone, Debug)]
pub struct Response(DemoResponse);

/// A response with these header lines and this body.
pub fn respond(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let mut response = DemoResponse::empty(status).content(body.to_owned());
    for (name, value) in headers {
        response = response.header(name, *value);
    }
    Response(response)
}

/// A server on loopback that records its requests. It stops when dropped.
#[derive(Debug)]
pub struct Scripted {
    /// `host:port`.
    pub authority: String,
    received: Arc<Mutex<Vec<Request>>>,
    stop: watch::Sender<bool>,
}

impl Scripted {
    /// Starts a server. The function gets the server's own `host:port` and a request.
    ///
    /// # Errors
    /// No port is available.
    pub async fn start(
        response: impl Fn(&str, &Request) -> Response + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let authority = listener.local_addr()?.to_string();
        let received = Arc::new(Mutex::new(Vec::new()));
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::new((response, authority.clone(), Arc::clone(&received)));
        tokio::spawn(server::accept(listener, stopped, move || {
            let shared = Arc::clone(&shared);
            move |request| {
                let shared = Arc::clone(&shared);
                async move {
                    let (response, authority, log) = &*shared;
                    let target = request.uri().to_string();
                    let request = server::receive(request).await?;
                    let request = Request { target, headers: request.headers, body: request.body };
                    lock(log).push(request.clone());
                    let Response(response) = response(authority, &request);
                    response.into_response(None).map_err(io::Error::other)
                }
            }
        }));
        Ok(Self { authority, received, stop })
    }

    /// The requests so far.
    pub fn received(&self) -> Vec<Request> {
        lock(&self.received).clone()
    }

    /// The number of requests for a path.
    pub fn count(&self, path: &str) -> usize {
        lock(&self.received).iter().filter(|request| request.path() == path).count()
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        lock(&self.received).clear();
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        // There is no receiver when the runtime has ended.
        let _ = self.stop.send(true);
    }
}

fn lock(received: &Mutex<Vec<Request>>) -> MutexGuard<'_, Vec<Request>> {
    received.lock().unwrap_or_else(PoisonError::into_inner)
}
