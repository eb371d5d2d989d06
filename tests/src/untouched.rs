//! Listeners that must get no connection: a malicious realm, a proxy, an internal service.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A listener on loopback that counts connections and sends nothing. It stops when dropped.
#[derive(Debug)]
pub struct Untouched {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Untouched {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// An I/O error when no port is available.
    pub async fn start() -> std::io::Result<Self> {
        Self::start_on("127.0.0.1").await
    }

    /// Listens on another address of this machine, such as 127.0.0.2.
    ///
    /// # Errors
    /// An I/O error when the address does not belong to this machine or no port is available.
    pub async fn start_on(address: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind((address, 0)).await?;
        let address = listener.local_addr()?;
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let accepting = tokio::spawn(async move {
            // Connections are only counted, and closed at once.
            while listener.accept().await.is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Ok(Self { address, connections, accepting })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A URL on this listener.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The number of connections.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Untouched {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
