//! An HTTP client for tests. It sends exactly the given headers, follows no redirects and stores no cookies.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as Pooled;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// How long a test waits for a response.
const PATIENCE: Duration = Duration::from_secs(30);

/// The client. Cloning shares its connections.
#[derive(Clone, Debug)]
pub struct Client(Pooled<HttpConnector, Full<Bytes>>);

/// A request under construction.
#[derive(Debug)]
#[must_use]
pub struct Call<'a> {
    client: &'a Client,
    request: http::request::Builder,
    body: Bytes,
}

/// A complete response.
#[derive(Clone, Debug)]
pub struct HttpResponse {
    /// Status code.
    pub status: u16,
    /// All header lines.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The request could not be built.
    #[error("no such request: {0}")]
    Request(#[from] http::Error),
    /// No connection, or it ended before the head of the response.
    #[error("no response: {0}")]
    Connection(#[from] hyper_util::client::legacy::Error),
    /// The connection ended inside the body.
    #[error("the response is incomplete: {0}")]
    Body(#[from] hyper::Error),
    /// No response in time.
    #[error("no response within {PATIENCE:?}")]
    Timeout,
}

impl Client {
    /// A client with its own connections.
    pub fn new() -> Self {
        Self(Pooled::builder(TokioExecutor::new()).build_http())
    }

    /// Creates a request.
    pub fn call(&self, method: Method, url: &str) -> Call<'_> {
        Call { client: self, request: Request::builder().method(method).uri(url), body: Bytes::new() }
    }

    /// Creates a `GET`.
    pub fn get(&self, url: &str) -> Call<'_> {
        self.call(Method::GET, url)
    }

    /// Creates a `POST`.
    pub fn post(&self, url: &str) -> Call<'_> {
        self.call(Method::POST, url)
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl Call<'_> {
    /// Adds a header line.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Adds `Authorization: Basic`.
    pub fn basic(self, user: &str, password: &str) -> Self {
        let value = STANDARD.encode(format!("{user}:{password}"));
        self.header(AUTHORIZATION.as_str(), &format!("Basic {value}"))
    }

    /// Adds `Authorization: Bearer`.
    pub fn bearer(self, token: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    /// Sets a body with its media type.
    pub fn body(mut self, media_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header(CONTENT_TYPE.as_str(), media_type)
    }

    /// Sets a JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// Sends the request and reads the whole response.
    ///
    /// # Errors
    /// [`ClientError`] when there is no complete response within 30 s.
    pub async fn send(self) -> Result<HttpResponse, ClientError> {
        let whole = async {
            let (head, body) = self.stream().await?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok(HttpResponse { status: head.status.as_u16(), headers: head.headers, body })
        };
        tokio::time::timeout(PATIENCE, whole).await.unwrap_or(Err(ClientError::Timeout))
    }

    /// Sends the request and returns the response after its head.
    ///
    /// # Errors
    /// [`ClientError`] when there is no head of a response.
    pub async fn stream(self) -> Result<Response<Incoming>, ClientError> {
        Ok(self.client.0.request(self.request.body(Full::new(self.body))?).await?)
    }
}

impl HttpResponse {
    /// A header's value: all its lines, joined; empty when absent.
    pub fn header(&self, name: &str) -> String {
        let lines = self.headers.get_all(name).iter();
        lines.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned()).collect::<Vec<_>>().join(", ")
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; `null` if it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}
