//! The protected header of the JWE (RFC 7516 §4): the same octets for every session under one key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What this JWE is, so that no other JWE under the same key can be taken for one (RFC 8725 §3.11).
pub(super) const TYPE: &str = "dockpass-session";
/// The first 45 octets of every header in base64url: `{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"`.
pub(super) const BEGIN: &str = "eyJhbGciOiJSU0EtT0FFUC0yNTYiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoi";

/// The header under the key with this `kid`, in base64url.
pub(super) fn encode(kid: &str) -> String {
    URL_SAFE_NO_PAD
        .encode(format!(r#"{{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"{kid}","typ":"{TYPE}"}}"#))
}
