//! The RSA keys: the first seals, all of them open.

mod der;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::rsa::{
    KeyPair, KeySize, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
};
use aws_lc_rs::signature::KeyPair as _;
use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::store::seal::StoreKey;

/// RSA keys below this are refused (RFC 7518 §4.3).
const MIN_BITS: usize = 2_048;
/// Largest key file.
const MAX_FILE: u64 = 64 * 1024;
/// RSA keys above this are refused: one operation of 8192 bits takes 50 times as long as one of 2048.
const MAX_BITS: usize = 4_096;
/// Public exponents below this are refused (FIPS 186-5 §A.1.1): 3 has a history of attacks.
const MIN_EXPONENT: &[u8] = &[1, 0, 1];
/// Purpose for which the key of the tag is derived; another purpose uses another string.
const MAC_PURPOSE: &[&[u8]] = &[b"dockpass session tag HMAC-SHA-256 v1"];
/// What the secret of the store is derived for.
const STORE_PURPOSE: &[&[u8]] = &[b"dockpass store v1"];

/// Why keys cannot be loaded or created. Names files, never their content.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be read.
    #[error("key file {file} cannot be read: {reason}")]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// The system's error.
        reason: std::io::Error,
    },
    /// Not a file, or too large for a key.
    #[error("key file {0} is not a PEM file of one RSA private key")]
    NotAKey(PathBuf),
    /// Not an RSA private key of PKCS#1 or PKCS#8 without password.
    #[error(
        "key file {0} is not a usable RSA private key: expected PEM, PKCS#1 or PKCS#8, unencrypted, 2048 to 4096 bits, \
         public exponent 65537 or larger (`dockpass-keyserver keygen --out FILE` creates one)"
    )]
    Unusable(PathBuf),
    /// Other users can read or write it.
    #[error("key file {0} can be read or written by other users; run `chmod 600` on it")]
    Permissions(PathBuf),
    /// Two files hold the same key.
    #[error("key file {0} contains the same key as an earlier one")]
    Twice(PathBuf),
    /// Key generation failed.
    #[error("generating an RSA key failed")]
    Generation,
    /// There are no threads for RSA operations.
    #[error("the threads for RSA operations cannot be created: {0}")]
    Threads(std::io::Error),
    /// The key could not be written.
    #[error("key file {file} cannot be written: {reason}")]
    Unwritable {
        /// Which file.
        file: PathBuf,
        /// The system's error.
        reason: std::io::Error,
    },
}

/// One RSA key and what is derived from it.
pub struct SealingKey {
    kid: String,
    header: String,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
    private: OaepPrivateDecryptingKey,
    public: OaepPublicEncryptingKey,
    mac: hmac::Key,
    store: StoreKey,
}

/// A public key as a JWK (RFC 7517, RFC 7518 §6.3.1).
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Jwk {
    /// Always `RSA`.
    pub kty: &'static str,
    /// Always `enc`.
    #[serde(rename = "use")]
    pub usage: &'static str,
    /// Always `RSA-OAEP-256`.
    pub alg: &'static str,
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// Modulus.
    pub n: String,
    /// Public exponent.
    pub e: String,
}

impl SealingKey {
    /// A new key of this many bits: 2048, 3072 or 4096.
    ///
    /// # Errors
    /// [`KeyError::Generation`].
    pub fn generate(bits: u32) -> Result<Self, KeyError> {
        Self::from_pkcs8(&generate_pkcs8(bits)?).ok_or(KeyError::Generation)
    }

    /// The key of a PEM file.
    fn from_file(path: &Path) -> Result<Self, KeyError> {
        let unreadable = |reason| KeyError::Unreadable { file: path.to_owned(), reason };
        let meta = std::fs::metadata(path).map_err(unreadable)?;
        if !meta.is_file() || meta.len() > MAX_FILE {
            return Err(KeyError::NotAKey(path.to_owned()));
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // Other users may not read it, and neither they nor the group write it; the group may read, as with
            // mounted secrets.
            if meta.permissions().mode() & 0o027 != 0 {
                return Err(KeyError::Permissions(path.to_owned()));
            }
        }
        let text = Zeroizing::new(std::fs::read(path).map_err(unreadable)?);
        Self::from_pem(&text).ok_or_else(|| KeyError::Unusable(path.to_owned()))
    }

    /// The key of a PEM text with exactly one private key, PKCS#1 or PKCS#8.
    fn from_pem(text: &[u8]) -> Option<Self> {
        let mut found = PrivateKeyDer::pem_slice_iter(text);
        let key = found.next()?.ok()?;
        if found.next().is_some() {
            return None;
        }
        match &key {
            PrivateKeyDer::Pkcs8(der) => Self::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => Self::from_pkcs8(&der::pkcs1_in_pkcs8(der.secret_pkcs1_der())),
            _ => None,
        }
    }

    fn from_pkcs8(pkcs8: &[u8]) -> Option<Self> {
        let private = PrivateDecryptingKey::from_pkcs8(pkcs8).ok()?;
        if !(MIN_BITS..=MAX_BITS).contains(&private.key_size_bits()) {
            return None;
        }
        // Derived keys must not depend on the file format, so they are derived from one canonical encoding.
        let canonical: Pkcs8V1Der<'static> = private.as_der().ok()?;
        let pair = KeyPair::from_pkcs8(canonical.as_ref()).ok()?;
        let modulus = pair.public_key().modulus().big_endian_without_leading_zero().to_vec();
        let exponent = pair.public_key().exponent().big_endian_without_leading_zero().to_vec();
        // Big-endian without leading zeros: a longer one is larger.
        if (exponent.len(), exponent.as_slice()) < (MIN_EXPONENT.len(), MIN_EXPONENT) {
            return None;
        }
        let salt = Salt::new(HKDF_SHA256, &[]);
        let mut mac = Zeroizing::new([0_u8; 32]);
        let mut store = Zeroizing::new([0_u8; 32]);
        let secret = salt.extract(canonical.as_ref());
        secret.expand(MAC_PURPOSE, MacLength).ok()?.fill(&mut *mac).ok()?;
        secret.expand(STORE_PURPOSE, MacLength).ok()?.fill(&mut *store).ok()?;
        let kid = thumbprint(&modulus, &exponent);
        Some(Self {
            header: super::header::encode(&kid),
            kid,
            modulus,
            exponent,
            public: OaepPublicEncryptingKey::new(private.public_key()).ok()?,
            private: OaepPrivateDecryptingKey::new(private).ok()?,
            mac: hmac::Key::new(hmac::HMAC_SHA256, &*mac),
            store: StoreKey::new(&store)?,
        })
    }

