//! The registry tokens of this tab.

use dockpass_protocol::scope::ScopeSet;
use secrecy::SecretString;

/// More sets of scopes than this are not kept at once: the page of one person needs a few.
const MAX_ENTRIES: usize = 128;

/// A token is not used in the last moments of its life, or it would end on its way.
const MARGIN_MS: f64 = 5_000.0;

/// A token service: the realm and the service as the registry named them, if it named them.
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

/// Tokens by the token service that gave them and their requested scopes: a registry that moves to another service is not
/// sent the tokens of the old one. It lives as long as the tab and never leaves its memory; it does not share
/// a larger token with a smaller need, and it does not know the clock.
#[derive(Debug, Default)]
pub(crate) struct TokenCache {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    source: Source,
    scopes: ScopeSet,
    token: SecretString,
    usable_until: f64,
}

impl TokenCache {
    /// The token of this service for exactly these scopes, if it is good at `now` (milliseconds since the epoch).
    pub(crate) fn get(&self, source: &Source, scopes: &ScopeSet, now: f64) -> Option<SecretString> {
        self.entries
            .iter()
            .find(|entry| entry.source == *source && entry.scopes == *scopes && now < entry.usable_until)
            .map(|entry| entry.token.clone())
    }

    /// Keeps a token that was given at `now` for `lifetime_ms`.
    pub(crate) fn put(
        &mut self,
        source: Source,
        scopes: ScopeSet,
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
        self.entries.push(Entry { source, scopes, token, usable_until });
    }
}
