//! Tokens: JWTs (RS256, HS256) with the claims of the token specification, or opaque ones.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{self, KeyPair as _};
use aws_lc_rs::{encoding, hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::access::Access;
use super::archive::{digest_of, hex};
use super::error::DemoError;

/// The form of a registry's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Rs256,
    Hs256,
    Opaque,
}

/// The claims of a token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) sub: String,
    pub(crate) aud: String,
    pub(crate) exp: u64,
    pub(crate) nbf: u64,
    pub(crate) iat: u64,
    pub(crate) jti: String,
    pub(crate) access: Vec<Access>,
}

/// The keys and lists to create and check tokens.
pub(crate) struct Tokens {
    rsa: Arc<KeyPair>,
    kid: String,
    shared: hmac::Key,
    /// Opaque token → its claims.
    opaque: Mutex<BTreeMap<String, Claims>>,
    /// Refresh token → (service, user name).
    refresh: Mutex<BTreeMap<String, (String, String)>>,
}

impl Tokens {
    pub(crate) fn new() -> Result<Self, DemoError> {
        let rsa = signing_key()?;
        let public = encoding::AsDer::<encoding::PublicKeyX509Der<'_>>::as_der(rsa.public_key())
            .map_err(|_| DemoError::SigningKey)?;
        let kid = digest_of(public.as_ref()).trim_start_matches("sha256:").chars().take(24).collect();
        let shared = hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new())
            .map_err(|_| DemoError::SigningKey)?;
        Ok(Self { rsa, kid, shared, opaque: Mutex::default(), refresh: Mutex::default() })
    }

    /// Creates a token with these claims. `extra` is merged into each entry of `access`.
    pub(crate) fn issue(&self, format: Format, claims: &Claims, extra: Option<&Value>) -> Option<String> {
        let mut payload = serde_json::to_value(claims).ok()?;
        if let (Some(extra), Some(entries)) =
            (extra.and_then(Value::as_object), payload.get_mut("access").and_then(Value::as_array_mut))
        {
            for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
                entry.extend(extra.clone());
            }
        }
        let header = match format {
            Format::Opaque => {
                let token = random(30)?;
                lock(&self.opaque).insert(token.clone(), claims.clone());
                return Some(token);
            }
            Format::Rs256 => json!({ "typ": "JWT", "alg": "RS256", "kid": self.kid }),
            Format::Hs256 => json!({ "typ": "JWT", "alg": "HS256" }),
        };
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&payload));
        let signature = if format == Format::Rs256 {
            let mut signature = vec![0; self.rsa.public_modulus_len()];
            let random = rand::SystemRandom::new();
            self.rsa.sign(&signature::RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).ok()?;
            signature
        } else {
            hmac::sign(&self.shared, signed.as_bytes()).as_ref().to_vec()
        };
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The claims of a valid token, or why it is not valid.
    pub(crate) fn check(
        &self,
        format: Format,
        token: &str,
        issuer: &str,
        service: &str,
        now: u64,
    ) -> Result<Claims, &'static str> {
        let claims = if format == Format::Opaque {
            lock(&self.opaque).get(token).cloned().ok_or("unknown token")?
        } else {
            self.read_jwt(format, token)?
        };
        if claims.iss != issuer {
            return Err("token of another issuer");
        }
        if claims.aud != service {
            return Err("token for another audience");
        }
        if now < claims.nbf {
            return Err("token not valid yet");
        }
        if now >= claims.exp {
            return Err("token expired");
        }
        Ok(claims)
    }

    fn read_jwt(&self, format: Format, token: &str) -> Result<Claims, &'static str> {
        let (signed, signature) = token.rsplit_once('.').ok_or("not a JWT")?;
        let (header, payload) = signed.split_once('.').ok_or("not a JWT")?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| "not base64url");
        let header: Value = serde_json::from_slice(&decode(header)?).map_err(|_| "header is not JSON")?;
        let signature = decode(signature)?;
        let algorithm = header.get("alg").and_then(Value::as_str);
        match (format, algorithm) {
            (Format::Rs256, Some("RS256")) => signature::UnparsedPublicKey::new(
                &signature::RSA_PKCS1_2048_8192_SHA256,
                self.rsa.public_key().as_ref(),
            )
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| "wrong signature")?,
            (Format::Hs256, Some("HS256")) => {
                hmac::verify(&self.shared, signed.as_bytes(), &signature).map_err(|_| "wrong signature")?;
            }
            _ => return Err("another algorithm"),
        }
        serde_json::from_slice(&decode(payload)?).map_err(|_| "claims are not as specified")
    }

    /// Creates a refresh token for this user of this service.
    pub(crate) fn issue_refresh(&self, service: &str, user: &str) -> Option<String> {
        let token = format!("refresh-{}", random(30)?);
        lock(&self.refresh).insert(token.clone(), (service.to_owned(), user.to_owned()));
        Some(token)
    }

    /// The user of a refresh token.
    pub(crate) fn refreshed_user(&self, service: &str, token: &str) -> Option<String> {
        let (issued_for, user) = lock(&self.refresh).get(token)?.clone();
        (issued_for == service).then_some(user)
    }

    /// Ends the validity of a refresh token.
    pub(crate) fn revoke_refresh(&self, token: &str) {
        lock(&self.refresh).remove(token);
    }

    /// Whether this is a refresh token of any service.
    pub(crate) fn is_refresh_token(&self, token: &str) -> bool {
        lock(&self.refresh).contains_key(token)
    }

    /// A signature for a URL of a blob.
    pub(crate) fn sign_url(&self, digest: &str, expires: u64) -> String {
        hex(hmac::sign(&self.shared, format!("{digest} {expires}").as_bytes()).as_ref())
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// One key for all demos of the process, because generating it takes longer than the rest of the start. Tokens are valid
/// only at the registry of their issuer.
fn signing_key() -> Result<Arc<KeyPair>, DemoError> {
    static KEY: OnceLock<Arc<KeyPair>> = OnceLock::new();
    if let Some(key) = KEY.get() {
        return Ok(Arc::clone(key));
    }
    let key = KeyPair::generate(KeySize::Rsa2048).map_err(|_| DemoError::SigningKey)?;
    Ok(Arc::clone(KEY.get_or_init(|| Arc::new(key))))
}

/// This number of random bytes as base64url.
pub(crate) fn random(bytes: usize) -> Option<String> {
    let mut buffer = vec![0; bytes];
    rand::fill(&mut buffer).ok()?;
    Some(URL_SAFE_NO_PAD.encode(buffer))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
