//! Where the store is and how a connection to it is made.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use redis::{AsyncConnectionConfig, Client, ProtocolVersion, TlsCertificates};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};

use crate::config::{StoreSettings, StoreUrl};
use crate::secret_file::{FileError, read, read_line};

/// The largest file with certificate authorities, in bytes.
const MAX_CA: u64 = 1_048_576;

/// A file that the `store` section names cannot be used. The message names the file, never its content.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {error}")]
pub struct StoreFileError {
    key: &'static str,
    error: FileError,
}

impl StoreFileError {
    fn of(key: &'static str) -> impl Fn(FileError) -> Self {
        move |error| Self { key, error }
    }
}

/// Resolves host names.
pub trait Resolver: fmt::Debug + Send + Sync + 'static {
    /// The addresses of a host.
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Resolving<'a>;
}

/// The future of [`Resolver::resolve`].
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>>;

/// Adapts a [`Resolver`] to the client library.
struct ForRedis(Arc<dyn Resolver>);

impl redis::io::AsyncDNSResolver for ForRedis {
    fn resolve<'a, 'b: 'a>(
        &'a self,
        host: &'b str,
        port: u16,
    ) -> redis::RedisFuture<'a, Box<dyn Iterator<Item = SocketAddr> + Send + 'a>> {
        Box::pin(async move {
            let addresses = self.0.resolve(host, port).await?;
            Ok(Box::new(addresses.into_iter()) as Box<dyn Iterator<Item = SocketAddr> + Send>)
        })
    }
}

/// A store that is configured.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    url: StoreUrl,
    pub(super) settings: StoreSettings,
    resolver: Option<Arc<dyn Resolver>>,
}

impl Endpoint {
    /// The store of these settings, if they have one. `resolver` resolves its name in place of the system.
    pub(crate) fn of(settings: &StoreSettings, resolver: Option<Arc<dyn Resolver>>) -> Option<Self> {
        Some(Self { url: settings.url.clone()?, settings: settings.clone(), resolver })
    }

    /// How long a request waits for the store.
    pub(super) fn timeout(&self) -> Duration {
        Duration::from_millis(self.settings.timeout_milliseconds.into())
    }

    /// A client for the next connection. It reads the files again, so that a new password needs no restart.
    ///
    /// # Errors
    /// [`StoreFileError`].
    pub(crate) fn client(&self) -> Result<Client, StoreFileError> {
        let info = self.url.connection_info().clone();
        // Without the library's name: CLIENT SETINFO would be one more right, and is unknown before Redis 7.2.
        let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let mut redis = redis.set_skip_set_lib_name();
        if let Some(file) = &self.settings.username_file {
            redis = redis.set_username(secret("store.username_file", file)?.expose_secret());
        }
        if let Some(file) = &self.settings.password_file {
            redis = redis.set_password(secret("store.password_file", file)?.expose_secret());
        }
        let root_cert = match &self.settings.ca_file {
            Some(file) => Some(certificates(file)?),
            None => None,
        };
        let info = info.set_redis_settings(redis);
        let client = match root_cert {
            Some(_) => Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert }),
            None => Client::open(info),
        };
        client.map_err(|_| {
            let file = self.settings.ca_file.clone().unwrap_or_default();
            let reason = "a certificate in it cannot be used, or store.url is not rediss://";
            StoreFileError::of("store.ca_file")(FileError::new(&file, reason))
        })
    }

    /// How connections are made, with both timeouts set: the defaults of the client are longer than a request may wait.
    pub(super) fn connection(&self, limit: Duration) -> AsyncConnectionConfig {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(limit))
            .set_response_timeout(Some(limit));
        match &self.resolver {
            Some(resolver) => config.set_dns_resolver(ForRedis(Arc::clone(resolver))),
            None => config,
        }
    }
}

/// The secret in a file.
fn secret(key: &'static str, file: &Path) -> Result<SecretString, StoreFileError> {
    read_line(file).map_err(StoreFileError::of(key))
}

/// A PEM file of at least one certificate. The client library takes an empty one for trust in nobody.
fn certificates(file: &Path) -> Result<Vec<u8>, StoreFileError> {
    let failed = StoreFileError::of("store.ca_file");
    let pem = read(file, MAX_CA).map_err(&failed)?;
    match CertificateDer::pem_slice_iter(&pem).next() {
        Some(Ok(_)) => Ok(pem),
        _ => Err(failed(FileError::new(file, "it holds no certificate authority in PEM form"))),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Endpoint;
    use crate::config::{StoreSettings, StoreUrl};

    // Threats: FLT-08.
    #[test]
    fn file_errors_do_not_show_the_content() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &str| {
            let file = folder.path().join(name);
            std::fs::write(&file, content).unwrap();
            file
        };
        let url = StoreUrl::parse("rediss://127.0.0.1").unwrap();
        let settings = StoreSettings { url: Some(url), ..StoreSettings::default() };
        let with = |file: &Path| {
            let settings = StoreSettings { password_file: Some(file.to_owned()), ..settings.clone() };
            Endpoint::of(&settings, None).unwrap().client()
        };
        for content in ["hunter2", "hunter2\n", "hunter2\r\n", " with spaces "] {
            assert!(with(&write("good", content)).is_ok(), "{content:?}");
        }
        for content in ["", "\n", "hunter2\nmore", "hunter2\0", &"hunter2".repeat(1_000)] {
            let message = with(&write("bad", content)).unwrap_err().to_string();
            assert!(message.contains("store.password_file") && message.contains("bad"), "{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
        assert!(with(&folder.path().join("absent")).is_err());
        let ca_file = Some(write("ca.pem", "no certificate"));
        let ca = Endpoint::of(&StoreSettings { ca_file, ..settings.clone() }, None).unwrap();
        assert!(ca.client().unwrap_err().to_string().contains("store.ca_file"));
        assert!(Endpoint::of(&StoreSettings::default(), None).is_none());
    }
}
