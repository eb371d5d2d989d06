//! Processes a 401 or 403 of the registry.

use super::{
    Authorization, BearerChallenge, Decision, ErrorCode, FlowError, Hop, MAX_REQUESTS, MAX_TOKENS,
    RegistryAuth, ResourceFlow, ResponseHead, ScopeSet, Selected, State, parse_lines, select,
};
use crate::challenge::{Challenge, bearer_candidates};
use crate::realm;

/// The path that depends on the credentials only.
pub(super) const BASE: &str = "/v2/";

impl ResourceFlow {
    /// Processes a refusal: one more attempt if it can change the result, otherwise the flow fails.
    pub(super) fn challenged(
        &mut self,
        head: &ResponseHead<'_>,
        sent: Option<&'static str>,
        bearer_sent: bool,
    ) {
        let status = head.status;
        let parsed = parse_lines(head.challenges.iter().copied());
        let (challenges, malformed) = match parsed {
            Ok(challenges) => (challenges, false),
            // The challenges before the error are used; those after it are ambiguous.
            Err(error) => (error.parsed, true),
        };
        let selected = self.choose(&challenges);
        // RFC 6750 §3.1: a 403 may have `insufficient_scope`. Any other 403 is final, but a password may have expired (ECR).
        if status == 403 && !matches!(&selected, Ok(Selected::Bearer(bearer)) if is_insufficient(bearer)) {
            if self.basic_sent && !bearer_sent && self.confirm(status, sent) {
                return;
            }
            return self.end(self.denied(), status, sent);
        }
        let selected = match selected {
            Ok(Selected::None | Selected::Other { .. }) if malformed => {
                return self.end(ErrorCode::ChallengeSyntax, status, sent);
            }
            Ok(selected) => selected,
            Err((code, realm)) => return self.end_at(code, status, sent, &realm),
        };
        match selected {
            Selected::Bearer(challenge) => self.bearer(challenge, status, sent, bearer_sent),
            Selected::Basic { .. } => self.basic(status, sent, bearer_sent),
            Selected::Other { scheme } if scheme == "bearer" => {
                self.end(ErrorCode::UpstreamInvalid, status, sent);
            }
            Selected::Other { .. } => self.end(ErrorCode::UnsupportedScheme, status, sent),
            Selected::None if bearer_sent => self.refused(None, status, sent),
            Selected::None if sent.is_some() => self.basic_refused(status, sent),
            Selected::None => {
                let code = self.ahead_failure.map_or(ErrorCode::UpstreamInvalid, |error| error.code);
                self.end(code, status, sent);
            }
        }
    }

