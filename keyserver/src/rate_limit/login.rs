//! Limits of logins: failures only, by client and by account.
//!
//! One address may try many accounts, and many addresses one account. The account's limit alone would lock its owner out
//! as well, so that an address that has logged in to the account has a limit of its own for it.

use std::net::IpAddr;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::credential::Credential;
use quick_cache::sync::Cache;
use secrecy::ExposeSecret;

use super::Refused;
use super::buckets::Buckets;
use super::key::{Key, client_prefix};
use super::shared::SharedCounts;
use crate::clock::{Clock, hex};
use crate::config::LimitSettings;
use crate::figures::Limit;

/// Pairs of client and account that are remembered at most; the least used are forgotten.
const MAX_PROVEN: usize = 100_000;
const BY_ADDRESS: &str = "login address";
const BY_ACCOUNT: &str = "login account";

/// The account that a login is for.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct AccountName(String);

impl AccountName {
    /// By user name; by the token where the login has one, because docker sends the same name with every token.
    /// Registries ignore case and spaces around a name, so that variants of the spelling count as one account.
    pub(crate) fn of(registry: &str, credential: &Credential) -> Self {
        let name = match credential {
            Credential::RefreshToken { token, .. } => {
                format!("token {}", hex(digest(&SHA256, token.expose_secret().as_bytes()).as_ref()))
            }
            other => format!("user {}", other.username().unwrap_or_default().trim().to_lowercase()),
        };
        Self(format!("{}:{registry}:{name}", registry.len()))
    }
}

impl std::fmt::Debug for AccountName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AccountName(..)")
    }
}

/// Limits of logins. Cloning shares them.
#[derive(Clone)]
pub(crate) struct LoginLimits(Arc<Inner>);

struct Inner {
    by_address: Buckets,
    by_account: Buckets,
    /// For clients that have logged in to the account before.
    by_owner: Buckets,
    /// Those clients, each with its account.
    proven: Cache<Key, ()>,
    clock: Arc<dyn Clock>,
    shared: Option<SharedCounts>,
}

/// A login that was admitted. It counts as failed until its result is reported, also when its caller disconnects.
#[derive(Debug)]
#[must_use = "a login without a reported result counts as failed"]
pub(crate) struct LoginAttempt {
    limits: LoginLimits,
    address: IpAddr,
    account: AccountName,
    client: Key,
    account_key: Key,
    is_owner: bool,
}

impl LoginLimits {
    pub(crate) fn new(limits: &LimitSettings, clock: Arc<dyn Clock>, shared: Option<SharedCounts>) -> Self {
        let of_account = || Buckets::new(limits.account_per_minute, limits.account_per_minute);
        Self(Arc::new(Inner {
            by_address: Buckets::new(limits.login_burst, limits.login_per_minute),
            by_account: of_account(),
            by_owner: of_account(),
            proven: Cache::new(MAX_PROVEN),
            clock,
            shared,
        }))
    }

    /// Admits a login attempt, by the counts of this instance and of all instances together. An attempt is counted at
    /// once, and the count is given back when it succeeds, so that simultaneous attempts do not exceed the limit.
    pub(crate) async fn admit(&self, address: IpAddr, account: AccountName) -> Result<LoginAttempt, Refused> {
        self.take(address, account).await.map_err(Refused::by(Limit::Login))
    }

    async fn take(&self, address: IpAddr, account: AccountName) -> Result<LoginAttempt, u64> {
        let Inner { by_address, by_account, shared, proven, clock, .. } = &*self.0;
        let (client, name) = (Key::client(address), Key::text(&account.0, ""));
        let is_owner = proven.get(&client.and(name)).is_some();
        if let Some(shared) = shared {
            shared.check(BY_ADDRESS, &client_prefix(address), by_address.per_minute()).await?;
            if !is_owner {
                shared.check(BY_ACCOUNT, &account.0, by_account.per_minute()).await?;
            }
        }
        let account_key = if is_owner { client.and(name) } else { name };
        let attempt = LoginAttempt { limits: self.clone(), address, account, client, account_key, is_owner };
        let now_ms = clock.now_ms();
        by_address.take(client, 1, now_ms)?;
        attempt
            .account_buckets()
            .take(account_key, 1, now_ms)
            .inspect_err(|_| by_address.give_back(client, 1))?;
        Ok(attempt)
    }
}

impl LoginAttempt {
    fn account_buckets(&self) -> &Buckets {
        if self.is_owner { &self.limits.0.by_owner } else { &self.limits.0.by_account }
    }

    /// The credentials were right.
    pub(crate) fn succeeded(self) {
        self.give_back();
        let pair = self.client.and(Key::text(&self.account.0, ""));
        self.limits.0.proven.insert(pair, ());
    }

    /// The login failed. Where no server has seen the credentials, that is no failed attempt.
    pub(crate) async fn failed(self, code: ErrorCode) {
        let is_unsent = matches!(
            code,
            ErrorCode::UpstreamUnreachable
                | ErrorCode::UpstreamTls
                | ErrorCode::RegistryUnavailable
                | ErrorCode::RegistryBusy
        );
        if is_unsent {
            self.give_back();
            return;
        }
        let Some(shared) = &self.limits.0.shared else { return };
        let (by_address, by_account) = (&self.limits.0.by_address, &self.limits.0.by_account);
        // The result is not needed: the next attempt reads the counters.
        let _ = shared.take(BY_ADDRESS, &client_prefix(self.address), by_address.per_minute()).await;
        if !self.is_owner {
            let _ = shared.take(BY_ACCOUNT, &self.account.0, by_account.per_minute()).await;
        }
    }

    fn give_back(&self) {
        self.limits.0.by_address.give_back(self.client, 1);
        self.account_buckets().give_back(self.account_key, 1);
    }
}

impl std::fmt::Debug for LoginLimits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginLimits").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
