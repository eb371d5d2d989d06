//! The HTTP client for all upstream requests, and the only place that constructs one.
//!
//! Token services and gateway share one stack, hyper, which does nothing implicitly: no redirects, no proxies from
//! the environment, no cookies, no decompression. HTTP/1.1 only, so that credentials leave no trace in a header
//! compressor's tables. A connection keeps the last request head, with its `Authorization`, in its write buffer until
//! it is closed. So there are three pools per registry ([`Pools`]), by how long a connection may be kept.

mod bulkhead;
mod dial;
mod error;
mod pools;
mod response;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;
mod upload;

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use dockpass_protocol::flow::TransportError;
use dockpass_protocol::origin::Origin;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderValue, USER_AGENT};
use http::{Request, Response, Uri};
use http_body::Body;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnectorBuilder;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::held_body::HeldBody;
use crate::resolver::HostResolver;
pub(crate) use bulkhead::PAUSE;
use bulkhead::{Breaker, Bulkhead, Place, Use};
pub use dial::DialPolicy;
use dial::Dialer;
pub use error::RequestBodyError;
use error::{Failed, classify};
use pools::Pools;
pub(crate) use pools::empty;
use response::InterimFlood;
use upload::{Upload, UploadStalled};

use crate::figures::UpstreamFigures;

/// Longest response body of a token service, and of a registry at login.
pub const MAX_BODY: usize = 64 * 1024;
/// `User-Agent` of requests to registries and token services.
pub(crate) const AGENT: &str = concat!("dockpass/", env!("CARGO_PKG_VERSION"));
/// A request body.
pub type UpstreamBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;
/// The body of a response that streams. It holds the place of its request until it is dropped.
pub type StreamedBody = HeldBody<Incoming, Place>;

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

/// What one client may use.
#[derive(Clone, Copy, Debug)]
pub struct ClientLimits {
    /// How long each phase may take.
    pub timeouts: Timeouts,
    /// Requests at a time, of each kind.
    pub concurrency: NonZeroUsize,
    /// Requests in a row without a response after which a server gets none for some seconds; `None` for no such limit.
    pub breaker_failures: Option<NonZeroU32>,
    /// Requests per second, of both kinds; `None` for no such limit.
    pub requests_per_second: Option<NonZeroU32>,
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
    pools: Pools,
    timeouts: Timeouts,
    figures: Arc<UpstreamFigures>,
    bulkhead: Arc<Bulkhead>,
}

