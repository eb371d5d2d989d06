//! The envelope: a JWE in compact form (RFC 7516 §7.1), RSA-OAEP-256 and A256GCM and nothing else, around a JWS in
//! compact form (RFC 7515 §7.1), HS256 and nothing else.
//!
//! The outer layer encrypts, the inner one authenticates: the public key is public, so that anybody can encrypt under
//! it, but the inner key is derived from the private one. The header is compared with the one that this module writes
//! before any RSA work; nothing is negotiated.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use aws_lc_rs::rsa::OAEP_SHA256_MGF1SHA256;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::keyring::SealingKey;
use crate::clock::Randomness;

/// Longest session; longer ones are refused before their base64 is decoded.
pub(super) const MAX_LENGTH: usize = 12 * 1024;
/// What this JWE is, so that no other JWE under the same key can be taken for one (RFC 8725 §3.11).
const TYPE: &str = "dockpass-session";
/// The inner header, always these bytes.
const INNER_HEADER: &str = r#"{"alg":"HS256","typ":"dockpass-session"}"#;
/// The encrypted key of a 2048-bit RSA key, in base64url.
const SHORTEST_KEY: usize = 342;
const TAG_LENGTH: usize = 16;
const NONCE_LENGTH: usize = 12;
const CEK_LENGTH: usize = 32;

/// The closed set of header fields. Unknown and repeated fields are errors, `zip` and `crit` among them.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    enc: String,
    kid: String,
    typ: String,
}

/// The parts of a JWE whose header is one of ours. No cryptography has been done yet.
#[derive(Debug)]
pub(super) struct Parsed<'a> {
    header: &'a str,
    /// Which key it names.
    pub(super) kid: String,
    encrypted_key: Vec<u8>,
    nonce: [u8; NONCE_LENGTH],
    ciphertext: Vec<u8>,
    tag: [u8; TAG_LENGTH],
}

/// Whether a bearer token is a session in form, by this or another key: such a token must never leave for a registry.
/// A damaged one still holds what it held, so that an unreadable header before a key of RSA's length counts as well.
pub fn looks_like_one(token: &str) -> bool {
    let mut parts = token.split('.');
    let (Some(header), Some(key), 5) = (parts.next(), parts.next(), token.split('.').count()) else {
        return false;
    };
    let fields = URL_SAFE_NO_PAD.decode(header).ok().and_then(|json| serde_json::from_slice(&json).ok());
    let Some(serde_json::Value::Object(fields)) = fields else { return key.len() >= SHORTEST_KEY };
    let is = |name: &str, text: &str| fields.get(name).and_then(serde_json::Value::as_str) == Some(text);
    is("typ", TYPE) || (is("alg", "RSA-OAEP-256") && is("enc", "A256GCM"))
}

/// Splits a token and compares its header. No RSA work.
pub(super) fn parse(token: &str) -> Option<Parsed<'_>> {
    if token.len() > MAX_LENGTH {
        return None;
    }
    let mut parts = token.split('.');
    let mut next = || parts.next();
    let (header, key, nonce, ciphertext, tag) = (next()?, next()?, next()?, next()?, next()?);
    if next().is_some() {
        return None;
    }
    let fields: Header = serde_json::from_slice(&decode(header)?).ok()?;
    if fields.alg != "RSA-OAEP-256" || fields.enc != "A256GCM" || fields.typ != TYPE {
        return None;
    }
    Some(Parsed {
        header,
        kid: fields.kid,
        encrypted_key: decode(key)?,
        nonce: decode(nonce)?.try_into().ok()?,
        ciphertext: decode(ciphertext)?,
        tag: decode(tag)?.try_into().ok()?,
    })
}

/// Whether the encrypted key has the length that this key gives (RFC 8017 §7.1.2 step 1b): checked before RSA.
pub(super) fn fits(parsed: &Parsed<'_>, key: &SealingKey) -> bool {
    parsed.encrypted_key.len() == key.size()
}

