//! Host names to addresses, for every connection that this server makes.
//!
//! `getaddrinfo` blocks for as long as the system's resolver waits, ten seconds and more when a DNS server is dead. So it
//! runs on threads of its own, once per name however many ask, and few at a time for one registry: a dead name holds one
//! thread and nobody else's. Why not a resolver in Rust: decision 0041.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};

use crate::blocking::BlockingPool;

/// Threads for lookups, of all registries together.
const THREADS: usize = 32;
/// Lookups of one registry at a time.
const SHARE: usize = 4;
/// How long addresses are used without another lookup. `getaddrinfo` does not tell how long they are valid.
const FRESH: Duration = Duration::from_secs(10);
/// How long the last addresses are used when lookups fail (RFC 8767 allows days).
const USABLE: Duration = Duration::from_mins(10);
/// How long a caller waits for a lookup before it uses the last addresses (RFC 8767 §5 suggests 1.8 s).
const PATIENCE: Duration = Duration::from_secs(1);
/// Names whose addresses are kept at most; the least used are removed.
const MAX_NAMES: u64 = 10_000;
/// Addresses of a name that are kept at most.
const MAX_ADDRESSES: usize = 16;

/// Looks names up and may block.
pub trait Lookup: fmt::Debug + Send + Sync + 'static {
    /// The addresses of a host.
    ///
    /// # Errors
    /// The system's.
    fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// `getaddrinfo`: `/etc/hosts`, search domains and whatever else the system is configured for.
#[derive(Debug)]
struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok((host, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
    }
}

/// Addresses that were found, and until when they may be used.
#[derive(Clone, Debug)]
struct Known {
    addresses: Arc<[IpAddr]>,
    fresh_until: Instant,
}

/// The result of a lookup; `None` until it ends, `Some(None)` for a failure.
type Outcome = Option<Option<Arc<[IpAddr]>>>;

/// Resolves names, with a cache. Cloning shares it.
#[derive(Clone)]
pub struct HostResolver(Arc<Inner>);

struct Inner {
    pool: BlockingPool,
    lookup: Arc<dyn Lookup>,
    known: moka::sync::Cache<Box<str>, Known>,
    /// The lookups that are running or wait for a thread.
    running: Mutex<HashMap<Box<str>, watch::Receiver<Outcome>>>,
}

/// The lookups that one registry may have running.
#[derive(Clone, Debug)]
pub struct LookupShare(Arc<Semaphore>);

impl Default for LookupShare {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(SHARE)))
    }
}

impl HostResolver {
    /// The system's resolver.
    ///
    /// # Errors
    /// The system's, when it has no descriptors left.
    pub fn system() -> io::Result<Self> {
        Self::with(Arc::new(SystemLookup))
    }

    /// A resolver that looks names up in this way.
    ///
    /// # Errors
    /// The system's, when it has no descriptors left.
    pub fn with(lookup: Arc<dyn Lookup>) -> io::Result<Self> {
        Ok(Self(Arc::new(Inner {
            pool: BlockingPool::new("resolver", THREADS)?,
            lookup,
            known: moka::sync::Cache::builder().max_capacity(MAX_NAMES).time_to_live(USABLE).build(),
            running: Mutex::default(),
        })))
    }

    /// The addresses of a host, for the registry of this share. When a lookup fails or takes long, the last addresses.
    ///
    /// # Errors
    /// The name has no addresses, or its lookup failed.
    pub async fn resolve(&self, host: &str, share: &LookupShare) -> io::Result<Arc<[IpAddr]>> {
        let Some(known) = self.0.known.get(host) else {
            return self.look_up(host, share).await;
        };
        // Whoever comes while a lookup is running takes the last addresses.
        if Instant::now() < known.fresh_until || self.running(host).is_some() {
            return Ok(known.addresses);
        }
        match timeout(PATIENCE, self.look_up(host, share)).await {
            Ok(Ok(addresses)) => Ok(addresses),
            Ok(Err(_)) | Err(_) => Ok(known.addresses),
        }
    }

    async fn look_up(&self, host: &str, share: &LookupShare) -> io::Result<Arc<[IpAddr]>> {
        let failed = || io::Error::new(io::ErrorKind::NotFound, "the host name cannot be resolved");
        let mut outcome = match self.running(host) {
            Some(outcome) => outcome,
            None => self.start(host, share).await.ok_or_else(failed)?,
        };
        // The sender is dropped without a result only when the pool is.
        let found = outcome.wait_for(Option::is_some).await.map_err(|_| failed())?;
        found.clone().flatten().ok_or_else(failed)
    }

    fn running(&self, host: &str) -> Option<watch::Receiver<Outcome>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner).get(host).cloned()
    }

    /// Starts a lookup that runs to its end even if nobody waits any more, because its thread cannot be interrupted.
    async fn start(&self, host: &str, share: &LookupShare) -> Option<watch::Receiver<Outcome>> {
        let place = Arc::clone(&share.0).acquire_owned().await.ok()?;
        let (sender, receiver) = watch::channel(None);
        {
            let mut running = self.0.running.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(other) = running.get(host) {
                return Some(other.clone());
            }
            running.insert(host.into(), receiver.clone());
        }
        let (this, host) = (Arc::downgrade(&self.0), Box::<str>::from(host));
        let lookup = Arc::clone(&self.0.lookup);
        self.0.pool.spawn(move || {
            let _place = place;
            // A panic of the lookup must not leave the name marked as running.
            let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| lookup.lookup(&host)));
            let found = found.ok().and_then(Result::ok).filter(|addresses| !addresses.is_empty());
            let found: Option<Arc<[IpAddr]>> =
                found.map(|addresses| addresses.into_iter().take(MAX_ADDRESSES).collect());
            if let Some(this) = this.upgrade() {
                this.remember(&host, found.as_ref());
            }
            sender.send_replace(Some(found));
        })?;
        Some(receiver)
    }
}

impl Inner {
    fn remember(&self, host: &str, found: Option<&Arc<[IpAddr]>>) {
        let fresh_until = Instant::now() + FRESH;
        if let Some(addresses) = found {
            self.known.insert(host.into(), Known { addresses: Arc::clone(addresses), fresh_until });
        } else {
            tracing::warn!(host, "the host name cannot be resolved");
        }
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(host);
    }
}

impl fmt::Debug for HostResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostResolver").field("lookup", &self.0.lookup).finish_non_exhaustive()
    }
}

/// Resolves the name of the store.
#[derive(Debug)]
pub(crate) struct ForStore {
    resolver: HostResolver,
    share: LookupShare,
}

impl ForStore {
    pub(crate) fn new(resolver: &HostResolver) -> Self {
        Self { resolver: resolver.clone(), share: LookupShare::default() }
    }
}

impl crate::store::Resolver for ForStore {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> crate::store::Resolving<'a> {
        Box::pin(async move {
            let addresses = self.resolver.resolve(host, &self.share).await?;
            Ok(addresses.iter().map(|address| SocketAddr::new(*address, port)).collect())
        })
    }
}
