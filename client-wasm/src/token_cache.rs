//! The registry tokens of this tab.

use dockpass_protocol::scope::ScopeSet;
use secrecy::SecretString;

/// More sets of scopes than this are not kept at once: the page of one person needs a few.
const MAX_ENTRIES: usize = 128;

/// A token is not used in the last moments of its life, or it would end on its way.
const MARGIN_MS: f64 = 5_000.0;

/// Tokens by their requested scopes. It lives as long as the tab and never leaves its memory; it does not share
/// a larger token with a smaller need, and it does not know the clock.
#[derive(Debug, Default)]
pub(crate) struct TokenCache {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    scopes: ScopeSet,
    token: SecretString,
    usable_until: f64,
}

impl TokenCache {
    /// The token for exactly these scopes, if it is good at `now` (milliseconds since the epoch).
    pub(crate) fn get(&self, scopes: &ScopeSet, now: f64) -> Option<SecretString> {
        self.entries
            .iter()
            .find(|entry| entry.scopes == *scopes && now < entry.usable_until)
            .map(|entry| entry.token.clone())
    }

    /// Keeps a token that was given at `now` for `lifetime_ms`.
    pub(crate) fn put(&mut self, scopes: ScopeSet, token: SecretString, now: f64, lifetime_ms: f64) {
        self.entries.retain(|entry| entry.scopes != scopes && now < entry.usable_until);
        let usable_until = now + lifetime_ms - MARGIN_MS.min(lifetime_ms / 10.0);
        if self.entries.len() == MAX_ENTRIES {
            self.entries.remove(0);
        }
        self.entries.push(Entry { scopes, token, usable_until });
    }
}
