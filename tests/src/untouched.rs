//! Listeners that must stay untouched: the evil realm, the proxy nobody may use, the internal service.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A listener on loopback that counts who connects, and answers nothing. It stops when dropped.
#[derive(Debug)]
pub struct Untouched {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Untouched {
    /// Starts to listen on 127.0.0.1 on a free port.
    ///
    /// # Errors
    /// The system's, when no port can be had.
    pub async fn start() -> std::io::Result<Self> {
        Self::start_on("127.0.0.1").await
    }

    /// Starts to listen on another of this machine's addresses, such as 127.0.0.2.
    ///
    /// # Errors
    /// The system's, when the address is not this machine's or no port can be had.
    pub async fn start_on(address: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind((address, 0)).await?;
        let address = listener.local_addr()?;
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let accepting = tokio::spawn(async move {
            // Each connection is dropped at once; the count is what matters.
            while listener.accept().await.is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Ok(Self { address, connections, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A URL on it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Untouched {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
