//! TLS of the clients' listener, for servers without a reverse proxy in front.
//!
//! Certificate and key are read at start and on SIGHUP. A file that cannot be used changes nothing: connections go on with
//! the certificate that was good.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config::TlsSettings;

/// Why certificate or key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// Not a file of PEM certificates.
    #[error("tls.certificate_file {0} cannot be read as PEM certificates")]
    Certificate(PathBuf),
    /// Not a file with a private key.
    #[error("tls.key_file {0} cannot be read as a PEM private key")]
    Key(PathBuf),
    /// Other users may read the key.
    #[error("tls.key_file {0} can be read by other users; remove their permissions, as with `chmod o= FILE`")]
    Permissions(PathBuf),
    /// The key is not that of the certificate, or of a kind that is not supported.
    #[error(
        "the key in tls.key_file is not that of the first certificate in tls.certificate_file, or is not supported"
    )]
    Mismatch,
}

/// The current certificate.
#[derive(Debug)]
pub(crate) struct Tls {
    certificate_file: PathBuf,
    key_file: PathBuf,
    current: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the files, if TLS is configured.
    ///
    /// # Errors
    /// [`TlsError`].
    pub(crate) fn load(settings: &TlsSettings) -> Result<Option<Self>, TlsError> {
        let (Some(certificate_file), Some(key_file)) = (&settings.certificate_file, &settings.key_file)
        else {
            return Ok(None);
        };
        let current = RwLock::new(read(certificate_file, key_file)?);
        Ok(Some(Self { certificate_file: certificate_file.clone(), key_file: key_file.clone(), current }))
    }

    /// Reads the files again, for connections from now on.
    ///
    /// # Errors
    /// [`TlsError`]; nothing has changed then.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        let config = read(&self.certificate_file, &self.key_file)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// Accepts handshakes with the current certificate.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

fn read(certificate_file: &Path, key_file: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let bad = || TlsError::Certificate(certificate_file.to_owned());
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate_file)
        .map_err(|_| bad())?
        .collect::<Result<_, _>>()
        .map_err(|_| bad())?;
    if chain.is_empty() {
        return Err(bad());
    }
    let key = PrivateKeyDer::from_pem_file(key_file).map_err(|_| TlsError::Key(key_file.to_owned()))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let meta = std::fs::metadata(key_file).map_err(|_| TlsError::Key(key_file.to_owned()))?;
        if meta.permissions().mode() & 0o007 != 0 {
            return Err(TlsError::Permissions(key_file.to_owned()));
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| TlsError::Mismatch)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|_| TlsError::Mismatch)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
