//! Sealed sessions: sealed at login, opened on use, never stored.
//!
//! A session is a JWE that only this server, or one with the same keys, can read or create; see [`jwe`] for its form
//! and [`claims`] for its content. Opening costs one RSA operation. The non-secret part ([`SessionInfo`]) is cached
//! by the hash of the JWE, so that a cached token is returned without RSA work.

mod claims;
mod header;
mod idle;
mod jwe;
pub mod keyring;
mod replaced;
mod rsa_workers;
mod shared;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::credential::Credential;
use dockpass_protocol::flow::LoginProof;

use claims::Expected;
pub use claims::SessionInfo;
use idle::IdleLimit;
pub use jwe::looks_like_one;
use keyring::{Jwk, KeyError, KeyRing, SealingKey};
use replaced::Replaced;
use rsa_workers::RsaWorkers;

use crate::clock::{Clock, Randomness};
use crate::config::Settings;
use crate::request_id;
use crate::store::Store;
use crate::store::revocations::RevocationList;

/// Size in bits of a key that is generated at start.
const START_BITS: u32 = 2_048;
/// Opened sessions whose [`SessionInfo`] is cached at most.
const MAX_CACHED_INFOS: u64 = 50_000;

/// How many bytes of a digest name a session to its page.
const ID_BYTES: usize = 12;
/// The length of such a name, in base64url.
pub(crate) const ID_LENGTH: usize = ID_BYTES / 3 * 4;

/// Why a session was not opened or sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// Forged, damaged, revoked, or sealed under a key that was removed. Callers are not told which.
    #[error("the session is not valid")]
    Invalid,
    /// Genuine and expired.
    #[error("the session has expired")]
    Expired,
    /// The credentials make it longer than its carrier allows.
    #[error("the credentials do not fit into a session")]
    TooLarge,
    /// Too many requests wait for RSA operations.
    #[error("too many sessions are waiting to be opened")]
    Overloaded,
    /// The random number generator failed.
    #[error("sealing a session failed")]
    Sealing,
    /// The store cannot be reached: it is unknown whether the session was logged out, or the logout is not published.
    #[error("the store of revocations cannot be reached")]
    StoreUnavailable,
}

impl SessionError {
    /// The error code.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Invalid => ErrorCode::InvalidSession,
            Self::Expired => ErrorCode::SessionExpired,
            Self::TooLarge => ErrorCode::CredentialsTooLarge,
            Self::Overloaded => ErrorCode::Overloaded,
            Self::Sealing => ErrorCode::Internal,
            Self::StoreUnavailable => ErrorCode::StoreUnavailable,
        }
    }
}

/// A session as it was presented: unverified text, and its hash. `Debug` shows neither.
#[derive(Clone)]
pub struct SealedText {
    text: Arc<str>,
    hash: [u8; 32],
}

impl SealedText {
    /// A session from its carrier.
    pub fn new(text: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        Self { text: text.into(), hash }
    }

    /// SHA-256 of the JWE, which identifies the session and cannot open it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A name for it that opens nothing.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// A name for it that the page may know. Neither the session nor its hash can be made from it.
    pub fn id(&self) -> String {
        let mut text = b"dockpass session id\0".to_vec();
        text.extend_from_slice(&self.hash);
        let digest = digest(&SHA256, &text);
        URL_SAFE_NO_PAD.encode(digest.as_ref().get(..ID_BYTES).unwrap_or_default())
    }
}

impl fmt::Debug for SealedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedText(..)")
    }
}

/// A session that was just sealed.
pub struct SealedSession {
    /// The JWE.
    pub text: String,
    /// Its non-secret part.
    pub info: SessionInfo,
}

impl fmt::Debug for SealedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedSession").field("info", &self.info).finish_non_exhaustive()
    }
}

