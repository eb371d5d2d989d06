//! Names and values of the store, so that a dump of it gives neither a token nor a user.
//!
//! A name is an HMAC over length-prefixed fields, under a key derived from the private key that sealed the session. It
//! cannot be computed from outside, so it does not reveal user names or passwords. A value is sealed with AES-256-GCM
//! under a key derived from that private key *and* from the sealed session, which only its holder has. The name is
//! authenticated with it: a value that was moved to another name does not open.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::clock::{Randomness, hex};

/// Version of the format of sealed values. Instances with different versions miss.
const VERSION: u8 = 1;
/// Bytes of a sealed value besides its content: version, nonce, tag.
const OVERHEAD: usize = 1 + NONCE_LEN + 16;
const NAMES: &[u8] = b"dockpass store names v1";
const VALUES: &[u8] = b"dockpass store values v1";

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A token or a refusal.
    Token,
    /// The lock of a single flight.
    Flight,
    /// The counter of a rate limit.
    Counter,
    /// The session that took the place of another.
    Session,
    /// When a session was used last.
    LastUse,
}

impl Kind {
    const fn letter(self) -> char {
        match self {
            Self::Token => 't',
            Self::Flight => 'f',
            Self::Counter => 'c',
            Self::Session => 's',
            Self::LastUse => 'u',
        }
    }
}

/// The name of an entry, without the prefix of the deployment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Name(String);

impl Name {
    /// A kind's letter and hex digits.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Builds a [`Name`].
pub(crate) struct Naming {
    kind: Kind,
    mac: hmac::Context,
}

impl Naming {
    /// Adds a field, preceded by its length, so that no two lists of fields run together (threat CCH-01).
    pub(crate) fn field(&mut self, bytes: &[u8]) -> &mut Self {
        self.mac.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.mac.update(bytes);
        self
    }

    /// The name.
    pub(crate) fn finish(self) -> Name {
        Name(format!("{}:{}", self.kind.letter(), hex(self.mac.sign().as_ref())))
    }
}

/// The keys of the store, derived from one private key. Instances with the same key files have the same.
pub(crate) struct StoreKey {
    names: hmac::Key,
    values: Salt,
}

impl StoreKey {
    /// From a secret derived for this purpose only. `None` if the crypto library fails.
    pub(crate) fn new(secret: &[u8; 32]) -> Option<Self> {
        let mut names = Zeroizing::new([0_u8; 32]);
        let salt = Salt::new(HKDF_SHA256, secret);
        salt.extract(&[]).expand(&[NAMES], Length32).ok()?.fill(&mut *names).ok()?;
        Some(Self { names: hmac::Key::new(hmac::HMAC_SHA256, &*names), values: salt })
    }

    /// Starts a name of this kind.
    pub(crate) fn naming(&self, kind: Kind) -> Naming {
        let mut mac = hmac::Context::with_key(&self.names);
        mac.update(&[kind.letter() as u8]);
        Naming { kind, mac }
    }

    /// Seals a value for this name. `holder` is the text of the sealed session, and empty for anonymous callers.
    /// `None` without randomness.
    pub(crate) fn seal(
        &self,
        name: &Name,
        holder: &[u8],
        content: &[u8],
        random: &dyn Randomness,
    ) -> Option<Vec<u8>> {
        let mut nonce = [0_u8; NONCE_LEN];
        random.fill(&mut nonce).ok()?;
        let mut sealed = Zeroizing::new(Vec::with_capacity(OVERHEAD + content.len()));
        sealed.extend_from_slice(content);
        let tag = self
            .value_key(name, holder)?
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(aad(name)),
                sealed.as_mut_slice(),
            )
            .ok()?;
        let mut value = Vec::with_capacity(OVERHEAD + content.len());
        value.push(VERSION);
        value.extend_from_slice(&nonce);
        value.extend_from_slice(&sealed);
        value.extend_from_slice(tag.as_ref());
        Some(value)
    }

    /// The content of a value that was sealed for this name and holder; `None` for everything else.
    pub(crate) fn open(&self, name: &Name, holder: &[u8], value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (version, rest) = value.split_first()?;
        if *version != VERSION {
            return None;
        }
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let mut content = Zeroizing::new(sealed.to_vec());
        let length = self
            .value_key(name, holder)?
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(aad(name)), content.as_mut_slice())
            .ok()?
            .len();
        content.truncate(length);
        Some(content)
    }

    /// One key per name and holder, so that random nonces cannot meet.
    fn value_key(&self, name: &Name, holder: &[u8]) -> Option<LessSafeKey> {
        let mut key = Zeroizing::new([0_u8; 32]);
        let info = [VALUES, name.as_str().as_bytes()];
        self.values.extract(holder).expand(&info, Length32).ok()?.fill(&mut *key).ok()?;
        Some(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*key).ok()?))
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKey(..)")
    }
}

/// The additional authenticated data.
fn aad(name: &Name) -> Vec<u8> {
    let mut aad = vec![VERSION];
    aad.extend_from_slice(name.as_str().as_bytes());
    aad
}

/// 32 bytes.
struct Length32;

impl KeyType for Length32 {
    fn len(&self) -> usize {
        32
    }
}

#[cfg(test)]
mod tests;
