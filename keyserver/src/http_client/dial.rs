//! Connections whose address is checked when dialling.
//!
//! The addresses that were checked are the ones that are dialled: a name is resolved once, so that it cannot change
//! between check and connection (DNS rebinding). Literal addresses are checked too, since resolvers return them
//! unchanged.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use dockpass_protocol::address::{is_public, is_public_name};
use dockpass_protocol::origin::{Origin, Scheme};
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::Service;

use crate::resolver::{HostResolver, LookupShare};

/// Which addresses may be dialled: any for trusted origins, public ones for all others.
#[derive(Clone, Debug)]
pub struct DialPolicy {
    trusted: Arc<[Origin]>,
}

impl DialPolicy {
    /// These origins, which the operator configured, may have any address, including private ones and loopback.
    pub fn trusting(origins: Vec<Origin>) -> Self {
        Self { trusted: origins.into() }
    }

    /// Public addresses only.
    pub fn public_only() -> Self {
        Self { trusted: Arc::new([]) }
    }

    /// The origins that the operator configured.
    pub(super) fn trusted(&self) -> &[Origin] {
        &self.trusted
    }

    fn trusts(&self, origin: &Origin) -> bool {
        self.trusted.contains(origin)
    }

    /// The addresses of this origin, if all of them may be dialled. One forbidden address refuses the name.
    fn vet(&self, origin: &Origin, addresses: Arc<[IpAddr]>) -> Result<Arc<[IpAddr]>, DialError> {
        if addresses.is_empty() {
            return Err(DialError::Unreachable);
        }
        if self.trusts(origin) || addresses.iter().all(|address| is_public(*address)) {
            Ok(addresses)
        } else {
            Err(DialError::AddressRefused)
        }
    }
}

/// Why a connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum DialError {
    #[error("the address is not allowed")]
    AddressRefused,
    #[error("the host cannot be reached")]
    Unreachable,
    #[error("the connection timed out")]
    Timeout,
}

/// The connector of the HTTP client.
#[derive(Clone, Debug)]
pub(super) struct Dialer {
    policy: DialPolicy,
    timeout: Duration,
    resolver: HostResolver,
    lookups: LookupShare,
}

impl Dialer {
    pub(super) fn new(policy: DialPolicy, timeout: Duration, resolver: HostResolver) -> Self {
        Self { policy, timeout, resolver, lookups: LookupShare::default() }
    }

    async fn dial(self, uri: Uri) -> Result<TcpStream, DialError> {
        let scheme =
            if uri.scheme() == Some(&http::uri::Scheme::HTTP) { Scheme::Http } else { Scheme::Https };
        let authority = uri.authority().ok_or(DialError::Unreachable)?;
        let origin =
            Origin::from_authority(scheme, authority.as_str()).map_err(|_| DialError::AddressRefused)?;
        match tokio::time::timeout(self.timeout, self.connect(&origin)).await {
            Ok(result) => result,
            Err(_) => Err(DialError::Timeout),
        }
    }

    async fn connect(&self, origin: &Origin) -> Result<TcpStream, DialError> {
        let addresses = match origin.ip() {
            Some(address) => Arc::new([address]),
            None if !self.policy.trusts(origin) && !is_public_name(origin.host()) => {
                return Err(DialError::AddressRefused);
            }
            None => self
                .resolver
                .resolve(origin.host(), &self.lookups)
                .await
                .map_err(|_| DialError::Unreachable)?,
        };
        let addresses = self.policy.vet(origin, addresses)?;
        // A network that drops packets of one address family must not use up the time of the other.
        let share = self.timeout / u32::try_from(addresses.len()).unwrap_or(1).max(1);
        for address in addresses.iter() {
            let connecting = TcpStream::connect(SocketAddr::new(*address, origin.port()));
            if let Ok(Ok(stream)) =
                tokio::time::timeout(share.max(Duration::from_millis(500)), connecting).await
            {
                // Small requests must not be delayed by Nagle's algorithm; without the option they are only slower.
                stream.set_nodelay(true).ok();
                return Ok(stream);
            }
        }
        Err(DialError::Unreachable)
    }
}

impl Service<Uri> for Dialer {
    type Response = TokioIo<TcpStream>;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, DialError>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let dialer = self.clone();
        Box::pin(async move { dialer.dial(uri).await.map(TokioIo::new) })
    }
}

#[cfg(test)]
mod tests;