/// Seals and opens sessions.
pub struct Sessions {
    ring: RwLock<Arc<KeyRing>>,
    files: Vec<PathBuf>,
    expected: Expected,
    idle: Option<IdleLimit>,
    info: moka::future::Cache<[u8; 32], Arc<SessionInfo>>,
    revoked: Arc<RevocationList>,
    store: Option<Arc<Store>>,
    replaced: Replaced,
    rsa_workers: RsaWorkers,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Randomness>,
}

impl Sessions {
    /// Loads the configured keys, or generates one for this process.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn new(
        settings: &Settings,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Randomness>,
    ) -> Result<Self, KeyError> {
        let files = settings.session.key_files.clone();
        let ring = if files.is_empty() {
            tracing::warn!(
                "session.key_files is empty: generated a key for this process; sessions end when it stops"
            );
            KeyRing::of(SealingKey::generate(START_BITS)?)
        } else {
            KeyRing::load(&files)?
        };
        tracing::info!(kid = ring.current().kid(), keys = ring.jwks().len(), "loaded session keys");
        let longest = settings.session.longest();
        Ok(Self {
            ring: RwLock::new(Arc::new(ring)),
            files,
            expected: Expected {
                audience: settings
                    .public_origin
                    .as_ref()
                    .map_or_else(|| "dockpass".to_owned(), ToString::to_string),
                max_lifetime_s: crate::clock::millis(longest) / 1_000,
            },
            idle: settings.session.idle.map(|limit| IdleLimit::new(limit, clock.now_ms())),
            info: moka::future::Cache::builder().max_capacity(MAX_CACHED_INFOS).time_to_live(longest).build(),
            revoked: Arc::new(RevocationList::new(longest)),
            store: None,
            replaced: Replaced::new(longest),
            rsa_workers: RsaWorkers::new(settings.limits.rsa_concurrency, settings.limits.rsa_queue)
                .map_err(KeyError::Threads)?,
            clock,
            random,
        })
    }

    /// Reloads the key files. On an error the current keys stay in use.
    ///
    /// # Errors
    /// [`KeyError`]; nothing has changed then.
    pub fn reload(&self) -> Result<(), KeyError> {
        if self.files.is_empty() {
            return Ok(());
        }
        let ring = KeyRing::load(&self.files)?;
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        Ok(())
    }

    fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The public keys, the sealing one first.
    pub fn jwks(&self) -> Vec<Jwk> {
        self.ring().jwks()
    }

    /// Number of private-key operations since start.
    pub fn private_operations(&self) -> u64 {
        self.rsa_workers.operations()
    }

    /// The queue of private-key operations.
    pub(crate) fn rsa(&self) -> &RsaWorkers {
        &self.rsa_workers
    }

    /// Seals the credentials of a login. Its [`SessionInfo`] is cached, so that it need not be opened here
    /// ([`Sessions::info`]).
    ///
    /// # Errors
    /// [`SessionError::TooLarge`] when it is longer than `max_length`, [`SessionError::Sealing`].
    pub async fn seal(
        &self,
        registry: &str,
        proof: &LoginProof,
        max_length: usize,
        lifetime: Duration,
    ) -> Result<SealedSession, SessionError> {
        let ring = self.ring();
        let mut jti = [0_u8; 16];
        self.random.fill(&mut jti).map_err(|error| {
            tracing::error!(%error, "sealing a session failed");
            SessionError::Sealing
        })?;
        let now_s = self.clock.now_ms().div_euclid(1_000);
        let info = SessionInfo {
            kid: ring.current().kid().to_owned(),
            jti: URL_SAFE_NO_PAD.encode(jti),
            issued_at_s: now_s,
            expires_at_s: now_s.saturating_add(crate::clock::millis(lifetime) / 1_000),
            registry: registry.to_owned(),
            auth: proof.auth.clone(),
            username: proof.credential.username().unwrap_or_default().to_owned(),
        };
        let text = self.encrypt(&info, &proof.credential, &ring)?;
        if text.len() > max_length.min(jwe::MAX_LENGTH) {
            return Err(SessionError::TooLarge);
        }
        self.info.insert(SealedText::new(&text).hash, Arc::new(info.clone())).await;
        Ok(SealedSession { text, info })
    }

    /// The non-secret part of a session. Costs an RSA operation only the first time, and one for all concurrent
    /// callers.
    ///
    /// # Errors
    /// [`SessionError`].
    pub async fn info(self: &Arc<Self>, sealed: &SealedText) -> Result<Arc<SessionInfo>, SessionError> {
        let info = self.opened(sealed).await?;
        self.knows_revocations()?;
        self.use_now(&info).await?;
        Ok(info)
    }

    /// The same for a session that is to be logged out, whatever the state of the store.
    pub(crate) async fn opened(
        self: &Arc<Self>,
        sealed: &SealedText,
    ) -> Result<Arc<SessionInfo>, SessionError> {
        if let Some(info) = self.info.get(&sealed.hash).await {
            self.still_good(&info)?;
            return Ok(info);
        }
        let (this, sealed) = (Arc::clone(self), sealed.clone());
        // A task of its own, so that a caller who disconnects does not cancel it for the others.
        let opening = request_id::spawn(async move {
            let open = async {
                let (info, _) = this.open(&sealed).await?;
                this.look_up(&info).await;
                Ok(info)
            };
            this.info.try_get_with(sealed.hash, open).await
        });
        let opened = opening.await.map_err(|error| {
            tracing::error!(%error, "session task panicked");
            SessionError::Overloaded
        })?;
        let info = opened.map_err(|error| *error)?;
        self.still_good(&info)?;
        Ok(info)
    }

    /// Opens a session with one RSA operation.
    ///
    /// # Errors
    /// [`SessionError`].
    pub async fn open(&self, sealed: &SealedText) -> Result<(Arc<SessionInfo>, Credential), SessionError> {
        let (info, credential) = self.decrypt(sealed).await?;
        self.still_good(&info)?;
        Ok((Arc::new(info), credential))
    }

    /// Decrypts a session, which may have expired or been revoked.
    async fn decrypt(&self, sealed: &SealedText) -> Result<(SessionInfo, Credential), SessionError> {
        let parsed = jwe::parse(&sealed.text, &self.ring()).ok_or(SessionError::Invalid)?;
        let kid = parsed.key.kid().to_owned();
        let random = Arc::clone(&self.random);
        let claims = self
            .rsa_workers
            .run(&sealed.hash, move || jwe::open(parsed, &*random))
            .await
            .ok_or(SessionError::Overloaded)?
            .ok_or(SessionError::Invalid)?;
        let now_s = self.clock.now_ms().div_euclid(1_000);
        claims::decode(&claims, &kid, &self.expected, now_s).ok_or(SessionError::Invalid)
    }

    fn encrypt(
        &self,
        info: &SessionInfo,
        credential: &Credential,
        ring: &KeyRing,
    ) -> Result<String, SessionError> {
        let failed = |what: &'static str| {
            move || {
                tracing::error!(what, "sealing a session failed");
                SessionError::Sealing
            }
        };
        let claims = claims::encode(info, credential, &self.expected)
            .ok_or_else(failed("the claims cannot be serialized"))?;
        let text = jwe::seal(claims, ring.current(), &*self.random)
            .ok_or_else(failed("randomness, key or cipher failed"))?;
        if text.len() > jwe::MAX_LENGTH { Err(SessionError::TooLarge) } else { Ok(text) }
    }

    fn still_good(&self, info: &SessionInfo) -> Result<(), SessionError> {
        self.not_revoked(info)?;
        if self.ring().find(&info.kid).is_none() {
            return Err(SessionError::Invalid);
        }
        if self.clock.now_ms() >= info.expires_at_ms() { Err(SessionError::Expired) } else { Ok(()) }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("expected", &self.expected).finish_non_exhaustive()
    }
}
