//! The HTTP client for all upstream requests, and the only place that constructs one.
//!
//! Token services and gateway share one stack, hyper, which does nothing implicitly: no redirects, no proxies from
//! the environment, no cookies, no decompression. HTTP/1.1 only, so that credentials leave no trace in a header
//! compressor's tables. There are two clients per registry. `exchange` closes its connection after each response,
//! because a pooled connection keeps the last `Authorization` in its write buffer; `stream` reuses connections for
//! the gateway, except after a password.

mod dial;
mod error;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;
mod upload;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use dockpass_protocol::flow::TransportError;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, HeaderValue, USER_AGENT};
use http::{HeaderMap, Request, Response};
use http_body::Body;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

pub use dial::DialPolicy;
use dial::Dialer;
use upload::{Upload, UploadStalled};

use crate::figures::UpstreamFigures;

/// Longest response body of a token service, and of a registry at login.
pub const MAX_BODY: usize = 64 * 1024;
/// `User-Agent` of requests to registries and token services.
pub(crate) const AGENT: &str = concat!("dockpass/", env!("CARGO_PKG_VERSION"));
/// Longest response head.
const MAX_HEAD: usize = 32 * 1024;
/// What is read at once of a relayed response: every piece costs two system calls and two wakeups, and a client that does
/// not read keeps up to four pieces in memory.
const READ: usize = 48 * 1024;

/// A request body.
pub type UpstreamBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;
type Pool = Client<HttpsConnector<Dialer>, UpstreamBody>;

/// How long each phase may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Name resolution and TCP connection.
    pub connect: Duration,
    /// From the end of the request to the response head; for `exchange`, from its start to the end of the response.
    pub response: Duration,
    /// How long a streaming request body may make no progress.
    pub idle: Duration,
}

/// Why a client could not be created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The file of certificate authorities.
    #[error("certificate file {0} cannot be read as PEM certificates")]
    Certificates(PathBuf),
    /// The TLS library rejects its own defaults.
    #[error("the TLS library cannot be initialized")]
    Tls,
}

/// Clients for one registry and its token services. Cloning shares the connections.
#[derive(Clone, Debug)]
pub struct HttpClient {
    once: Pool,
    pooled: Pool,
    timeouts: Timeouts,
    figures: Arc<UpstreamFigures>,
}

impl HttpClient {
    /// A client that may dial what this policy says and trusts the system's certificate authorities, and those of this
    /// file besides.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn new(policy: DialPolicy, timeouts: Timeouts, ca_file: Option<&Path>) -> Result<Self, ClientError> {
        let tls = tls(ca_file)?;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(Dialer::new(policy, timeouts.connect));
        let builder = |idle: usize, buffer: usize| {
            let mut builder = Client::builder(TokioExecutor::new());
            builder
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(Duration::from_secs(30))
                .pool_max_idle_per_host(idle)
                .http1_max_buf_size(buffer)
                .retry_canceled_requests(true);
            builder
        };
        let once = builder(0, MAX_HEAD).build(connector.clone());
        Ok(Self { once, pooled: builder(32, READ).build(connector), timeouts, figures: Arc::default() })
    }

    /// What became of the requests so far.
    pub(crate) fn figures(&self) -> &UpstreamFigures {
        &self.figures
    }

    /// Sends a request and returns the whole response of at most [`MAX_BODY`], on a connection of its own.
    ///
    /// # Errors
    /// [`TransportError`]. A redirect is a response: none is followed here, and a flow says where it leads.
    pub async fn exchange(
        &self,
        mut request: Request<UpstreamBody>,
    ) -> Result<Response<Bytes>, TransportError> {
        default_headers(&mut request);
        let host = host(&request);
        let whole = async {
            let response =
                self.once.request(request).await.map_err(|error| failed(&error, host.as_deref()))?;
            let (head, body) = response.into_parts();
            check_head(&head.headers)?;
            let plain = head
                .headers
                .get(CONTENT_ENCODING)
                .is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
            if !plain {
                return Err(TransportError::Invalid);
            }
            let body = Limited::new(body, MAX_BODY).collect().await.map_err(|_| TransportError::Invalid)?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        self.counted(async {
            tokio::time::timeout(self.timeouts.response, whole).await.unwrap_or(Err(TransportError::Timeout))
        })
        .await
    }

    /// Counts a request by what becomes of it.
    async fn counted<B>(
        &self,
        request: impl Future<Output = Result<Response<B>, TransportError>>,
    ) -> Result<Response<B>, TransportError> {
        let began = Instant::now();
        let waiting = self.figures.waiting.enter();
        let result = request.await;
        drop(waiting);
        self.figures.add(result.as_ref().map(Response::status).map_err(|error| *error), began.elapsed());
        result
    }

    /// Sends a request and returns the response head; bodies stream, with a limit on the time without progress.
    ///
    /// # Errors
    /// [`TransportError`]. A redirect is not an error here: the gateway handles it.
    pub async fn stream(
        &self,
        mut request: Request<UpstreamBody>,
    ) -> Result<Response<Incoming>, TransportError> {
        default_headers(&mut request);
        let host = host(&request);
        let client = if holds_password(&request) { &self.once } else { &self.pooled };
        if request.body().is_end_stream() {
            // Nothing is uploaded, so that the time to the response is all there is to limit.
            let response = async {
                match tokio::time::timeout(self.timeouts.response, client.request(request)).await {
                    Ok(Ok(response)) => check_head(response.headers()).map(|()| response),
                    Ok(Err(error)) => Err(failed(&error, host.as_deref())),
                    Err(_) => Err(TransportError::Timeout),
                }
            };
            return self.counted(response).await;
        }
        let (head, body) = request.into_parts();
        let (body, progress) = Upload::new(body, self.timeouts);
        let request = Request::from_parts(head, body.boxed_unsync());
        self.counted(async {
            tokio::select! {
                biased;
                response = client.request(request) => match response {
                    Ok(response) => check_head(response.headers()).map(|()| response),
                    Err(error) => Err(failed(&error, host.as_deref())),
                },
                UploadStalled = progress.stands_still() => Err(TransportError::Timeout),
            }
        })
        .await
    }
}

