//! The part of the token cache that instances share.
//!
//! A value of the store is used if it opens under the key of this session and this request, and no longer than this
//! instance's own caps and clock allow. Everything else is a miss (threat CCH-09).

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::flow::{FlowError, Hop};
use dockpass_protocol::realm::Realm;
use dockpass_protocol::scope::ScopeSet;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Identity;
use super::cache::{CachedToken, Caps, Entry, KeptResponse, fields_of, is_clear};
use crate::clock::{Clock, Randomness};
use crate::registry::Registry;
use crate::session::Sessions;
use crate::session::keyring::SealingKey;
use crate::store::Store;
use crate::store::seal::{Kind, Name};

/// Clocks of instances may differ by this much; entries from further ahead are misses.
const SKEW_MS: i64 = 60_000;
/// Lifetime of the lock of a flight: the instance that has it may have died.
const FLIGHT: Duration = Duration::from_secs(5);
/// How long another instance's flight is waited for, and how often its result is looked up.
const PATIENCE: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(40);

/// Reads and writes the store. Cloning is cheap.
#[derive(Clone, Debug)]
pub(super) struct SharedCache {
    store: Arc<Store>,
    sessions: Arc<Sessions>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Randomness>,
    caps: Caps,
}

/// The names of one request in the store, and what its value is sealed with.
#[derive(Clone, Debug)]
pub(super) struct Place {
    key: Arc<SealingKey>,
    name: Name,
    /// The lock of the flight.
    flight: Name,
    identity: Identity,
}

impl Place {
    /// What the key of the value is derived from, besides the private key.
    fn holder(&self) -> &[u8] {
        match &self.identity {
            Identity::Anonymous | Identity::CatalogAccount(_) => &[],
            Identity::Session(sealed, _) => sealed.text().as_bytes(),
        }
    }

    fn session_end_ms(&self) -> Option<i64> {
        match &self.identity {
            Identity::Anonymous | Identity::CatalogAccount(_) => None,
            Identity::Session(_, info) => Some(info.expires_at_ms()),
        }
    }
}

impl SharedCache {
    pub(super) fn new(
        store: Arc<Store>,
        sessions: Arc<Sessions>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Randomness>,
        caps: Caps,
    ) -> Self {
        Self { store, sessions, clock, random, caps }
    }

    /// The place of this request. `None` if the key of the session is gone, and for the key server's own account, whose
    /// tokens stay in the process.
    pub(super) fn place(
        &self,
        identity: &Identity,
        registry: &Registry,
        realm: &Realm,
        service: Option<&str>,
        scopes: &ScopeSet,
    ) -> Option<Place> {
        // The key of the session, so that names do not change while keys are rotated.
        let key = match identity {
            Identity::Anonymous => self.sessions.current_key(),
            Identity::Session(_, info) => self.sessions.key(&info.kid)?,
            Identity::CatalogAccount(_) => return None,
        };
        let name = |kind| {
            let mut naming = key.store().naming(kind);
            // Two servers with the same keys and another origin are two servers.
            naming.field(self.sessions.audience().as_bytes());
            fields_of(identity, registry, realm, service, scopes, &mut |field| _ = naming.field(field));
            naming.finish()
        };
        let (name, flight) = (name(Kind::Token), name(Kind::Flight));
        Some(Place { key, name, flight, identity: identity.clone() })
    }

    /// The entry, if it may still be used.
    pub(super) async fn get(&self, place: &Place) -> Option<Entry> {
        let Some(value) = self.store.get(&place.name).await.ok()? else {
            self.store.found(false);
            return None;
        };
        let now_ms = self.clock.now_ms();
        let content = place.key.store().open(&place.name, place.holder(), &value);
        let entry = content.and_then(|content| decode(&content));
        if entry.is_none() {
            self.store.found_corrupt();
        }
        let entry = entry.and_then(|entry| self.admit(entry, place, now_ms));
        self.store.found(entry.is_some());
        entry
    }

    /// Removes the entry.
    pub(super) async fn forget(&self, place: &Place) {
        self.store.remove(&place.name).await;
    }

    /// The result of this future, unless another instance is already fetching the same and succeeds soon.
    pub(super) async fn fetch(
        &self,
        place: &Place,
        fetch: impl Future<Output = Result<Entry, FlowError>>,
    ) -> Result<Entry, FlowError> {
        let is_ours = match self.store.lock(&place.flight, FLIGHT).await {
            Ok(true) => true,
            Ok(false) => match self.wait(place).await {
                Some(entry) => return Ok(entry),
                None => false,
            },
            Err(_) => false,
        };
        let fetched = fetch.await;
        if let Ok(entry) = &fetched {
            self.put(place, entry).await;
        }
        if is_ours {
            self.store.remove(&place.flight).await;
        }
        fetched
    }

