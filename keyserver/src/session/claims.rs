//! The claims of a session.

use std::borrow::Cow;

use dockpass_protocol::credential::Credential;
use dockpass_protocol::flow::RegistryAuth;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

/// Issuer: the program, so that no other kind of JWS is accepted as a session (RFC 8725 §3.8).
const ISSUER: &str = "dockpass-keyserver";
/// Tolerated difference between clocks of instances, in seconds.
const SKEW_S: i64 = 60;
/// Secrets are padded to a multiple of this many bytes, so that the length of a session does not reveal that of a
/// password.
const BUCKET: usize = 64;

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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password: Option<Hidden>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_token: Option<Hidden>,
    pad: String,
}

/// A secret in the claims; wiped when dropped.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Hidden(String);

impl Drop for Hidden {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The claims as JSON. `None` for a credential that is none, and for times before 1970.
pub(super) fn encode(
    info: &SessionInfo,
    credential: &Credential,
    expected: &Expected,
) -> Option<Zeroizing<Vec<u8>>> {
    let hidden = |secret: &SecretString| Some(Hidden(secret.expose_secret().to_owned()));
    let (password, refresh_token) = match credential {
        Credential::Password { password, .. } => (hidden(password), None),
        Credential::RefreshToken { token, .. } => (None, hidden(token)),
        Credential::Anonymous => return None,
    };
    let secret = password.as_ref().or(refresh_token.as_ref())?;
    let length = Zeroizing::new(serde_json::to_vec(&secret.0).ok()?).len();
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
        password,
        refresh_token,
        pad: "-".repeat(length.next_multiple_of(BUCKET) - length),
    };
    // One allocation, because a growing buffer leaves copies of the secret.
    let mut json = Zeroizing::new(Vec::with_capacity(length + BUCKET + 1_024));
    serde_json::to_writer(&mut *json, &claims).ok()?;
    Some(json)
}

/// Parses and checks the claims of a genuine session. An expired one is still returned.
pub(super) fn decode(
    json: &[u8],
    kid: &str,
    expected: &Expected,
    now_s: i64,
) -> Option<(SessionInfo, Credential)> {
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
    let secret = |hidden: Hidden| SecretString::from(hidden.0.as_str());
    let username = claims.username.clone();
    let credential = match (claims.password, claims.refresh_token) {
        (Some(password), None) => Credential::Password { username, password: secret(password) },
        (None, Some(token)) => Credential::RefreshToken { username, token: secret(token) },
        _ => return None,
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
