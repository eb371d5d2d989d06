//! Sessions whose refresh token the token service has replaced (RFC 6749 §6; decision 0028).
//!
//! The new refresh token is sealed into a session that takes the place of the old one. Callers that still present the old
//! session (a second tab, a request in progress) are served with the new one, and are handed it.
//!
//! Every instance keeps the replacements that it knows in memory. With a store, they are also there, so that any instance
//! can use the newest refresh token. A value of the store is the new session, sealed for the holder of the old one: whoever
//! reads the store can open neither.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dockpass_protocol::credential::Credential;
use secrecy::SecretString;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{SealedText, SessionError, SessionInfo, Sessions, jwe};
use crate::session::keyring::SealingKey;
use crate::store::seal::{Kind, Name};

/// The maximum number of replacements in memory.
const MAX_REPLACED: u64 = 50_000;
/// The maximum number of replacements that are followed in memory. No session is replaced more often between two requests of
/// a tab.
const MAX_CHAIN: usize = 1_000;
/// The same in the store. A replacement is stored under the session that was presented as well, so that few are followed.
const MAX_LOOKUPS: usize = 32;
/// Lifetime of the lock of whoever refreshes a session: the instance that has it may have died.
const TURN: Duration = Duration::from_secs(10);
/// How long another instance that refreshes the same session is waited for, and how often it is checked.
const PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(25);

/// Which session took the place of which, by its hash.
#[derive(Debug)]
pub(super) struct Replaced {
    by: moka::sync::Cache<[u8; 32], SealedText>,
    /// Whether any session was replaced. Few token services replace refresh tokens.
    any: AtomicBool,
    /// Locks, one per session: a refresh token may be valid for one use only.
    turns: moka::sync::Cache<String, Arc<Mutex<()>>>,
}

impl Replaced {
    pub(super) fn new(lifetime: Duration) -> Self {
        let by = moka::sync::Cache::builder().max_capacity(MAX_REPLACED).time_to_live(lifetime).build();
        let turns = moka::sync::Cache::builder().max_capacity(MAX_REPLACED).time_to_idle(lifetime).build();
        Self { by, any: AtomicBool::new(false), turns }
    }

    /// The session that took the place of this one, as far as this instance knows; itself, unless it was replaced.
    fn latest(&self, sealed: &SealedText) -> SealedText {
        let mut latest = sealed.clone();
        if !self.any.load(Ordering::Acquire) {
            return latest;
        }
        for _ in 0..MAX_CHAIN {
            match self.by.get(latest.hash()) {
                Some(next) => latest = next,
                None => break,
            }
        }
        latest
    }

    fn replace(&self, old: &SealedText, new: SealedText) {
        self.by.insert(*old.hash(), new);
        self.any.store(true, Ordering::Release);
    }

    /// The lock of this session's refresh token.
    fn turn(&self, jti: &str) -> Arc<Mutex<()>> {
        self.turns.get_with_by_ref(jti, Arc::default)
    }
}

/// The exclusive use of a session's refresh token.
#[derive(Debug)]
#[must_use]
pub(crate) struct Turn {
    _in_process: OwnedMutexGuard<()>,
    /// The lock in the store, if this instance has it.
    in_store: Option<Name>,
}

impl Sessions {
    /// The session that stands for this one, as far as this instance knows: the same, unless its refresh token was replaced
    /// since. To be handed to whoever presented this one.
    pub fn latest(&self, sealed: &SealedText) -> SealedText {
        self.replaced.latest(sealed)
    }

    /// The credentials of a session, for its token service. Whoever holds the turn of a session with a refresh token is the
    /// only one to use it, until [`Sessions::end_turn`].
    ///
    /// # Errors
    /// [`SessionError`].
    pub(crate) async fn open_in_turn(
        &self,
        sealed: &SealedText,
    ) -> Result<(Arc<SessionInfo>, Credential, Option<Turn>), SessionError> {
        let first = self.latest(sealed);
        let (info, credential) = self.open(&first).await?;
        if !matches!(credential, Credential::RefreshToken { .. }) {
            return Ok((info, credential, None));
        }
        let in_process = self.replaced.turn(&info.jti).lock_owned().await;
        let turn = Turn { _in_process: in_process, in_store: self.lock_in_store(&info).await };
        let latest = self.latest_of_all(&first).await;
        if latest.hash() == first.hash() {
            return Ok((info, credential, Some(turn)));
        }
        match self.open(&latest).await {
            Ok((info, credential)) => Ok((info, credential, Some(turn))),
            Err(error) => {
                self.end_turn(turn).await;
                Err(error)
            }
        }
    }