    /// Waits for the flight of another instance; `None` if it failed or takes too long.
    async fn wait(&self, place: &Place) -> Option<Entry> {
        let waiting = async {
            loop {
                tokio::time::sleep(POLL).await;
                let is_over = !self.store.is_locked(&place.flight).await.ok()?;
                if let Some(entry) = self.get(place).await {
                    return Some(entry);
                }
                if is_over {
                    return None;
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.ok().flatten()
    }

    async fn put(&self, place: &Place, entry: &Entry) {
        let left = entry.keep_until_ms().saturating_sub(self.clock.now_ms());
        let Ok(left @ 1..) = u64::try_from(left) else { return };
        let sealed = encode(entry)
            .and_then(|content| place.key.store().seal(&place.name, place.holder(), &content, &*self.random));
        if let Some(sealed) = sealed {
            self.store.put(&place.name, &sealed, Duration::from_millis(left)).await;
        }
    }

    /// The entry within our own caps, by our own clock.
    fn admit(&self, entry: Entry, place: &Place, now_ms: i64) -> Option<Entry> {
        if entry.obtained_at_ms() > now_ms.saturating_add(SKEW_MS) {
            return None;
        }
        let cap_ms = match &entry {
            Entry::Token(token) if token.denied.is_empty() => self.caps.max_token_ms,
            Entry::Token(_) => self.caps.max_token_ms.min(self.caps.denial_ms),
            Entry::Refused { .. } => self.caps.denial_ms,
        };
        let end = place.session_end_ms().unwrap_or(i64::MAX);
        let until_ms = entry.keep_until_ms().min(now_ms.saturating_add(cap_ms)).min(end);
        if now_ms >= until_ms {
            return None;
        }
        Some(match entry {
            Entry::Token(token) if token.keep_until_ms != until_ms => Entry::Token(Arc::new(CachedToken {
                token: token.token.clone(),
                granted: token.granted.clone(),
                denied: token.denied.clone(),
                unknown: token.unknown.clone(),
                keep_until_ms: until_ms,
                response: KeptResponse::default(),
                ..*token
            })),
            Entry::Token(token) => Entry::Token(token),
            Entry::Refused { error, obtained_at_ms, .. } => {
                Entry::Refused { error, obtained_at_ms, keep_until_ms: until_ms }
            }
        })
    }
}

/// The content of a sealed value.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    obtained_at_ms: i64,
    keep_until_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<StoredToken>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<StoredRefusal>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredToken {
    #[serde(serialize_with = "exposed")]
    token: SecretString,
    expires_at_ms: i64,
    is_jwt: bool,
    granted: Vec<String>,
    denied: Vec<String>,
    unknown: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRefusal {
    code: ErrorCode,
    hop: Hop,
    status: Option<u16>,
}

fn exposed<S: serde::Serializer>(token: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(token.expose_secret())
}

fn encode(entry: &Entry) -> Option<Zeroizing<Vec<u8>>> {
    let (obtained_at_ms, keep_until_ms) = (entry.obtained_at_ms(), entry.keep_until_ms());
    let (token, refused) = match entry {
        Entry::Token(token) => {
            let stored = StoredToken {
                token: token.token.clone(),
                expires_at_ms: token.expires_at_ms,
                is_jwt: token.is_jwt,
                granted: token.granted.clone(),
                denied: token.denied.clone(),
                unknown: token.unknown.clone(),
            };
            (Some(stored), None)
        }
        Entry::Refused { error, .. } => {
            (None, Some(StoredRefusal { code: error.code, hop: error.hop, status: error.status }))
        }
    };
    // One allocation: a buffer that grows leaves copies of the token in memory.
    let mut json = Zeroizing::new(Vec::with_capacity(usize::try_from(entry.weight()).ok()? * 2 + 256));
    serde_json::to_writer(&mut *json, &Stored { obtained_at_ms, keep_until_ms, token, refused }).ok()?;
    Some(json)
}

fn decode(json: &[u8]) -> Option<Entry> {
    let Stored { obtained_at_ms, keep_until_ms, token, refused } = serde_json::from_slice(json).ok()?;
    match (token, refused) {
        (Some(token), None) => Some(Entry::Token(Arc::new(CachedToken {
            token: token.token,
            expires_at_ms: token.expires_at_ms,
            is_jwt: token.is_jwt,
            granted: token.granted,
            denied: token.denied,
            unknown: token.unknown,
            obtained_at_ms,
            keep_until_ms,
            response: KeptResponse::default(),
        }))),
        (None, Some(StoredRefusal { code, hop, status })) => {
            let error = FlowError { status, ..FlowError::new(code, hop) };
            // Only clear refusals are stored.
            is_clear(&error).then_some(Entry::Refused { error, obtained_at_ms, keep_until_ms })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
