//! TLS at the listener.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use dockpass_tests::demo::Kind;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::program::{Fixture, Program};

/// Writes a new certificate for 127.0.0.1 with its key, and returns it.
fn write_certificate(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(folder.join("tls.pem"), made.cert.pem()).unwrap();
    let key = folder.join("tls.key");
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    made.cert.der().clone()
}

/// The response to `GET /readyz`, for a client that trusts this certificate alone.
async fn ready(program: &Program, trusted: &CertificateDer<'static>) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let authority = program.origin.strip_prefix("https://").expect("it says that it speaks TLS");
    let stream = tokio::net::TcpStream::connect(authority).await?;
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response).await?;
    Ok(String::from_utf8_lossy(&response).into_owned())
}

pub(crate) async fn tls_is_served_and_its_certificate_is_reloaded() {
    let tls = "tls:\n  certificate_file: tls.pem\n  key_file: tls.key\nadmin: {listen: null}\n";
    let fixture = Fixture::new([Kind::Open], tls).await;
    let folder = fixture.folder.path();
    let missing = fixture.output(&["check-config", "config.yaml"]);
    assert_eq!(missing.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("tls.certificate_file"), "{missing:?}");

    let first = write_certificate(folder);
    assert!(fixture.output(&["check-config", "config.yaml"]).status.success());
    let mut program = fixture.start(&["serve", "--config", "config.yaml"]);
    let response = ready(&program, &first).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 200 ") && response.ends_with("ready\n"), "{response}");
    // Its own origin has the scheme, so that browsers are told to keep to it.
    assert!(response.to_ascii_lowercase().contains("strict-transport-security"), "{response}");
    // Clients that speak no TLS get no response, and stop nobody.
    let plain = program.origin.replace("https://", "http://");
    assert!(fixture.client.get(&format!("{plain}/readyz")).send().await.is_err());

    std::fs::write(folder.join("tls.pem"), "no certificate").unwrap();
    program.signal("HUP");
    program.wait_for_log("the current one stays in use").await;
    assert!(ready(&program, &first).await.is_ok());
    let second = write_certificate(folder);
    program.signal("HUP");
    program.wait_for_log("TLS certificate reloaded").await;
    assert!(ready(&program, &second).await.unwrap().ends_with("ready\n"));
    assert!(ready(&program, &first).await.is_err(), "the first one is not served any more");

    program.signal("TERM");
    assert!(program.ended().await.success());
    let key = std::fs::read_to_string(folder.join("tls.key")).unwrap();
    assert!(!program.log().contains(key.lines().nth(1).unwrap()), "the key is in the log");
    std::fs::set_permissions(folder.join("tls.key"), std::fs::Permissions::from_mode(0o604)).unwrap();
    let readable = fixture.output(&["check-config", "config.yaml"]);
    assert!(String::from_utf8_lossy(&readable.stderr).contains("other users"), "{readable:?}");
}
