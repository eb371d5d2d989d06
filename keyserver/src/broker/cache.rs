//! The token cache: in memory, bounded by bytes, with an expiry per entry.

mod response;

use std::fmt::{Display, Write as _};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use dockpass_protocol::api::{IssuedToken, TokenForm};
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::flow::FlowError;
use dockpass_protocol::realm::Realm;
use dockpass_protocol::scope::ScopeSet;
use moka::Expiry;
use moka::future::Cache;
use secrecy::{ExposeSecret, SecretString};

use super::Identity;
use crate::clock::{NoRandomness, Randomness};
use crate::config::CacheSettings;
use crate::registry::Registry;
pub(super) use response::KeptResponse;

/// A token that expires sooner than this is not served from the cache.
const MARGIN_MS: i64 = 30_000;
/// Bytes of an entry besides its strings: key, times, and bookkeeping of the cache.
const OVERHEAD: usize = 256;

/// A key can be refreshed on demand once in this time; more often would be a way to flood the token service.
const FRESHEN_MS: i64 = 2_000;
/// Keys whose last refresh is remembered at most.
const MAX_FRESHENED: u64 = 10_000;

/// The key of an entry. It cannot be computed without the session.
pub(super) type CacheKey = [u8; 32];

/// A cached token.
#[derive(Debug)]
pub(super) struct CachedToken {
    pub(super) token: SecretString,
    pub(super) expires_at_ms: i64,
    pub(super) is_jwt: bool,
    pub(super) granted: Vec<String>,
    pub(super) denied: Vec<String>,
    pub(super) unknown: Vec<String>,
    /// When it was received.
    pub(super) obtained_at_ms: i64,
    /// When it expires, by our clock.
    pub(super) keep_until_ms: i64,
    pub(super) response: KeptResponse,
}

/// The only type of token.
const TOKEN_TYPE: &str = "Bearer";

impl CachedToken {
    fn kind(&self) -> TokenForm {
        if self.is_jwt { TokenForm::Jwt } else { TokenForm::Opaque }
    }

    /// How long it may be used from this time on, in seconds.
    fn expires_in(&self, now_ms: i64) -> u64 {
        u64::try_from(self.expires_at_ms.saturating_sub(now_ms) / 1_000).unwrap_or(0)
    }

    /// The response of `POST /v1/token` at this time.
    pub(super) fn issued(&self, now_ms: i64) -> IssuedToken {
        IssuedToken {
            token: self.token.expose_secret().to_owned(),
            token_type: TOKEN_TYPE.to_owned(),
            session: None,
            expires_in: self.expires_in(now_ms),
            issued_at: now_ms,
            kind: self.kind(),
            granted: self.granted.clone(),
            denied: self.denied.clone(),
            unknown: self.unknown.clone(),
            steps: Vec::new(),
        }
    }

    /// The same as JSON.
    pub(super) fn response(&self, now_ms: i64) -> Option<Vec<u8>> {
        self.response.of(self, now_ms)
    }
}

/// The value of a key.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// A token.
    Token(Arc<CachedToken>),
    /// A denial, kept briefly so that a wrong password is not tried over and over.
    Refused {
        /// Which.
        error: FlowError,
        /// When it was received.
        obtained_at_ms: i64,
        /// Until when it may be kept.
        keep_until_ms: i64,
    },
}

/// A token with less time left than this is not used for a request that cannot be sent twice.
const UPLOAD_MS: i64 = 60_000;

impl Entry {
    /// Whether a token ends while a body may still be on its way.
    pub(super) fn is_near_its_end(&self, now_ms: i64) -> bool {
        matches!(self, Self::Token(cached) if cached.expires_at_ms.saturating_sub(now_ms) < UPLOAD_MS)
    }

    /// Whether it came before this time, if there is one.
    pub(super) fn is_older_than(&self, at_ms: Option<i64>) -> bool {
        at_ms.is_some_and(|at_ms| self.obtained_at_ms() <= at_ms)
    }

    pub(super) fn obtained_at_ms(&self) -> i64 {
        match self {
            Self::Token(cached) => cached.obtained_at_ms,
            Self::Refused { obtained_at_ms, .. } => *obtained_at_ms,
        }
    }

