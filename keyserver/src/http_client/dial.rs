//! Connections, with the address vetted at the moment of dialling.
//!
//! What is vetted is dialled: the addresses of one resolution are judged and then connected to, so that a name cannot
//! change its mind in between. A literal is judged as it stands, since resolvers let those pass.

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

/// No name has more addresses that are worth a try.
const MAX_ADDRESSES: usize = 16;

/// Which addresses may be dialled: any for the trusted origins, public ones for all others.
#[derive(Clone, Debug)]
pub struct DialPolicy {
    trusted: Arc<[Origin]>,
}

impl DialPolicy {
    /// These origins may be anywhere, private networks and this machine included; the operator wrote them down.
    pub fn trusting(origins: Vec<Origin>) -> Self {
        Self { trusted: origins.into() }
    }

    /// Public addresses only.
    pub fn public_only() -> Self {
        Self { trusted: Arc::new([]) }
    }

    fn trusts(&self, origin: &Origin) -> bool {
        self.trusted.contains(origin)
    }

    /// The addresses that may be dialled for this origin, out of those that it has. One bad address spoils the name.
    fn vet(&self, origin: &Origin, addresses: Vec<IpAddr>) -> Result<Vec<IpAddr>, DialError> {
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

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum DialError {
    #[error("the address must not be dialled")]
    AddressRefused,
    #[error("no connection")]
    Unreachable,
    #[error("no connection in time")]
    Timeout,
}

/// Connects for hyper.
#[derive(Clone, Debug)]
pub(super) struct Dialer {
    policy: DialPolicy,
    timeout: Duration,
}

impl Dialer {
    pub(super) fn new(policy: DialPolicy, timeout: Duration) -> Self {
        Self { policy, timeout }
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
            Some(address) => vec![address],
            None if !self.policy.trusts(origin) && !is_public_name(origin.host()) => {
                return Err(DialError::AddressRefused);
            }
            None => tokio::net::lookup_host((origin.host(), origin.port()))
                .await
                .map_err(|_| DialError::Unreachable)?
                .map(|address| address.ip())
                .take(MAX_ADDRESSES)
                .collect(),
        };
        let addresses = self.policy.vet(origin, addresses)?;
        // A network that swallows packets for one family must not use up the time of the other.
        let share = self.timeout / u32::try_from(addresses.len()).unwrap_or(1).max(1);
        for address in addresses {
            let connecting = TcpStream::connect(SocketAddr::new(address, origin.port()));
            if let Ok(Ok(stream)) =
                tokio::time::timeout(share.max(Duration::from_millis(500)), connecting).await
            {
                // Small requests must not wait for each other; where it cannot be set, it is only slower.
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
