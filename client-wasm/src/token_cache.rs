//! The cache of registry tokens.

use dockpass_protocol::scope::ScopeSet;
use secrecy::SecretString;

/// The maximum number of tokens. A page needs only a few.
const MAX_ENTRIES: usize = 128;

/// A token is not used shortly before it expires, because it could expire in transit.
const MARGIN_MS: f64 = 5_000.0;

/// A token service: the realm and the service as the registry sent them; empty if it sent none.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Source {
    realm: String,
    service: String,
}

impl Source {
    pub(crate) fn new(realm: &str, service: Option<&str>) -> Self {
        Self { realm: realm.to_owned(), service: service.unwrap_or_default().to_owned() }
    }
}

/// Tokens by token service and requested scopes, in memory only. After a registry has changed its token service, the tokens
/// of the old one are not sent. A token is found for exactly its scopes, and for fewer of them if its claims grant those
/// (decision 0051). The caller passes the time.
#[derive(Debug, Default)]
pub(crate) struct TokenCache {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    source: Source,
    scopes: ScopeSet,
    /// Those of the scopes that the claims of the token grant; none for an opaque one. Whoever has read the claims says so:
    /// the key server, for the tokens that it issues. This crate's client has no decoder.
    granted: ScopeSet,
    token: SecretString,
    usable_until: f64,
}

impl TokenCache {
    /// The token of this service for these scopes, if there is one that is valid at `now` (milliseconds since the epoch).
    pub(crate) fn get(&self, source: &Source, scopes: &ScopeSet, now: f64) -> Option<SecretString> {
        let usable =
            || self.entries.iter().filter(|entry| entry.source == *source && now < entry.usable_until);
        // First the token that was requested for them: it may be opaque, and what it denies, it denies for good.
        let exact = usable().find(|entry| entry.scopes == *scopes);
        exact.or_else(|| usable().find(|entry| entry.serves(scopes))).map(|entry| entry.token.clone())
    }

    /// Caches a token that was issued at `now` for `lifetime_ms`, with the requested scopes and those that its claims grant.
    pub(crate) fn put(
        &mut self,
        source: Source,
        [scopes, granted]: [ScopeSet; 2],
        token: SecretString,
        now: f64,
        lifetime_ms: f64,
    ) {
        self.entries
            .retain(|entry| (entry.source != source || entry.scopes != scopes) && now < entry.usable_until);
        let usable_until = now + lifetime_ms - MARGIN_MS.min(lifetime_ms / 10.0);
        if self.entries.len() == MAX_ENTRIES {
            self.entries.remove(0);
        }
        self.entries.push(Entry { source, scopes, granted, token, usable_until });
    }
}

impl Entry {
    /// Whether the token is known to grant all of these scopes.
    fn serves(&self, scopes: &ScopeSet) -> bool {
        !scopes.is_empty() && self.granted.is_superset(scopes)
    }
}
