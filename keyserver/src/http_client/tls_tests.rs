//! TLS: whom a registry's client trusts, and that nothing is said to anybody else.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dockpass_protocol::flow::TransportError;
use dockpass_protocol::origin::Origin;
use http::Request;
use http::header::AUTHORIZATION;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{ClientLimits, DialPolicy, HttpClient, Timeouts};
use crate::http_client::empty;
use crate::resolver::HostResolver;

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        Self { issuer: Issuer::new(params, key), folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A server with a certificate for this name; its join handle gives what it could read.
    async fn server(&self, name: &str) -> (Origin, tokio::task::JoinHandle<Option<String>>) {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin =
            Origin::parse(&format!("https://localhost:{}", listener.local_addr().unwrap().port())).unwrap();
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await.ok()?;
            let mut buffer = [0; 2048];
            let length = stream.read(&mut buffer).await.ok().filter(|length| *length > 0)?;
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
                .await
                .ok()?;
            Some(String::from_utf8_lossy(buffer.get(..length)?).into_owned())
        });
        (origin, server)
    }
}

async fn request(
    origin: &Origin,
    ca_file: Option<PathBuf>,
) -> Result<http::Response<bytes::Bytes>, TransportError> {
    let timeouts = Timeouts {
        connect: Duration::from_secs(2),
        response: Duration::from_secs(5),
        idle: Duration::from_millis(600),
    };
    let limits = ClientLimits {
        timeouts,
        concurrency: 8.try_into().unwrap(),
        breaker_failures: None,
        requests_per_second: None,
    };
    let names = HostResolver::system().unwrap();
    let client =
        HttpClient::new(DialPolicy::trusting(vec![origin.clone()]), &limits, ca_file.as_deref(), &names)
            .unwrap();
    let request =
        Request::get(format!("{origin}/v2/")).header(AUTHORIZATION, "Basic s3cret").body(empty()).unwrap();
    client.exchange(request).await
}

// Threats: FLT-09.
#[tokio::test]
async fn a_private_ca_is_trusted_for_its_registry() {
    let authority = Authority::new();
    let (origin, server) = authority.server("localhost").await;
    assert_eq!(request(&origin, Some(authority.file())).await.unwrap().body(), "ok");
    assert!(server.await.unwrap().unwrap().contains("Basic s3cret"));
}

// Threats: SSRF-13, FLT-09.
#[tokio::test]
async fn an_untrusted_server_gets_no_request() {
    let (authority, other) = (Authority::new(), Authority::new());
    for (name, file) in
        [("localhost", None), ("localhost", Some(other.file())), ("elsewhere.test", Some(authority.file()))]
    {
        let (origin, server) = authority.server(name).await;
        assert_eq!(request(&origin, file).await.unwrap_err(), TransportError::Tls, "{name}");
        assert_eq!(server.await.unwrap(), None);
    }
}