/// Opens with one private-key operation. Every failure takes the same way: a key that does not decrypt is replaced by
/// a random one, so that the tag decides (RFC 7516 §11.5).
pub(super) fn open(
    parsed: Parsed<'_>,
    key: &SealingKey,
    random: &dyn Randomness,
) -> Option<Zeroizing<Vec<u8>>> {
    let mut cek = Zeroizing::new([0_u8; CEK_LENGTH]);
    random.fill(&mut *cek).ok()?;
    let mut buffer = Zeroizing::new(vec![0_u8; key.private().min_output_size()]);
    let decrypted = key.private().decrypt(&OAEP_SHA256_MGF1SHA256, &parsed.encrypted_key, &mut buffer, None);
    if let Ok(bytes) = decrypted
        && let Ok(bytes) = <&[u8; CEK_LENGTH]>::try_from(&*bytes)
    {
        cek.copy_from_slice(bytes);
    }
    let mut text = Zeroizing::new(parsed.ciphertext);
    text.extend_from_slice(&parsed.tag);
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*cek).ok()?);
    let nonce = Nonce::assume_unique_for_key(parsed.nonce);
    let length = cipher.open_in_place(nonce, Aad::from(parsed.header.as_bytes()), &mut text).ok()?.len();
    text.truncate(length);
    verify(&text, key)
}

/// The claims of the inner JWS, if its signature is good.
fn verify(jws: &[u8], key: &SealingKey) -> Option<Zeroizing<Vec<u8>>> {
    let jws = std::str::from_utf8(jws).ok()?;
    let (signed, signature) = jws.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    hmac::verify(key.mac(), signed.as_bytes(), &decode(signature)?).ok()?;
    if decode(header)? != INNER_HEADER.as_bytes() {
        return None;
    }
    Some(Zeroizing::new(decode(payload)?))
}

/// Seals these claims under this key. `None` when the system gives no randomness.
pub(super) fn seal(claims: &[u8], key: &SealingKey, random: &dyn Randomness) -> Option<String> {
    let mut cek = Zeroizing::new([0_u8; CEK_LENGTH]);
    random.fill(&mut *cek).ok()?;
    let mut nonce = [0_u8; NONCE_LENGTH];
    random.fill(&mut nonce).ok()?;

    let mut text = sign(claims, key);
    let header =
        Header { alg: "RSA-OAEP-256".into(), enc: "A256GCM".into(), kid: key.kid().into(), typ: TYPE.into() };
    let header = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header).ok()?);
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*cek).ok()?);
    let tag = cipher
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(header.as_bytes()),
            &mut text,
        )
        .ok()?;
    let mut encrypted = vec![0_u8; key.public().ciphertext_size()];
    let encrypted = key.public().encrypt(&OAEP_SHA256_MGF1SHA256, &*cek, &mut encrypted, None).ok()?;
    Some(format!(
        "{header}.{}.{}.{}.{}",
        URL_SAFE_NO_PAD.encode(encrypted),
        URL_SAFE_NO_PAD.encode(nonce),
        URL_SAFE_NO_PAD.encode(&*text),
        URL_SAFE_NO_PAD.encode(tag.as_ref()),
    ))
}

fn sign(claims: &[u8], key: &SealingKey) -> Zeroizing<Vec<u8>> {
    // Allocated once, because growing would leave copies of the claims.
    let mut jws = Zeroizing::new(String::with_capacity(claims.len() / 3 * 4 + 160));
    URL_SAFE_NO_PAD.encode_string(INNER_HEADER, &mut jws);
    jws.push('.');
    URL_SAFE_NO_PAD.encode_string(claims, &mut jws);
    let signature = hmac::sign(key.mac(), jws.as_bytes());
    jws.push('.');
    URL_SAFE_NO_PAD.encode_string(signature.as_ref(), &mut jws);
    Zeroizing::new(std::mem::take(&mut *jws).into_bytes())
}

/// base64url without padding and without stray bits at the end (RFC 7515 §2): one value has one spelling.
fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests;