    pub(super) fn keep_until_ms(&self) -> i64 {
        match self {
            Self::Token(cached) => cached.keep_until_ms,
            Self::Refused { keep_until_ms, .. } => *keep_until_ms,
        }
    }

    pub(super) fn weight(&self) -> u32 {
        let bytes = match self {
            Self::Refused { .. } => 0,
            Self::Token(cached) => {
                let texts = cached.granted.iter().chain(&cached.denied).chain(&cached.unknown);
                // Twice, because of the prepared response.
                2 * (cached.token.expose_secret().len() + texts.map(|text| text.len() + 24).sum::<usize>())
            }
        };
        u32::try_from(bytes + OVERHEAD).unwrap_or(u32::MAX)
    }
}

/// Upper limits of lifetimes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caps {
    pub(super) max_token_ms: i64,
    pub(super) denial_ms: i64,
}

impl Caps {
    /// When a token ends, as far as that is believed: some services tell nanoseconds.
    pub(super) fn believed(&self, now_ms: i64, expires_at_ms: i64) -> i64 {
        expires_at_ms.min(now_ms.saturating_add(self.max_token_ms))
    }

    /// When this token is removed: before it expires, with the session, or at the cap; sooner when it denies a scope.
    pub(super) fn keep_until_ms(
        &self,
        now_ms: i64,
        expires_at_ms: i64,
        session_end_ms: Option<i64>,
        denies: bool,
    ) -> i64 {
        let left = expires_at_ms.saturating_sub(now_ms).max(0);
        let margin = MARGIN_MS.min(left / 2);
        let cap = if denies { self.max_token_ms.min(self.denial_ms) } else { self.max_token_ms };
        let end = now_ms.saturating_add((left - margin).min(cap));
        session_end_ms.map_or(end, |session| end.min(session))
    }

    /// When this denial is removed.
    pub(super) fn refusal_until_ms(&self, now_ms: i64) -> i64 {
        now_ms.saturating_add(self.denial_ms)
    }
}

/// The cache. Entries may disappear at any time; a caller then requests the token again.
#[derive(Clone, Debug)]
pub(super) struct TokenCache {
    entries: Cache<CacheKey, Entry>,
    /// When a key was last refreshed.
    freshened: moka::sync::Cache<CacheKey, i64>,
    mac: Arc<hmac::Key>,
    pub(super) caps: Caps,
}

