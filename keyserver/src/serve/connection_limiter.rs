//! Limits the connections per client address, so that one client cannot take all of them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;

use crate::rate_limit::client_prefix;

/// Counts the open connections per client prefix.
#[derive(Debug)]
pub(super) struct ConnectionLimiter {
    clients: Mutex<HashMap<String, OpenConnections>>,
    max_per_client: NonZeroUsize,
    /// Trusted proxies: their connections carry the requests of many clients.
    exempt: Vec<IpNet>,
}

#[derive(Debug, Default)]
struct OpenConnections {
    count: usize,
    /// Whether a warning was logged: one line per client, not one per connection.
    warned: bool,
}

/// Permission for one connection; returned when dropped.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    limiter: Arc<ConnectionLimiter>,
    /// `None` for an exempt address.
    client: Option<String>,
}

impl ConnectionLimiter {
    /// Allows `max_per_client` connections per client, and any number for `exempt` addresses.
    pub(super) fn new(max_per_client: NonZeroUsize, exempt: Vec<IpNet>) -> Arc<Self> {
        Arc::new(Self { clients: Mutex::default(), max_per_client, exempt })
    }

    /// A permit for a connection from this address; `None` when the client has reached its limit.
    pub(super) fn acquire(self: &Arc<Self>, address: IpAddr) -> Option<ConnectionPermit> {
        if self.exempt.iter().any(|network| network.contains(&address.to_canonical())) {
            return Some(ConnectionPermit { limiter: Arc::clone(self), client: None });
        }
        let client = client_prefix(address);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let open = clients.entry(client.clone()).or_default();
        if open.count >= self.max_per_client.get() {
            if !std::mem::replace(&mut open.warned, true) {
                tracing::warn!(
                    %client,
                    limit = self.max_per_client,
                    "connection refused: the client has reached limits.connections_per_address; add a reverse proxy's \
                     address to trusted_proxies"
                );
            }
            return None;
        }
        open.count += 1;
        Some(ConnectionPermit { limiter: Arc::clone(self), client: Some(client) })
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let Some(client) = &self.client else { return };
        let mut clients = self.limiter.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = clients.get_mut(client) {
            open.count = open.count.saturating_sub(1);
            if open.count == 0 {
                clients.remove(client);
            }
        }
    }
}