    /// RFC 7638 thumbprint, base64url.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The header of every session under this key, in base64url.
    pub(super) fn header(&self) -> &str {
        &self.header
    }

    /// Bytes of the modulus, and of everything encrypted under it.
    pub fn size(&self) -> usize {
        self.private.key_size_bytes()
    }

    /// The public half.
    pub fn jwk(&self) -> Jwk {
        Jwk {
            kty: "RSA",
            usage: "enc",
            alg: "RSA-OAEP-256",
            kid: self.kid.clone(),
            n: URL_SAFE_NO_PAD.encode(&self.modulus),
            e: URL_SAFE_NO_PAD.encode(&self.exponent),
        }
    }

    pub(super) fn private(&self) -> &OaepPrivateDecryptingKey {
        &self.private
    }

    pub(super) fn public(&self) -> &OaepPublicEncryptingKey {
        &self.public
    }

    /// What names and seals in the store.
    pub(crate) fn store(&self) -> &StoreKey {
        &self.store
    }

    pub(super) fn mac(&self) -> &hmac::Key {
        &self.mac
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealingKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// The loaded keys. Replaced as a whole when the files are reloaded.
#[derive(Clone, Debug)]
pub struct KeyRing {
    current: Arc<SealingKey>,
    all: Vec<Arc<SealingKey>>,
}

impl KeyRing {
    /// A ring of one key.
    pub fn of(key: SealingKey) -> Self {
        let current = Arc::new(key);
        Self { all: vec![Arc::clone(&current)], current }
    }

    /// The keys of these files; the first seals.
    ///
    /// # Errors
    /// The first file that cannot be used; none is skipped silently.
    pub fn load(files: &[PathBuf]) -> Result<Self, KeyError> {
        let mut all: Vec<Arc<SealingKey>> = Vec::new();
        for file in files {
            let key = SealingKey::from_file(file)?;
            if all.iter().any(|other| other.kid == key.kid) {
                return Err(KeyError::Twice(file.clone()));
            }
            all.push(Arc::new(key));
        }
        match all.first() {
            Some(first) => Ok(Self { current: Arc::clone(first), all }),
            None => Err(KeyError::Generation),
        }
    }

    /// The key that seals.
    pub fn current(&self) -> &Arc<SealingKey> {
        &self.current
    }

    /// The key with this `kid`. A `kid` is one key, so that a session costs at most one RSA operation.
    pub fn find(&self, kid: &str) -> Option<Arc<SealingKey>> {
        self.all.iter().find(|key| key.kid == kid).cloned()
    }

    /// The key whose sessions have this header, octet by octet.
    pub(super) fn find_by_header(&self, header: &str) -> Option<Arc<SealingKey>> {
        self.all.iter().find(|key| key.header == header).cloned()
    }

    /// The public halves, the sealing one first.
    pub fn jwks(&self) -> Vec<Jwk> {
        self.all.iter().map(|key| key.jwk()).collect()
    }
}

/// Generates a key and writes it as PKCS#8 PEM, readable by its owner only. An existing file is never overwritten.
///
/// # Errors
/// [`KeyError::Generation`], or [`KeyError::Unwritable`] when the file exists or cannot be made.
pub fn generate_file(path: &Path, bits: u32) -> Result<String, KeyError> {
    use std::io::Write;
    let unwritable = |reason| KeyError::Unwritable { file: path.to_owned(), reason };
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let pkcs8 = generate_pkcs8(bits)?;
    let kid = SealingKey::from_pkcs8(&pkcs8).ok_or(KeyError::Generation)?.kid;
    let mut file = options.open(path).map_err(unwritable)?;
    file.write_all(der::pem("PRIVATE KEY", &pkcs8).as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(unwritable)?;
    Ok(kid)
}

fn generate_pkcs8(bits: u32) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let size = match bits {
        2_048 => KeySize::Rsa2048,
        3_072 => KeySize::Rsa3072,
        4_096 => KeySize::Rsa4096,
        _ => return Err(KeyError::Generation),
    };
    let key = PrivateDecryptingKey::generate(size).map_err(|_| KeyError::Generation)?;
    let der: Pkcs8V1Der<'static> = key.as_der().map_err(|_| KeyError::Generation)?;
    Ok(Zeroizing::new(der.as_ref().to_vec()))
}

/// RFC 7638 §3: SHA-256 over the required members, in order, without spaces.
fn thumbprint(modulus: &[u8], exponent: &[u8]) -> String {
    let text = format!(
        r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#,
        URL_SAFE_NO_PAD.encode(exponent),
        URL_SAFE_NO_PAD.encode(modulus)
    );
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

/// 32 bytes, as HS256 wants at least (RFC 7518 §3.2).
struct MacLength;

impl KeyType for MacLength {
    fn len(&self) -> usize {
        32
    }
}

#[cfg(test)]
mod tests;
