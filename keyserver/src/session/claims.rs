//! The content of a session: claims as JSON, and after them the secret.
//!
//! ```text
//! {"iss":…}  LF  form (1)  stored (2)  original (2)  secret (stored)  zeros
//! ```
//!
//! The secret stands outside the JSON, because escapes would make some passwords longer than others. Long secrets are
//! tokens of cloud registries, which are base64 or JSON: they are deflated, so that sessions at two such registries fit
//! into the cookies of one request (decision 0005). The secret is padded, so that the length of a session does not
//! reveal that of a password.

use std::borrow::Cow;

use dockpass_protocol::credential::Credential;
use dockpass_protocol::flow::RegistryAuth;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Issuer: the program, so that no other kind of JWE content is accepted as a session (RFC 8725 §3.8).
const ISSUER: &str = "dockpass-keyserver";
/// Tolerated difference between clocks of instances, in seconds.
const SKEW_S: i64 = 60;
/// Secrets are padded to a multiple of this many bytes.
const BUCKET: usize = 64;
/// Shorter secrets are not deflated: the length of the result would say how simple a password is.
const DEFLATED_FROM: usize = 512;
/// A secret as it is.
const STORED: u8 = 0;
/// A secret in the format of RFC 1951.
const DEFLATED: u8 = 1;
/// The non-secret part of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// The key that sealed it.
    pub kid: String,
    /// Its own name.
    pub jti: String,
    /// Seconds since the epoch.
    pub issued_at_s: i64,
    /// Seconds since the epoch.
    pub expires_at_s: i64,
    /// Canonical name of the registry.
    pub registry: String,
    /// How the registry authenticates, as seen at login.
    pub auth: RegistryAuth,
    /// Who is logged in.
    pub username: String,
}

impl SessionInfo {
    /// Milliseconds since the epoch.
    pub fn expires_at_ms(&self) -> i64 {
        self.expires_at_s.saturating_mul(1_000)
    }
}

/// What is required of a session of this server.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    /// The server's public origin, so that two servers with the same keys do not accept each other's sessions.
    pub(super) audience: String,
    /// The longest time from `iat` to `exp`, in seconds.
    pub(super) max_lifetime_s: i64,
}

/// The claims as they are written. Unknown, missing and repeated ones are errors.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    jti: String,
    iat: u64,
    exp: u64,
    registry: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    realm: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    auth: Cow<'static, str>,
    username: String,
    secret: SecretKind,
}

/// What the secret after the claims is.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SecretKind {
    Password,
    RefreshToken,
}

/// The content of a session. `None` for a credential that is none, and for times before 1970.
pub(super) fn encode(
    info: &SessionInfo,
    credential: &Credential,
    expected: &Expected,
) -> Option<Zeroizing<Vec<u8>>> {
    let (kind, secret) = match credential {
        Credential::Password { password, .. } => (SecretKind::Password, password),
        Credential::RefreshToken { token, .. } => (SecretKind::RefreshToken, token),
        Credential::Anonymous => return None,
    };
    let secret = secret.expose_secret().as_bytes();
    let claims = Claims {
        iss: ISSUER.to_owned(),
        aud: expected.audience.clone(),
        jti: info.jti.clone(),
        iat: info.issued_at_s.try_into().ok()?,
        exp: info.expires_at_s.try_into().ok()?,
        registry: info.registry.clone(),
        realm: info.auth.realm().map(str::to_owned),
        service: info.auth.service().map(str::to_owned),
        auth: Cow::Borrowed(info.auth.as_str()),
        username: info.username.clone(),
        secret: kind,
    };
    let deflated = if secret.len() >= DEFLATED_FROM { deflate(secret) } else { None };
    let (form, stored) = deflated.as_ref().map_or((STORED, secret), |bytes| (DEFLATED, bytes.as_slice()));
    // One allocation, because a growing buffer leaves copies of the secret.
    let json = serde_json::to_vec(&claims).ok()?;
    let padded = stored.len().next_multiple_of(BUCKET);
    let mut content = Zeroizing::new(Vec::with_capacity(json.len() + 6 + padded));
    content.extend_from_slice(&json);
    content.extend_from_slice(&[b'\n', form]);
    content.extend_from_slice(&u16::try_from(stored.len()).ok()?.to_be_bytes());
    content.extend_from_slice(&u16::try_from(secret.len()).ok()?.to_be_bytes());
    content.extend_from_slice(stored);
    content.resize(json.len() + 6 + padded, 0);
    Some(content)
}

/// Parses and checks the content of a genuine session. An expired one is still returned.
pub(super) fn decode(
    content: &[u8],
    kid: &str,
    expected: &Expected,
    now_s: i64,
) -> Option<(SessionInfo, Credential)> {
    // serde_json writes no line breaks, so that the first one ends the claims.
    let end = content.iter().position(|byte| *byte == b'\n')?;
    let (json, rest) = content.split_at_checked(end)?;
    let claims: Claims = serde_json::from_slice(json).ok()?;
    let issued_at_s = i64::try_from(claims.iat).ok()?;
    let expires_at_s = i64::try_from(claims.exp).ok()?;
    let lifetime = expires_at_s.checked_sub(issued_at_s)?;
    if claims.iss != ISSUER
        || claims.aud != expected.audience
        || issued_at_s > now_s.saturating_add(SKEW_S)
        || !(0..=expected.max_lifetime_s).contains(&lifetime)
    {
        return None;
    }
    let secret = secret(rest.get(1..)?)?;
    let username = claims.username.clone();
    let credential = match claims.secret {
        SecretKind::Password => Credential::Password { username, password: secret },
        SecretKind::RefreshToken => Credential::RefreshToken { username, token: secret },
    };
    let info = SessionInfo {
        kid: kid.to_owned(),
        jti: claims.jti,
        issued_at_s,
        expires_at_s,
        registry: claims.registry,
        auth: RegistryAuth::from_parts(&claims.auth, claims.realm, claims.service)?,
        username: claims.username,
    };
    Some((info, credential))
}

/// The secret after the claims.
fn secret(bytes: &[u8]) -> Option<SecretString> {
    let (&[form, s1, s0, o1, o0], rest) = bytes.split_first_chunk::<5>()?;
    let stored = rest.get(..usize::from(u16::from_be_bytes([s1, s0])))?;
    let original = usize::from(u16::from_be_bytes([o1, o0]));
    let inflated;
    let secret = match form {
        STORED => stored,
        DEFLATED => {
            inflated = inflate(stored, original)?;
            &inflated
        }
        _ => return None,
    };
    let text = (secret.len() == original).then(|| std::str::from_utf8(secret))?;
    Some(SecretString::from(text.ok()?))
}

/// The bytes in the format of RFC 1951, if that is shorter.
fn deflate(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut shorter = Zeroizing::new(Vec::with_capacity(bytes.len()));
    let status = Compress::new(Compression::best(), false)
        .compress_vec(bytes, &mut shorter, FlushCompress::Finish)
        .ok()?;
    (status == Status::StreamEnd).then_some(shorter)
}

/// What was deflated, of this length and no longer.
fn inflate(bytes: &[u8], length: usize) -> Option<Zeroizing<Vec<u8>>> {
    let mut whole = Zeroizing::new(Vec::with_capacity(length));
    let status = Decompress::new(false).decompress_vec(bytes, &mut whole, FlushDecompress::Finish).ok()?;
    (status == Status::StreamEnd).then_some(whole)
}