impl TokenCache {
    pub(super) fn new(settings: &CacheSettings, random: &dyn Randomness) -> Result<Self, NoRandomness> {
        let mut secret = zeroize::Zeroizing::new([0_u8; 32]);
        random.fill(&mut *secret)?;
        Ok(Self {
            entries: Cache::builder()
                .max_capacity(settings.max_bytes)
                .weigher(|_key, entry: &Entry| entry.weight())
                .expire_after(Lifetime)
                .build(),
            freshened: moka::sync::Cache::builder()
                .max_capacity(MAX_FRESHENED)
                .time_to_live(Duration::from_mins(1))
                .build(),
            mac: Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &*secret)),
            caps: Caps {
                max_token_ms: crate::clock::millis(settings.max_token),
                denial_ms: crate::clock::millis(settings.denial),
            },
        })
    }

    /// The cache key of a request. Every field is preceded by its length, so that different requests never have the
    /// same input.
    pub(super) fn key(
        &self,
        identity: &Identity,
        registry: &Registry,
        realm: &Realm,
        service: Option<&str>,
        scopes: &ScopeSet,
    ) -> CacheKey {
        let mut mac = hmac::Context::with_key(&self.mac);
        fields_of(identity, registry, realm, service, scopes, &mut |bytes| {
            mac.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(bytes);
        });
        let mut key = [0; 32];
        key.copy_from_slice(mac.sign().as_ref());
        key
    }

    /// Entries, and their bytes.
    pub(super) fn size(&self) -> (u64, u64) {
        (self.entries.entry_count(), self.entries.weighted_size())
    }

    /// The value of this key, if it may still be used.
    pub(super) async fn get(&self, key: &CacheKey, now_ms: i64) -> Option<Entry> {
        let entry = self.entries.get(key).await?;
        (now_ms < entry.keep_until_ms()).then_some(entry)
    }

    /// The value of this key, or else the one that this future finds elsewhere. One future per key runs at a time.
    pub(super) async fn get_or_look_up(
        &self,
        key: CacheKey,
        now_ms: i64,
        look_up: impl Future<Output = Option<Entry>>,
    ) -> Option<Entry> {
        self.forget_stale(&key, now_ms).await;
        let entry = self.entries.optionally_get_with(key, look_up).await?;
        (now_ms < entry.keep_until_ms()).then_some(entry)
    }

    /// Whether the value of this key may be refreshed on demand now; calling it counts as a refresh.
    pub(super) fn may_freshen(&self, key: &CacheKey, now_ms: i64) -> bool {
        let is_over = |at_ms: &i64| !(0..FRESHEN_MS).contains(&now_ms.saturating_sub(*at_ms));
        self.freshened.entry_by_ref(key).or_insert_with_if(|| now_ms, is_over).is_fresh()
    }

    /// Removes what was received before this time.
    pub(super) async fn forget_older(&self, key: &CacheKey, before_ms: i64) {
        if let Some(entry) = self.entries.get(key).await
            && entry.obtained_at_ms() <= before_ms
        {
            self.entries.invalidate(key).await;
        }
    }

    /// moka's own clock may lag behind an injected one: an entry that is expired by ours is not served.
    async fn forget_stale(&self, key: &CacheKey, now_ms: i64) {
        if self.get(key, now_ms).await.is_none() {
            self.forget_older(key, now_ms.saturating_sub(1)).await;
        }
    }

    /// The value of this key, or else the result of this future. One future per key runs at a time, and all other
    /// callers wait for it. An error is returned to all of them and not cached.
    pub(super) async fn get_or_fetch(
        &self,
        key: CacheKey,
        now_ms: i64,
        fetch: impl Future<Output = Result<Entry, FlowError>>,
    ) -> Result<Entry, FlowError> {
        self.forget_stale(&key, now_ms).await;
        self.entries.try_get_with(key, fetch).await.map_err(|error| *error)
    }
}

/// Whether the token service refused these credentials, as opposed to failing.
pub(super) fn is_clear(error: &FlowError) -> bool {
    matches!(error.code, ErrorCode::BadCredentials | ErrorCode::ScopeDenied | ErrorCode::LoginRequired)
        && matches!(error.status, Some(401 | 403))
}

/// The fields of a request. Different requests have different fields.
pub(super) fn fields_of(
    identity: &Identity,
    registry: &Registry,
    realm: &Realm,
    service: Option<&str>,
    scopes: &ScopeSet,
    field: &mut dyn FnMut(&[u8]),
) {
    match identity {
        Identity::Anonymous => field(b"anonymous"),
        Identity::Session(sealed, _) => field(sealed.hash()),
        Identity::CatalogAccount(_) => field(b"catalog account"),
    }
    // One buffer for all of them: this runs for every token from the cache.
    let mut text = String::with_capacity(256);
    let mut display = |value: &dyn Display, field: &mut dyn FnMut(&[u8])| {
        text.clear();
        // Writing to a String cannot fail.
        write!(text, "{value}").ok();
        field(text.as_bytes());
    };
    display(registry.origin(), field);
    display(realm, field);
    field(if service.is_some() { b"service" } else { b"no service" });
    field(service.unwrap_or_default().as_bytes());
    for scope in scopes {
        display(scope, field);
    }
}

/// moka's expiry of an entry: from what the entry itself says.
struct Lifetime;

impl Expiry<CacheKey, Entry> for Lifetime {
    fn expire_after_create(&self, _key: &CacheKey, entry: &Entry, _created_at: Instant) -> Option<Duration> {
        let lifetime = entry.keep_until_ms().saturating_sub(entry.obtained_at_ms()).max(0);
        Some(Duration::from_millis(u64::try_from(lifetime).unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests;