impl HttpClient {
    /// A client that may dial what this policy says and trusts the system's certificate authorities, and those of this
    /// file besides.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn new(
        policy: DialPolicy,
        limits: &ClientLimits,
        ca_file: Option<&Path>,
        resolver: &HostResolver,
    ) -> Result<Self, ClientError> {
        let tls = tls(ca_file)?;
        let timeouts = limits.timeouts;
        let bulkhead = Arc::new(Bulkhead::new(limits, policy.trusted()));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(Dialer::new(policy, timeouts.connect, resolver.clone()));
        let pools = Pools::new(&connector);
        Ok(Self { pools, timeouts, figures: Arc::default(), bulkhead })
    }

    /// The same client for another registry, which shares connections and trust and has places of its own.
    #[must_use]
    pub fn for_registry(&self, origin: &Origin, limits: &ClientLimits) -> Self {
        let bulkhead = Arc::new(Bulkhead::new(limits, std::slice::from_ref(origin)));
        Self { bulkhead, ..self.clone() }
    }

    /// What became of the requests so far.
    pub(crate) fn figures(&self) -> &UpstreamFigures {
        &self.figures
    }

    /// Sends a request with a password or a refresh token and returns the whole response of at most [`MAX_BODY`].
    ///
    /// # Errors
    /// [`TransportError`]. A redirect is a response: none is followed here, and a flow says where it leads.
    pub async fn exchange(
        &self,
        mut request: Request<UpstreamBody>,
    ) -> Result<Response<Bytes>, TransportError> {
        default_headers(&mut request);
        let host = host(&request);
        let (breaker, _place) = self.enter(request.uri(), Use::Exchange).await?;
        let flood = InterimFlood::watch(&mut request);
        let whole = async {
            let sent = tokio::select! {
                biased;
                sent = self.pools.send_secret(request) => sent,
                () = flood.exceeded() => return Err(Failed::INVALID),
            };
            let response = sent.map_err(|error| failed(&error, host.as_deref()))?;
            let response = checked(&flood, response)?;
            let (head, body) = response.into_parts();
            let plain = head
                .headers
                .get(CONTENT_ENCODING)
                .is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
            if !plain {
                return Err(Failed::INVALID);
            }
            let body = Limited::new(body, MAX_BODY).collect().await.map_err(|_| Failed::INVALID)?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        self.counted(async {
            report(
                breaker,
                tokio::time::timeout(self.timeouts.response, whole).await.unwrap_or(Err(Failed::TIMEOUT)),
            )
        })
        .await
    }

    /// A place for a request to this target, unless its server does not respond.
    async fn enter(&self, target: &Uri, usage: Use) -> Result<(Option<&Breaker>, Place), TransportError> {
        let breaker = self.bulkhead.breaker(target);
        let place = match breaker.map_or(Ok(()), Breaker::admit) {
            Ok(()) => self.bulkhead.enter(usage).await,
            Err(error) => Err(error),
        };
        place.map(|place| (breaker, place)).inspect_err(|error| self.figures.refused(*error))
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
    ) -> Result<Response<StreamedBody>, TransportError> {
        default_headers(&mut request);
        let host = host(&request);
        let (breaker, place) = self.enter(request.uri(), Use::Stream).await?;
        let client = self.pools.of(&request);
        let flood = InterimFlood::watch(&mut request);
        if request.body().is_end_stream() {
            // Nothing is uploaded, so that the time to the response is all there is to limit.
            let response = self.counted(async {
                let result = tokio::select! {
                    biased;
                    response = tokio::time::timeout(self.timeouts.response, client.request(request)) => match response {
                        Ok(Ok(response)) => checked(&flood, response),
                        Ok(Err(error)) => Err(failed(&error, host.as_deref())),
                        Err(_) => Err(Failed::TIMEOUT),
                    },
                    () = flood.exceeded() => Err(Failed::INVALID),
                };
                report(breaker, result)
            });
            return response.await.map(|response| response.map(|body| HeldBody::new(body, place)));
        }
        let (head, body) = request.into_parts();
        let (body, progress) = Upload::new(body, self.timeouts);
        let request = Request::from_parts(head, body.boxed_unsync());
        let response = self.counted(async {
            let result = tokio::select! {
                biased;
                response = client.request(request) => match response {
                    Ok(response) => checked(&flood, response),
                    Err(error) => Err(failed(&error, host.as_deref())),
                },
                () = flood.exceeded() => Err(Failed::INVALID),
                UploadStalled = progress.stands_still() => Err(Failed::TIMEOUT),
            };
            report(breaker, result)
        });
        response.await.map(|response| response.map(|body| HeldBody::new(body, place)))
    }
}

/// Refuses a response that other software may read otherwise, or that came after a flood of interim responses.
fn checked(flood: &InterimFlood, response: Response<Incoming>) -> Result<Response<Incoming>, Failed> {
    flood.check().and_then(|()| response::check(&response)).map(|()| response).map_err(Failed::of_response)
}

/// Tells the breaker of a server how a request to it ended.
fn report<T>(breaker: Option<&Breaker>, result: Result<T, Failed>) -> Result<T, TransportError> {
    match (breaker, &result) {
        (Some(breaker), Ok(_)) => breaker.succeeded(),
        (Some(breaker), Err(failed)) if failed.has_responded => breaker.succeeded(),
        (Some(breaker), Err(failed)) if failed.is_silence => breaker.failed(),
        _ => {}
    }
    result.map_err(|failed| failed.error)
}

/// The host of a request, without its path.
fn host<B>(request: &Request<B>) -> Option<String> {
    request.uri().host().map(ToOwned::to_owned)
}

/// Classifies an error of the client. A forbidden address is logged for the operator; the caller is not told the
/// details.
fn failed(error: &(dyn std::error::Error + 'static), host: Option<&str>) -> Failed {
    let meaning = classify(error);
    if meaning.error == TransportError::AddressRefused {
        tracing::warn!(
            host,
            "connection refused: the host has a private address and is not in the configuration (`url`, `realms` or `redirects` of a registry)"
        );
    }
    meaning
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
