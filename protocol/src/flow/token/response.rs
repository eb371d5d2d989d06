//! What the response of a token service means, and what to try next.

use super::{ErrorCode, FlowError, Hop, Nested, ResponseHead, State, TokenFlow, TokenGrant, evidence};
use secrecy::{ExposeSecret, SecretString};

use crate::challenge::{BearerChallenge, Challenge, bearer_candidates, parse_lines};
use crate::credential::Credential;
use crate::flow::{Decision, retry_after};
use crate::realm::{Realm, RealmPolicy};
use crate::scope::ScopeSet;
use crate::token::TokenResponseError;

impl TokenFlow {
    pub(super) fn responded(&mut self, head: &ResponseHead<'_>, body: &[u8], now_ms: i64) {
        let status = head.status;
        match status {
            200 => self.granted(head, body, now_ms),
            300..=399 => self.end(ErrorCode::UpstreamRedirect, status),
            // RFC 6749 §5.2: a refresh token that is no longer good is a 400.
            400 if self.is_refresh() && says_invalid_grant(body) => {
                self.end(ErrorCode::BadCredentials, status);
            }
            401 | 403 => self.refused(head),
            // Keycloak answers nobody with 400 and a login form.
            400 if self.is_nobody() && asks_for_login(head, body) => {
                self.end(ErrorCode::LoginRequired, status);
            }
            // It does not take a request without scopes, so that the first refusal has to do.
            400..=499 if self.confirming.is_some() && status != 408 && status != 429 => {
                let refused = self.confirming.take().unwrap_or(status);
                let code = if refused == 403 { ErrorCode::ScopeDenied } else { ErrorCode::BadCredentials };
                self.end(code, refused);
            }
            408 => self.end(ErrorCode::UpstreamTimeout, status),
            429 => {
                let mut error = FlowError::new(ErrorCode::RateLimited, Hop::TokenService).with_status(status);
                error.retry_after_ms = retry_after::millis(head, Some(now_ms));
                self.fail(error);
            }
            // Also 404 and 405 to a POST: a refresh token is never sent as a password instead.
            400..=499 => self.end(ErrorCode::TokenRequestRefused, status),
            500..=599 => self.end(ErrorCode::UpstreamFailed, status),
            _ => self.end(ErrorCode::UpstreamInvalid, status),
        }
    }

    fn granted(&mut self, head: &ResponseHead<'_>, body: &[u8], now_ms: i64) {
        let status = head.status;
        let current = self.current();
        let mut grant = match evidence::grant(head, body, now_ms, current.service, current.scopes) {
            Ok(grant) => grant,
            Err(unusable) => {
                self.problem = unusable.problem.map(TokenResponseError::code);
                self.unusable = Some(unusable);
                return self.end(ErrorCode::UpstreamInvalid, status);
            }
        };
        self.problem = grant.notes.codes().next();
        if self.nested.is_some() {
            if self.requests >= self.budget {
                return self.end(ErrorCode::NestedChallenge, status);
            }
            self.record(status, Decision::GotToken);
            self.nested_token = Some(grant.token);
            self.nested = None;
            return;
        }
        if let Some(refused) = self.confirming.take() {
            // Good credentials, without what was asked for: it is the permission that is missing.
            let code = if grant.is_anonymous { ErrorCode::BadCredentials } else { ErrorCode::ScopeDenied };
            return self.end(code, refused);
        }
        let undecided = !grant.denied.is_empty() || !grant.unknown.is_empty();
        if undecided && self.can_identify() {
            let decision =
                if grant.denied.is_empty() { Decision::UnknownGrant } else { Decision::SilentDenial };
            self.record(status, decision);
            self.identify = true;
            return;
        }
        // A refresh token that replaces the one that was sent (RFC 6749 §6) is wanted, asked for or not.
        if !self.offline && !self.replaces(grant.refresh_token.as_ref()) {
            grant.refresh_token = None;
        }
        self.finish(status, grant);
    }

    fn finish(&mut self, status: u16, grant: TokenGrant) {
        let decision = if grant.denied.is_empty() { Decision::GotToken } else { Decision::TokenDenies };
        self.record(status, decision);
        self.state = State::Done(Box::new(grant));
    }