    /// Lets the next one use the refresh token.
    pub(crate) async fn end_turn(&self, turn: Turn) {
        if let (Some(store), Some(name)) = (self.store(), &turn.in_store) {
            store.remove(name).await;
        }
    }

    /// Seals the refresh token that the token service issued in place of this session's. The new session has the name, the
    /// owner and the end of the old one, so that logging out ends both.
    ///
    /// # Errors
    /// [`SessionError`].
    pub(crate) async fn replace_refresh_token(
        &self,
        sealed: &SealedText,
        info: &SessionInfo,
        token: SecretString,
    ) -> Result<(), SessionError> {
        let ring = self.ring();
        let info = SessionInfo { kid: ring.current().kid().to_owned(), ..info.clone() };
        let credential = Credential::RefreshToken { username: info.username.clone(), token };
        let text = self.encrypt(&info, &credential, &ring)?;
        let new = SealedText::new(&text);
        let left_ms = info.expires_at_ms().saturating_sub(self.clock.now_ms());
        let left = Duration::from_millis(u64::try_from(left_ms).unwrap_or_default());
        self.info.insert(*new.hash(), Arc::new(info)).await;
        let used = self.latest(sealed);
        self.replaced.replace(&used, new.clone());
        self.store_replacement(&used, &new, left).await;
        if used.hash() != sealed.hash() {
            self.store_replacement(sealed, &new, left).await;
        }
        Ok(())
    }

    /// The session that stands for this one, also if another instance has replaced it. A store that fails knows of none.
    async fn latest_of_all(&self, sealed: &SealedText) -> SealedText {
        let mut latest = self.latest(sealed);
        for _ in 0..MAX_LOOKUPS {
            let Some(next) = self.stored_replacement(&latest).await else { break };
            self.replaced.replace(&latest, next.clone());
            latest = self.latest(&next);
        }
        latest
    }

    /// The replacement of this session in the store.
    async fn stored_replacement(&self, old: &SealedText) -> Option<SealedText> {
        let store = self.store()?;
        let (key, name) = self.replacement_name(old)?;
        let value = store.get(&name).await.ok()??;
        let content = key.store().open(&name, old.text().as_bytes(), &value);
        let text = content.as_deref().and_then(|content| std::str::from_utf8(content).ok());
        // The text is a session of this server, and another one: a value of the store must not lead in a circle.
        let new = text.filter(|text| jwe::parse(text, &self.ring()).is_some()).map(SealedText::new);
        let new = new.filter(|new| new.hash() != old.hash());
        if new.is_none() {
            store.found_corrupt();
        }
        new
    }

    /// Stores the replacement of a session, for the holder of the old one. After a failure, other instances do not know it.
    async fn store_replacement(&self, old: &SealedText, new: &SealedText, left: Duration) {
        let Some(store) = self.store() else { return };
        let sealed = self.replacement_name(old).and_then(|(key, name)| {
            let value =
                key.store().seal(&name, old.text().as_bytes(), new.text().as_bytes(), &*self.random)?;
            Some((name, value))
        });
        if let Some((name, value)) = sealed {
            store.put(&name, &value, left).await;
        }
    }

    /// The name of a session's replacement in the store, and the key that sealed the session.
    fn replacement_name(&self, old: &SealedText) -> Option<(Arc<SealingKey>, Name)> {
        let key = jwe::parse(old.text(), &self.ring())?.key;
        let mut naming = key.store().naming(Kind::Session);
        naming.field(self.audience().as_bytes()).field(old.hash());
        let name = naming.finish();
        Some((key, name))
    }

    /// Takes the lock of this session's refresh token in the store, best effort: another instance is waited for, and not
    /// longer than [`PATIENCE`].
    async fn lock_in_store(&self, info: &SessionInfo) -> Option<Name> {
        let store = self.store()?;
        let key = self.key(&info.kid)?;
        let mut naming = key.store().naming(Kind::Flight);
        naming.field(self.audience().as_bytes()).field(b"refresh").field(info.jti.as_bytes());
        let name = naming.finish();
        let taking = async {
            loop {
                match store.lock(&name, TURN).await {
                    Ok(true) => return true,
                    Ok(false) => tokio::time::sleep(POLL).await,
                    Err(_) => return false,
                }
            }
        };
        let is_ours = tokio::time::timeout(PATIENCE, taking).await.unwrap_or(false);
        is_ours.then_some(name)
    }
}
