//! Audit events: who logged in and out, and what was refused.
//!
//! Each event is one log line with the target `audit` and the field `event`. `docs/operations.md` lists the events and
//! their fields, which are kept stable. Events contain no secret. User names are personal data, so they are written only
//! if `log.audit_usernames` is set, and only after the registry has accepted the password: a refused name may be a
//! password that was typed into the wrong field.

use std::net::IpAddr;

use dockpass_protocol::api::Carrier;
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::flow::FlowError;

use crate::config::LogSettings;
use crate::figures::Limit;
use crate::session::SessionInfo;
use crate::session::keyring::{Jwk, KeyError};

/// The target of the log lines, for filters such as `warn,audit=info`.
macro_rules! event {
    ($level:ident, $($fields:tt)*) => { tracing::$level!(target: "audit", $($fields)*) };
}

/// The user of a session whose password was accepted, if names may be written.
fn user<'a>(settings: &LogSettings, info: &'a SessionInfo) -> Option<&'a str> {
    settings.audit_usernames.then_some(info.username.as_str())
}

/// A session was issued.
pub(crate) fn login(settings: &LogSettings, info: &SessionInfo, carrier: Carrier, client: IpAddr) {
    let carrier = match carrier {
        Carrier::Bearer => "bearer",
        Carrier::Cookie => "cookie",
    };
    event!(
        info, event = "login", registry = %info.registry, session = %info.jti, carrier, %client,
        user = user(settings, info), "login"
    );
}

/// A login was refused.
pub(crate) fn login_refused(registry: &str, error: &FlowError, client: IpAddr) {
    event!(
        warn, event = "login_refused", registry, code = %error.code, hop = %error.hop, %client, "login refused"
    );
}

/// A session was ended by its holder.
pub(crate) fn logout(settings: &LogSettings, info: &SessionInfo, client: IpAddr) {
    event!(
        info, event = "logout", registry = %info.registry, session = %info.jti, %client,
        user = user(settings, info), "logout"
    );
}

/// A limit refused a request.
pub(crate) fn limited(limit: Limit, registry: &str, client: IpAddr) {
    event!(warn, event = "limited", limit = limit.name(), registry, %client, "refused by a limit");
}

/// A registry named a token service that it is not paired with, or that differs from the one at login. Credentials were
/// not sent there.
pub(crate) fn realm_refused(registry: &str, error: &FlowError, client: IpAddr) {
    if matches!(error.code, ErrorCode::RealmNotAllowed | ErrorCode::RealmChanged) {
        event!(
            warn, event = "realm_refused", registry, code = %error.code, hop = %error.hop, %client, "realm refused"
        );
    }
}

/// The key files were read again.
pub(crate) fn keys_reloaded(keys: &[Jwk]) {
    let kid = keys.first().map(|key| key.kid.as_str());
    event!(info, event = "keys_reloaded", keys = keys.len(), kid, "key files reloaded");
}

/// The key files could not be used.
pub(crate) fn keys_refused(error: &KeyError) {
    event!(
        error, event = "keys_refused", %error, "reloading the key files failed; the current keys stay in use"
    );
}
