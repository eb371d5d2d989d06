//! What a 401 or 403 of the registry means, and what is worth trying.

use super::{
    Authorization, BearerChallenge, Decision, ErrorCode, FlowError, Hop, MAX_REQUESTS, MAX_TOKENS,
    RegistryAuth, ResourceFlow, ResponseHead, ScopeSet, Selected, State, parse_lines, select,
};
use crate::challenge::{Challenge, bearer_candidates};
use crate::realm;

impl ResourceFlow {
    /// The registry refused. One more try where it can change the answer, else the end.
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
            // What was read before the error counts; what comes after could be read in two ways.
            Err(error) => (error.parsed, true),
        };
        let selected = self.choose(&challenges);
        // RFC 6750 §3.1 has `insufficient_scope` on a 403; otherwise a 403 is the registry's last word.
        if status == 403 && !matches!(&selected, Ok(Selected::Bearer(bearer)) if is_insufficient(bearer)) {
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

    /// The challenge to answer: the known token service if it is among them, else the first that the policy admits.
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
        // A foreign realm is an end in itself, even beside a Basic challenge: whoever rewrites challenges must not choose
        // the weaker way.
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
        // Nothing was learned since the token service refused.
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

    /// A token was refused, and no wider one would help.
    fn refused(&mut self, challenge: Option<BearerChallenge>, status: u16, sent: Option<&'static str>) {
        let was_fresh = self.tokens >= MAX_TOKENS;
        let error = challenge.as_ref().and_then(|challenge| challenge.error.as_deref());
        let code = match error {
            Some("insufficient_scope") => return self.end(self.denied(), status, sent),
            Some("invalid_token") => ErrorCode::TokenRejected,
            _ => self.denied(),
        };
        // The token may be one of a cache; a fresh one shows whether the token or the account is refused.
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
        // It had tokens of another server at login, and now wants a password that was never meant for it.
        if self.identified && !self.may_see_the_password() {
            return self.end(ErrorCode::RealmChanged, status, sent);
        }
        // Harbor answers every `Authorization` that it does not like with Basic, also a token that has expired.
        if bearer_sent {
            return self.refused(None, status, sent);
        }
        self.end(self.denied(), status, sent);
    }

    /// Whether this is the token service that was asked last, in whatever spelling.
    fn is_requested_service(&self, challenge: &BearerChallenge) -> bool {
        let admitted = |realm: &str| self.policy.as_ref().and_then(|policy| policy.admit(realm).ok());
        self.requested_from.as_ref().is_some_and(|known| {
            let same =
                || admitted(&known.realm).is_some_and(|known| admitted(&challenge.realm) == Some(known));
            known.service == challenge.service && (realm::is_same(&known.realm, &challenge.realm) || same())
        })
    }

    /// Whether the registry itself may be sent what the session holds. A driver with a policy holds a password, and where
    /// login proved that at a token service on another origin, the registry has never seen it: it does not get it by
    /// asking, and neither does whoever can put a 401 into its answers. A driver without one only asks the gateway.
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

    /// The scopes with what this challenge adds, if it adds anything that belongs to the request.
    ///
    /// The challenge of `/v2/` is no guide: GHCR's names a repository that does not exist. And a registry may widen what
    /// is done with the resources of this request, not send the session's credentials out for others.
    fn widened_by(&self, challenge: &BearerChallenge) -> Option<ScopeSet> {
        let path = self.request.path.split('?').next().unwrap_or_default();
        if matches!(path, "/v2/" | "/v2") {
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

    /// The registry refused the session's credentials, or the resource. Whoever holds a password asks for the first address
    /// as well, where only the password counts. A driver without a policy only asks the gateway, which has done that.
    fn basic_refused(&mut self, status: u16, sent: Option<&'static str>) {
        if self.policy.is_some() && !self.is_at_base() {
            self.record(Some(status), sent, Decision::ConfirmCredentials);
            self.state = State::Confirm(status);
            return;
        }
        // Where the registry also knows tokens, the credentials were good at login, and what is refused is the resource.
        let code =
            if self.requested_from.is_some() { ErrorCode::ScopeDenied } else { ErrorCode::BadCredentials };
        self.end(code, status, sent);
    }

    /// The scopes that the challenge names and that are of no resource, unless they were asked for. With `none`, a
    /// challenge without scopes names the empty set: Quay's catalog wants a token without any.
    pub(super) fn as_stated(&self, challenge: &BearerChallenge, none: bool) -> Option<ScopeSet> {
        let stated = match challenge.scope.as_deref() {
            Some(scope) => ScopeSet::parse_as_stated(scope).ok().filter(ScopeSet::is_without_resource)?,
            None if none && !self.is_at_base() => ScopeSet::new(),
            None => return None,
        };
        (stated != self.requested).then_some(stated)
    }

    fn is_at_base(&self) -> bool {
        matches!(self.request.path.split('?').next(), Some("/v2/" | "/v2"))
    }

    /// The end because of where the registry points.
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

/// Whether the token service does not know what was asked for.
pub(super) fn is_unknown(code: ErrorCode) -> bool {
    code == ErrorCode::TokenRequestRefused
}
