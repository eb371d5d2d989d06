//! The response of `POST /v1/token` for a cached token, written once.

use std::fmt;
use std::io::Write;

use dockpass_protocol::api::TokenForm;
use secrecy::ExposeSecret;
use serde::Serialize;
use zeroize::Zeroizing;

use super::CachedToken;

/// The JSON of an issued token around its two times, which are different in every response. It holds the token, and has no
/// `Debug` that shows it.
pub(in crate::broker) struct PreparedResponse {
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
    pub(super) fn of(cached: &CachedToken) -> Option<Self> {
        let token = cached.token.expose_secret();
        // One allocation: a buffer that grows leaves copies of the token in memory.
        let mut before = Zeroizing::new(Vec::with_capacity(token.len() * 2 + TIMES));
        serde_json::to_writer(&mut *before, &Before { token, token_type: super::TOKEN_TYPE }).ok()?;
        // Without the brace that ends the object.
        before.pop();
        let CachedToken { granted, denied, unknown, .. } = cached;
        let after = serde_json::to_vec(&After { kind: cached.kind(), granted, denied, unknown }).ok()?;
        Some(Self { before, after })
    }

    /// The response at this time.
    pub(super) fn at(&self, expires_in: u64, issued_at: i64) -> Vec<u8> {
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
