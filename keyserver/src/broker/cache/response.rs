//! The response of `POST /v1/token` for a cached token, written once.

use std::fmt;
use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use dockpass_protocol::api::TokenForm;
use secrecy::ExposeSecret;
use serde::Serialize;
use zeroize::Zeroizing;

use super::CachedToken;

/// The response for a token, kept from the second time on: most tokens are sent once, and it is as large as the token.
#[derive(Debug, Default)]
pub(in crate::broker) struct KeptResponse {
    was_sent: AtomicBool,
    prepared: OnceLock<Option<PreparedResponse>>,
}

impl KeptResponse {
    /// The response for this token at this time. `None` if it cannot be written as JSON.
    pub(super) fn of(&self, cached: &CachedToken, now_ms: i64) -> Option<Vec<u8>> {
        let at = |prepared: &PreparedResponse| prepared.at(cached.expires_in(now_ms), now_ms);
        if self.was_sent.swap(true, Ordering::Relaxed) {
            self.prepared.get_or_init(|| PreparedResponse::of(cached)).as_ref().map(at)
        } else {
            PreparedResponse::of(cached).as_ref().map(at)
        }
    }
}

/// The JSON of an issued token around its two times, which are different in every response. It holds the token, and has no
/// `Debug` that shows it.
struct PreparedResponse {
    before: Zeroizing<Vec<u8>>,
    after: Vec<u8>,
}

/// The members before the times.
#[derive(Serialize)]
struct Before<'a> {
    token: &'a str,
    token_type: &'a str,
}

/// The members after the times.
#[derive(Serialize)]
struct After<'a> {
    kind: TokenForm,
    granted: &'a [String],
    denied: &'a [String],
    unknown: &'a [String],
}

/// Room for the names and values of the times.
const TIMES: usize = 96;

impl PreparedResponse {
    /// `None` if it cannot be written as JSON.
    fn of(cached: &CachedToken) -> Option<Self> {
        let token = cached.token.expose_secret();
        // Tokens have no characters that JSON escapes; a buffer that grows after all is wiped by the allocator.
        let mut before = Zeroizing::new(Vec::with_capacity(token.len() + TIMES));
        serde_json::to_writer(&mut *before, &Before { token, token_type: super::TOKEN_TYPE }).ok()?;
        // Without the brace that ends the object.
        before.pop();
        let CachedToken { granted, denied, unknown, .. } = cached;
        let after = serde_json::to_vec(&After { kind: cached.kind(), granted, denied, unknown }).ok()?;
        Some(Self { before, after })
    }

    /// The response at this time.
    fn at(&self, expires_in: u64, issued_at: i64) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.before.len() + TIMES + self.after.len());
        body.extend_from_slice(&self.before);
        // Writing to a Vec cannot fail.
        write!(body, ",\"expires_in\":{expires_in},\"issued_at\":{issued_at},").ok();
        body.extend_from_slice(self.after.get(1..).unwrap_or_default());
        body
    }
}

impl fmt::Debug for PreparedResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PreparedResponse(..)")
    }
}
