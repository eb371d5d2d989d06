//! What sessions share with other instances: keys for the store, and revocations.

use std::sync::Arc;

use super::keyring::SealingKey;
use super::{SealedText, SessionError, SessionInfo, Sessions};
use crate::store::revocations::Revoked;
use crate::store::{Endpoint, Store, StoreFileError};

impl Sessions {
    /// Shares revocations with the other instances of this store. Must be called inside the runtime.
    ///
    /// # Errors
    /// [`StoreFileError`].
    pub(crate) fn share(mut self, endpoint: Endpoint) -> Result<Self, StoreFileError> {
        let store = Store::connect(endpoint, Arc::clone(&self.revoked), Arc::clone(&self.clock))?;
        self.store = Some(Arc::new(store));
        Ok(self)
    }

    /// The store, if there is one.
    pub(crate) fn store(&self) -> Option<&Arc<Store>> {
        self.store.as_ref()
    }

    /// The key that seals.
    pub(crate) fn current_key(&self) -> Arc<SealingKey> {
        Arc::clone(self.ring().current())
    }

    /// The key of this name.
    pub(crate) fn key(&self, kid: &str) -> Option<Arc<SealingKey>> {
        self.ring().find(kid)
    }

    /// The audience of sessions: instances with the same one are one server.
    pub(crate) fn audience(&self) -> &str {
        &self.expected.audience
    }

    /// Ends a session before its time: here at once, and at every instance within a second.
    ///
    /// # Errors
    /// [`SessionError::StoreUnavailable`] if the other instances did not get the revocation. It is published when the
    /// store replies again; a repeated call tries again.
    pub async fn revoke(&self, info: &SessionInfo) -> Result<(), SessionError> {
        let revoked = Revoked::new(&info.jti, info.expires_at_s);
        self.revoked.insert(revoked, self.store.is_none(), self.clock.now_ms().div_euclid(1_000));
        match &self.store {
            Some(store) => store.publish(revoked).await.map_err(|_| SessionError::StoreUnavailable),
            None => Ok(()),
        }
    }

    /// Revokes a session that has expired by this clock, which may be ahead: for the other instances the
    /// session is then still good. A revocation that the store did not take is published later.
    pub(crate) async fn revoke_expired(&self, sealed: &SealedText) {
        if self.store.is_none() {
            return;
        }
        let info = match self.info.get(&sealed.hash).await {
            Some(info) => Some(info),
            None => self.decrypt(sealed).await.ok().map(|(info, _)| Arc::new(info)),
        };
        if let Some(info) = info {
            self.revoke(&info).await.ok();
        }
    }

    /// Whether the session was not logged out, as far as this instance knows.
    pub(super) fn not_revoked(&self, info: &SessionInfo) -> Result<(), SessionError> {
        if self.revoked.holds(&info.jti) {
            let is_published = !self.revoked.is_unshared(&Revoked::new(&info.jti, info.expires_at_s));
            // A repeated logout reports whether the first one is published by now.
            return Err(if is_published { SessionError::Invalid } else { SessionError::StoreUnavailable });
        }
        Ok(())
    }

    /// Looks up whether a session that is new to this instance was logged out. The list of revocations is complete except
    /// for messages on their way; this finds those, with one command per session.
    pub(super) async fn look_up(&self, info: &SessionInfo) {
        if let Some(store) = &self.store {
            store.look_up(Revoked::new(&info.jti, info.expires_at_s)).await.ok();
        }
    }

    /// Whether the list of revocations is complete as of the grace. Checked last: a caller without a valid session is not
    /// told the state of the store.
    pub(super) fn knows_revocations(&self) -> Result<(), SessionError> {
        match &self.store {
            Some(store) if !store.knows_revocations() => Err(SessionError::StoreUnavailable),
            _ => Ok(()),
        }
    }
}