    /// The challenge to follow: that of the known token service if there is one, otherwise the first that the policy admits.
    fn choose(&self, challenges: &[Challenge<'_>]) -> Result<Selected, (ErrorCode, String)> {
        let known = bearer_candidates(challenges).find(|bearer| self.is_requested_service(bearer));
        let Some(policy) = &self.policy else {
            return Ok(known.map_or_else(|| select(challenges), Selected::Bearer));
        };
        if let Some(known) = known.filter(|known| policy.admit(&known.realm).is_ok()) {
            return Ok(Selected::Bearer(known));
        }
        let mut refusal = None;
        for bearer in bearer_candidates(challenges) {
            match policy.admit(&bearer.realm) {
                Ok(_) => return Ok(Selected::Bearer(bearer)),
                Err(code) => refusal = refusal.or(Some((code, bearer.realm))),
            }
        }
        // A realm that is not admitted is an error even if there is a Basic challenge: an attacker who changes challenges
        // must not cause a downgrade to Basic.
        refusal.map_or_else(|| Ok(select(challenges)), Err)
    }

    fn bearer(
        &mut self,
        challenge: BearerChallenge,
        status: u16,
        sent: Option<&'static str>,
        bearer_sent: bool,
    ) {
        let same_service = self.is_requested_service(&challenge);
        let larger = self.widened_by(&challenge);
        let widened = larger.is_some();
        if let Some(requested) = larger.filter(|_| self.may_request_token()) {
            self.requested = requested;
        }
        if bearer_sent && same_service {
            if !widened {
                let is_invalid = challenge.error.as_deref() == Some("invalid_token");
                let as_stated =
                    self.as_stated(&challenge, false).filter(|_| !is_invalid && self.may_request_token());
                if let Some(scopes) = as_stated {
                    self.record(Some(status), sent, Decision::AskAsStated);
                    self.requested = scopes;
                    return self.need_token(challenge, false);
                }
                return self.refused(Some(challenge), status, sent);
            }
            if !self.may_request_token() {
                return self.end(self.denied(), status, sent);
            }
            self.record(Some(status), sent, Decision::WidenScope);
            return self.need_token(challenge, false);
        }
        // The challenge is the same as before the refusal of the token service.
        if let Some(error) = self.ahead_failure.filter(|_| same_service && !widened) {
            let is_about_the_scope = super::is_about_the_scope(error.code) && self.may_request_token();
            return match self.as_stated(&challenge, is_unknown(error.code)).filter(|_| is_about_the_scope) {
                Some(scopes) => {
                    self.record(Some(status), sent, Decision::AskAsStated);
                    self.requested = scopes;
                    self.need_token(challenge, false);
                }
                None => self.end(error.code, status, sent),
            };
        }
        if !self.may_request_token() {
            return self.end(self.denied(), status, sent);
        }
        self.record(Some(status), sent, Decision::AskToken);
        self.need_token(challenge, false);
    }

    /// Processes the rejection of a token when no further scopes are required.
    fn refused(&mut self, challenge: Option<BearerChallenge>, status: u16, sent: Option<&'static str>) {
        let was_fresh = self.tokens >= MAX_TOKENS;
        let error = challenge.as_ref().and_then(|challenge| challenge.error.as_deref());
        let code = match error {
            Some("insufficient_scope") => return self.end(self.denied(), status, sent),
            Some("invalid_token") => ErrorCode::TokenRejected,
            _ => self.denied(),
        };
        // The token may be cached; a new one shows whether the token or the account is refused.
        let Some(challenge) = challenge.or_else(|| self.requested_from.clone()) else {
            return self.end(code, status, sent);
        };
        if was_fresh || !self.may_request_token() {
            return self.end(code, status, sent);
        }
        self.record(Some(status), sent, Decision::RenewToken);
        self.need_token(challenge, true);
    }

    fn basic(&mut self, status: u16, sent: Option<&'static str>, bearer_sent: bool) {
        if self.basic_sent {
            return self.basic_refused(status, sent);
        }
        if self.identified && self.requests < MAX_REQUESTS && self.may_see_the_password() {
            self.basic_sent = true;
            self.record(Some(status), sent, Decision::SendBasic);
            self.state = State::Send(Authorization::FromSession);
            return;
        }
        if bearer_sent && self.may_request_token() {
            return self.refused(None, status, sent);
        }
        if let Some(error) = self.ahead_failure.filter(|_| self.identified && !self.may_see_the_password()) {
            return self.end(error.code, status, sent);
        }
        // At login the registry used a token service on another origin, so it must not get the password.
        if self.identified && !self.may_see_the_password() {
            return self.end(ErrorCode::RealmChanged, status, sent);
        }
        // Harbor responds to every invalid `Authorization` with a Basic challenge, even to an expired token.
        if bearer_sent {
            return self.refused(None, status, sent);
        }
        self.end(self.denied(), status, sent);
    }

    /// Whether this is the token service of the last token request, in canonical form.
    fn is_requested_service(&self, challenge: &BearerChallenge) -> bool {
        let admitted = |realm: &str| self.policy.as_ref().and_then(|policy| policy.admit(realm).ok());
        self.requested_from.as_ref().is_some_and(|known| {
            let same =
                || admitted(&known.realm).is_some_and(|known| admitted(&challenge.realm) == Some(known));
            known.service == challenge.service && (realm::is_same(&known.realm, &challenge.realm) || same())
        })
    }

    /// Whether the session's credentials may be sent to the registry itself. A driver with a policy has the password. If it was
    /// checked by a token service on another origin, a Basic challenge must not get it, because an attacker may have
    /// inserted the challenge. A driver without a policy sends the request to the gateway, which decides.
    fn may_see_the_password(&self) -> bool {
        let known = match (&self.known, &self.requested_from) {
            (Some(RegistryAuth::Bearer { realm, .. }), _) => Some(realm),
            (_, Some(challenge)) => Some(&challenge.realm),
            _ => None,
        };
        match (&self.policy, known) {
            (Some(policy), Some(realm)) => policy.is_own(realm),
            _ => true,
        }
    }

    fn may_request_token(&self) -> bool {
        self.tokens < MAX_TOKENS && self.requests < MAX_REQUESTS
    }

    /// The scopes including those of the challenge, if it adds any that belong to the request.
    ///
    /// The scope in the challenge of `/v2/` is not used: GHCR's names a repository that does not exist. A registry may require
    /// more actions on the resources of the request, but not tokens for other resources.
    fn widened_by(&self, challenge: &BearerChallenge) -> Option<ScopeSet> {
        if self.is_at_base() {
            return None;
        }
        let wanted = ScopeSet::parse(challenge.scope.as_deref()?).ok()?;
        let own = &self.request.scopes;
        let wanted: ScopeSet = wanted
            .iter()
            .filter(|wanted| {
                own.is_empty()
                    || own
                        .iter()
                        .any(|own| own.resource_type == wanted.resource_type && own.name == wanted.name)
            })
            .cloned()
            .collect();
        (!self.requested.is_superset(&wanted)).then(|| self.requested.union(&wanted))
    }

    fn denied(&self) -> ErrorCode {
        if self.identified { ErrorCode::ScopeDenied } else { ErrorCode::LoginRequired }
    }

    /// Processes a refusal of Basic credentials: either the credentials or the access to the resource was refused. A driver
    /// with the password requests `/v2/` as well, which depends only on the credentials. For a driver without a policy the
    /// gateway has done that.
    fn basic_refused(&mut self, status: u16, sent: Option<&'static str>) {
        if self.confirm(status, sent) {
            return;
        }
        // If the registry also uses tokens, the credentials were valid at login, so the access to the resource is refused.
        let code =
            if self.requested_from.is_some() { ErrorCode::ScopeDenied } else { ErrorCode::BadCredentials };
        self.end(code, status, sent);
    }

    /// Requests `/v2/` with the credentials, where that is possible.
    fn confirm(&mut self, status: u16, sent: Option<&'static str>) -> bool {
        let can_confirm = self.policy.is_some() && !self.is_at_base();
        if can_confirm {
            self.record(Some(status), sent, Decision::ConfirmCredentials);
            self.state = State::Confirm(status);
        }
        can_confirm
    }

    /// The scopes of the challenge that name no resource, unless they were requested. With `none`, a challenge without scopes
    /// means the empty set: Quay's catalog requires a token without scopes.
    pub(super) fn as_stated(&self, challenge: &BearerChallenge, none: bool) -> Option<ScopeSet> {
        let stated = match challenge.scope.as_deref() {
            Some(scope) => ScopeSet::parse_as_stated(scope).ok().filter(ScopeSet::is_without_resource)?,
            None if none && !self.is_at_base() => ScopeSet::new(),
            None => return None,
        };
        (stated != self.requested).then_some(stated)
    }

    fn is_at_base(&self) -> bool {
        matches!(self.request.path.split('?').next(), Some(BASE | "/v2"))
    }

    /// Ends the flow because of a realm or redirect target of the registry.
    fn end_at(&mut self, code: ErrorCode, status: u16, sent: Option<&'static str>, place: &str) {
        self.end(code, status, sent);
        if let Some(record) = self.records.pop() {
            self.records.push(record.with_place(Some(place)));
        }
    }

    fn end(&mut self, code: ErrorCode, status: u16, sent: Option<&'static str>) {
        self.fail(FlowError::new(code, Hop::Registry), Some(status), sent);
    }
}

fn is_insufficient(challenge: &BearerChallenge) -> bool {
    challenge.error.as_deref() == Some("insufficient_scope")
}

/// Whether the token service does not support the requested scopes.
pub(super) fn is_unknown(code: ErrorCode) -> bool {
    code == ErrorCode::TokenRequestRefused
}
