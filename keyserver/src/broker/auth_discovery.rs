//! Finds out how a registry authenticates, with one request for all callers.
//!
//! When a caller reports another challenge than the remembered one, the registry is asked again. Callers may report
//! anything, so a recent response is not questioned.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dockpass_protocol::flow::{FlowError, RegistryAuth};
use dockpass_protocol::scope::ScopeSet;
use tokio::sync::Mutex;

use super::flight;
use crate::clock::Clock;
use crate::recorder::Recorder;
use crate::registry::Registry;

/// A discovery younger than this is not repeated, whatever a caller reports.
const YOUNG_MS: i64 = 5_000;
/// Registries that are remembered at most; the least used are removed and asked again later.
const MAX_REGISTRIES: u64 = 2_000;

/// The last discovery of each registry. Cloning shares it.
#[derive(Clone, Debug)]
pub(super) struct AuthDiscovery {
    gates: moka::sync::Cache<String, Arc<Gate>>,
}

/// The discovery of one registry: the caller that holds the lock sends the request, the others wait for its result.
#[derive(Debug, Default)]
struct Gate {
    last: Mutex<Last>,
    /// Number of completed discoveries.
    attempts: AtomicU64,
}

#[derive(Debug, Default)]
struct Last {
    /// Time of the registry's last response.
    at_ms: Option<i64>,
    /// Why the last discovery failed.
    failed: Option<FlowError>,
}

impl AuthDiscovery {
    pub(super) fn new() -> Self {
        let gates = moka::sync::Cache::builder()
            .max_capacity(MAX_REGISTRIES)
            .time_to_idle(Duration::from_hours(1))
            .build();
        Self { gates }
    }

    /// How this registry authenticates: as remembered unless that `is_stale`, else by a request. `admit` is called
    /// before a request is sent.
    pub(super) async fn auth(
        &self,
        registry: &Registry,
        clock: &dyn Clock,
        recorder: &Recorder,
        scopes: &ScopeSet,
        is_stale: impl Fn(&RegistryAuth) -> bool,
        admit: impl FnOnce() -> Result<(), FlowError>,
    ) -> Result<RegistryAuth, FlowError> {
        if let Some(known) = registry.known_auth(clock.now_ms()).filter(|known| !is_stale(known)) {
            return Ok(known);
        }
        admit()?;
        let gate = self.gates.get_with_by_ref(registry.name(), Arc::default);
        let attempts = gate.attempts.load(Ordering::Acquire);
        let mut last = gate.last.lock().await;
        let now_ms = clock.now_ms();
        let is_young = last.at_ms.is_some_and(|at_ms| (0..YOUNG_MS).contains(&now_ms.saturating_sub(at_ms)));
        if let Some(known) = registry.known_auth(now_ms).filter(|known| {
            // What is open here may be closed there: a challenge that a caller reports is looked at.
            (is_young && *known != RegistryAuth::Open) || !is_stale(known)
        }) {
            return Ok(known);
        }
        // A failure is returned to those who waited for it, and not remembered.
        if let Some(error) = last.failed.filter(|_| attempts != gate.attempts.load(Ordering::Acquire)) {
            return Err(error);
        }
        let seen = flight::discover(registry, scopes, clock, recorder).await;
        *last = match &seen {
            Ok(_) => Last { at_ms: Some(clock.now_ms()), failed: None },
            Err(error) => Last { at_ms: None, failed: Some(*error) },
        };
        gate.attempts.fetch_add(1, Ordering::AcqRel);
        seen
    }
}
