//! How many connections one address has, so that no address can have them all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::rate_limit::customer;

/// The connections of every address; an address is what a limit of logins counts as one.
#[derive(Debug)]
pub(super) struct Places {
    taken: Mutex<HashMap<String, Taken>>,
    most: usize,
    /// Proxies stand for many people.
    exempt: Vec<IpAddr>,
}

#[derive(Debug, Default)]
struct Taken {
    places: usize,
    /// Whether the log has heard of it: one line per address, not one per connection.
    told: bool,
}

/// A connection's place, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    /// `None` for an exempt address.
    customer: Option<String>,
}

impl Places {
    /// So many connections per address, and any number for these.
    pub(super) fn new(most: usize, exempt: Vec<IpAddr>) -> Arc<Self> {
        Arc::new(Self { taken: Mutex::default(), most, exempt })
    }

    /// A place for a connection from this address. `None` when it has as many as it may.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        if self.exempt.contains(&address.to_canonical()) {
            return Some(Place { places: Arc::clone(self), customer: None });
        }
        let customer = customer(address);
        let mut all = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = all.entry(customer.clone()).or_default();
        if taken.places >= self.most {
            if !std::mem::replace(&mut taken.told, true) {
                tracing::warn!(
                    address = %customer,
                    most = self.most,
                    "an address has as many connections as limits.connections_per_address allows; a proxy belongs into \
                     trusted_proxies"
                );
            }
            return None;
        }
        taken.places += 1;
        Some(Place { places: Arc::clone(self), customer: Some(customer) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(customer) = &self.customer else { return };
        let mut all = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = all.get_mut(customer) {
            taken.places = taken.places.saturating_sub(1);
            if taken.places == 0 {
                all.remove(customer);
            }
        }
    }
}