/// The host of a request, without its path.
fn host<B>(request: &Request<B>) -> Option<String> {
    request.uri().host().map(ToOwned::to_owned)
}

/// Classifies an error of the client. A forbidden address is logged for the operator; the caller is not told the
/// details.
fn failed(error: &(dyn std::error::Error + 'static), host: Option<&str>) -> TransportError {
    let meaning = error::classify(error);
    if meaning == TransportError::AddressRefused {
        tracing::warn!(
            host,
            "connection refused: the host has a private address and is not in the configuration (`url`, `realms` or `redirects` of a registry)"
        );
    }
    meaning
}

/// Whether the request carries a password; a token is valid for minutes and for one registry only.
fn holds_password<B>(request: &Request<B>) -> bool {
    request.headers().get(AUTHORIZATION).is_some_and(|value| !value.as_bytes().starts_with(b"Bearer "))
}

/// hyper limits what it buffers, not what it accepts: a head that arrives in one piece may be longer.
fn check_head(headers: &HeaderMap) -> Result<(), TransportError> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > MAX_HEAD { Err(TransportError::Invalid) } else { Ok(()) }
}

/// What every request carries.
fn default_headers<B>(request: &mut Request<B>) {
    let headers = request.headers_mut();
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
}

/// Whether this file of certificate authorities can be used.
///
/// # Errors
/// [`ClientError`].
pub(crate) fn check_certificates(ca_file: Option<&Path>) -> Result<(), ClientError> {
    tls(ca_file).map(drop)
}

/// TLS 1.2 and 1.3 on aws-lc, with the system's root certificates and those of the file.
fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, ClientError> {
    let mut roots = RootCertStore::empty();
    let (usable, unusable) = roots.add_parsable_certificates(system_roots().iter().cloned());
    tracing::debug!(usable, unusable, "loaded the system's root certificates");
    if let Some(path) = ca_file {
        let bad = || ClientError::Certificates(path.to_owned());
        let extra: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(path)
            .map_err(|_| bad())?
            .collect::<Result<_, _>>()
            .map_err(|_| bad())?;
        if extra.is_empty() {
            return Err(bad());
        }
        for certificate in extra {
            roots.add(certificate).map_err(|_| bad())?;
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| ClientError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// The system's root certificates, loaded once.
fn system_roots() -> &'static [CertificateDer<'static>] {
    static ROOTS: std::sync::OnceLock<Vec<CertificateDer<'static>>> = std::sync::OnceLock::new();
    ROOTS.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs();
        if found.certs.is_empty() {
            tracing::warn!(
                "the system has no root certificates, so that no https registry can be reached; install ca-certificates"
            );
        }
        found.certs
    })
}
