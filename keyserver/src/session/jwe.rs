//! The envelope: a JWE in compact form (RFC 7516 §7.1), RSA-OAEP-256 and A256GCM and nothing else, followed by a tag.
//!
//! The JWE encrypts. The tag authenticates: the public key is public, so that anybody can encrypt under it, but the
//! key of the tag is derived from the private one. It is HMAC-SHA-256 over the whole JWE, appended as a sixth part, and
//! it is verified first, so that an invented or damaged session costs no RSA operation. The header is compared octet by
//! octet with the one that this module writes; nothing is negotiated.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::header::{BEGIN, TYPE};
use super::keyring::{KeyRing, SealingKey};
use crate::clock::Randomness;

/// Longest session; longer ones are refused before their tag is computed.
pub(super) const MAX_LENGTH: usize = 16 * 1024;
/// The encrypted key of a 2048-bit RSA key, in base64url.
const SHORTEST_KEY: usize = 342;
/// Parts of a JWE in compact form.
const JWE_PARTS: usize = 5;
const TAG_LENGTH: usize = 16;
const NONCE_LENGTH: usize = 12;
const CEK_LENGTH: usize = 32;

/// The parts of a session whose tag is good, and the key that sealed it.
pub(super) struct Parsed {
    pub(super) key: Arc<SealingKey>,
    encrypted_key: Vec<u8>,
    nonce: [u8; NONCE_LENGTH],
    ciphertext: Vec<u8>,
    tag: [u8; TAG_LENGTH],
}

/// Whether a bearer token is or contains a session, by this or another key: such a token must never leave for a
/// registry.
///
/// A session is recognized by the beginning of its header, wherever it stands. A damaged or rewritten one still holds
/// what it held, so that two other forms count as well: a part that is the header of a JWE of our type or algorithms,
/// and five or more parts of which one is as long as an encrypted key, if the first is not the header of another JWE.
pub fn looks_like_one(token: &str) -> bool {
    // Almost every session begins so, and a search that finds it there has to be prepared first.
    if token.starts_with(BEGIN) || token.contains(BEGIN) {
        return true;
    }
    let mut other_header = false;
    for (index, part) in token.split('.').enumerate() {
        let fields = URL_SAFE_NO_PAD.decode(part).ok().and_then(|json| serde_json::from_slice(&json).ok());
        let Some(serde_json::Value::Object(fields)) = fields else { continue };
        let is = |name: &str, text: &str| fields.get(name).and_then(serde_json::Value::as_str) == Some(text);
        if is("typ", TYPE) || (is("alg", "RSA-OAEP-256") && is("enc", "A256GCM")) {
            return true;
        }
        other_header |= index == 0;
    }
    !other_header
        && token.split('.').count() >= JWE_PARTS
        && token.split('.').any(|part| part.len() >= SHORTEST_KEY)
}

/// Verifies the tag of a session and splits it. No RSA operation.
///
/// A session that names no key of the ring is verified as well, with a key of the ring, so that all refusals of one
/// length take the same time.
pub(super) fn parse(token: &str, ring: &KeyRing) -> Option<Parsed> {
    if token.len() > MAX_LENGTH {
        return None;
    }
    let (jwe, mac) = token.rsplit_once('.')?;
    let header = jwe.split('.').next()?;
    let named = ring.find_by_header(header);
    let mac = decode(mac).unwrap_or_default();
    let genuine = {
        let key = named.as_deref().unwrap_or_else(|| ring.current());
        hmac::verify(key.mac(), jwe.as_bytes(), &mac).is_ok()
    };
    let key = named.filter(|_| genuine)?;
    let mut parts = jwe.split('.').skip(1);
    let mut next = || decode(parts.next()?);
    let (encrypted_key, nonce, ciphertext, tag) = (next()?, next()?, next()?, next()?);
    // RFC 8017 §7.1.2 step 1b.
    if parts.next().is_some() || encrypted_key.len() != key.size() {
        return None;
    }
    Some(Parsed { key, encrypted_key, nonce: nonce.try_into().ok()?, ciphertext, tag: tag.try_into().ok()? })
}

/// Opens with one private-key operation. Every failure takes the same way: a key that does not decrypt is replaced by
/// a random one, so that the tag decides (RFC 7516 §11.5).
pub(super) fn open(parsed: Parsed, random: &dyn Randomness) -> Option<Zeroizing<Vec<u8>>> {
    let key = parsed.key;
    let mut cek = Zeroizing::new([0_u8; CEK_LENGTH]);
    random.fill(&mut *cek).ok()?;
    let mut buffer = Zeroizing::new(vec![0_u8; key.private().min_output_size()]);
    let decrypted = decrypt_key(key.private(), &parsed.encrypted_key, &mut buffer);
    if let Some(bytes) = decrypted
        && let Ok(bytes) = <&[u8; CEK_LENGTH]>::try_from(bytes)
    {
        cek.copy_from_slice(bytes);
    }
    decrypt_content(&cek, parsed.nonce, key.header().as_bytes(), parsed.ciphertext, &parsed.tag)
}

/// RSA-OAEP with SHA-256 and without a label (RFC 7518 §4.3).
fn decrypt_key<'b>(
    private: &OaepPrivateDecryptingKey,
    encrypted: &[u8],
    buffer: &'b mut [u8],
) -> Option<&'b [u8]> {
    private.decrypt(&OAEP_SHA256_MGF1SHA256, encrypted, buffer, None).ok().map(|bytes| &*bytes)
}

/// AES-256-GCM (RFC 7518 §5.3).
fn decrypt_content(
    cek: &[u8; CEK_LENGTH],
    nonce: [u8; NONCE_LENGTH],
    header: &[u8],
    ciphertext: Vec<u8>,
    tag: &[u8; TAG_LENGTH],
) -> Option<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(ciphertext);
    text.extend_from_slice(tag);
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, cek).ok()?);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let length = cipher.open_in_place(nonce, Aad::from(header), &mut text).ok()?.len();
    text.truncate(length);
    Some(text)
}

/// Seals this text under this key. `None` when the system gives no randomness.
pub(super) fn seal(
    mut text: Zeroizing<Vec<u8>>,
    key: &SealingKey,
    random: &dyn Randomness,
) -> Option<String> {
    let mut cek = Zeroizing::new([0_u8; CEK_LENGTH]);
    random.fill(&mut *cek).ok()?;
    let mut nonce = [0_u8; NONCE_LENGTH];
    random.fill(&mut nonce).ok()?;

    let header = key.header();
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
    let mut token = format!(
        "{header}.{}.{}.{}.{}",
        URL_SAFE_NO_PAD.encode(encrypted),
        URL_SAFE_NO_PAD.encode(nonce),
        URL_SAFE_NO_PAD.encode(&*text),
        URL_SAFE_NO_PAD.encode(tag.as_ref()),
    );
    append_tag(&mut token, key);
    Some(token)
}

/// Appends the tag over a JWE.
fn append_tag(jwe: &mut String, key: &SealingKey) {
    let tag = hmac::sign(key.mac(), jwe.as_bytes());
    jwe.push('.');
    URL_SAFE_NO_PAD.encode_string(tag.as_ref(), jwe);
}

/// base64url without padding and without stray bits at the end (RFC 7515 §2): one value has one spelling.
fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod wycheproof_tests;