    /// 401 or 403: a challenge, or the end.
    fn refused(&mut self, head: &ResponseHead<'_>) {
        let status = head.status;
        let (challenges, malformed) = match parse_lines(head.challenges.iter().copied()) {
            Ok(challenges) => (challenges, false),
            // What was read before the error counts; what comes after could be read in two ways.
            Err(error) => (error.parsed, true),
        };
        let basic = challenges.iter().any(Challenge::is_basic);
        if !basic {
            match self.other_service(&challenges) {
                Ok(None) => {}
                Ok(Some(nested)) if self.can_nest() => {
                    self.record(status, Decision::FollowNested);
                    self.nested = Some(nested);
                    // Only so many requests are left, and the deeper service learns no more than the first one did.
                    self.identify |= matches!(self.credential, Credential::Password { .. });
                    return;
                }
                Ok(Some(_)) | Err(()) => return self.end(ErrorCode::NestedChallenge, status),
            }
            let supported = challenges.is_empty() || challenges.iter().any(Challenge::is_bearer);
            if malformed && challenges.is_empty() {
                return self.end(ErrorCode::ChallengeSyntax, status);
            }
            if status == 401 && !supported {
                return self.end(ErrorCode::UnsupportedScheme, status);
            }
        }
        if self.nested_token.is_some() {
            return self.end(ErrorCode::NestedChallenge, status);
        }
        if self.can_identify() {
            self.record(status, Decision::SendCredentials);
            self.identify = true;
            return;
        }
        // Whoever asked may be refused, or what was asked for: without the latter it shows.
        if self.can_confirm() {
            self.record(status, Decision::ConfirmCredentials);
            self.confirming = Some(status);
            return;
        }
        let code = if !self.is_identified() {
            ErrorCode::LoginRequired
        } else if status == 403 && !self.scopes.is_empty() && self.confirming.is_none() {
            // Who asks is known since the login; what is asked for is refused.
            ErrorCode::ScopeDenied
        } else {
            ErrorCode::BadCredentials
        };
        self.end(code, status);
    }

    /// The other token service that a Bearer challenge names: none, one that may be asked, or one that may not. A service
    /// that names itself (ACR) says no more than "no".
    fn other_service(&self, challenges: &[Challenge<'_>]) -> Result<Option<Nested>, ()> {
        let current = self.current().realm;
        let mut refused = false;
        for BearerChallenge { realm, service, scope, .. } in bearer_candidates(challenges) {
            let Ok(realm) = self.admit(&realm) else {
                refused = true;
                continue;
            };
            if realm.origin() == current.origin() && realm.path() == current.path() {
                return Ok(None);
            }
            let scopes = scope.and_then(|scope| ScopeSet::parse(&scope).ok()).unwrap_or_default();
            return Ok(Some(Nested { realm, service, scopes }));
        }
        if refused { Err(()) } else { Ok(None) }
    }

    fn admit(&self, realm: &str) -> Result<Realm, ErrorCode> {
        // A relative realm is one of the service that named it.
        let own = RealmPolicy::own_origin(self.current().realm.origin().clone());
        own.admit(realm).or_else(|code| match &self.policy {
            Some(policy) if !realm.starts_with('/') => policy.admit(realm),
            _ => Err(code),
        })
    }

    /// One level deep, with a request left for the service below and one for the return, and never with a refresh token,
    /// which is the first service's own.
    fn can_nest(&self) -> bool {
        self.nested.is_none()
            && self.nested_token.is_none()
            && !self.is_refresh()
            && self.requests.saturating_add(2) <= self.budget
    }

    /// Whether the same credentials can be tried once without scopes.
    fn can_confirm(&self) -> bool {
        self.confirming.is_none()
            && self.nested.is_none()
            && self.identify
            && !self.scopes.is_empty()
            && self.requests < self.budget
    }

    /// Whether a refresh token is another one than the one that was sent for it.
    fn replaces(&self, new: Option<&SecretString>) -> bool {
        match (&self.credential, new) {
            (Credential::RefreshToken { token, .. }, Some(new)) => {
                token.expose_secret() != new.expose_secret()
            }
            _ => false,
        }
    }

    fn is_nobody(&self) -> bool {
        self.credential.is_anonymous() && self.nested.is_none() && self.nested_token.is_none()
    }

    fn is_refresh(&self) -> bool {
        matches!(self.credential, Credential::RefreshToken { .. })
    }
}

/// Whether a refusal is a login form, or speaks of a password that nobody has sent.
fn asks_for_login(head: &ResponseHead<'_>, body: &[u8]) -> bool {
    head.is_markup() || body.windows(PASSWORD.len()).any(|window| window == PASSWORD)
}

const PASSWORD: &[u8] = b"password";

/// Whether an OAuth2 error is about the refresh token itself (RFC 6749 §5.2).
fn says_invalid_grant(body: &[u8]) -> bool {
    body.windows(INVALID_GRANT.len()).any(|window| window == INVALID_GRANT)
}

const INVALID_GRANT: &[u8] = b"\"invalid_grant\"";
