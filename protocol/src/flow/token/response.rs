//! Processes the responses of token services.

use super::{ErrorCode, FlowError, Hop, Nested, ResponseHead, State, TokenFlow, TokenGrant, evidence};
use secrecy::{ExposeSecret, SecretString};

use crate::challenge::{BearerChallenge, Challenge, bearer_candidates, parse_lines};
use crate::credential::Credential;
use crate::flow::Decision;
use crate::realm::{Realm, RealmPolicy};
use crate::scope::ScopeSet;
use crate::token::TokenResponseError;

impl TokenFlow {
    pub(super) fn responded(&mut self, head: &ResponseHead<'_>, body: &[u8], now_ms: i64) {
        let status = head.status;
        match status {
            // 200 by the specification; widespread clients accept the others as well (distribution, containerd).
            200..=203 => self.granted(head, body, now_ms),
            300..=399 => self.end(ErrorCode::UpstreamRedirect, status),
            // RFC 6749 §5.2: an invalid refresh token is a 400.
            400 if self.is_refresh() && says_invalid_grant(body) => {
                self.end(ErrorCode::BadCredentials, status);
            }
            401 | 403 => self.refused(head),
            // Keycloak responds to anonymous requests with 400 and a login form.
            400 if self.is_nobody() && asks_for_login(head, body) => {
                self.end(ErrorCode::LoginRequired, status);
            }
            // The service does not accept a request without scopes, so the first refusal is the result.
            400..=499 if self.confirming.is_some() && status != 408 && status != 429 => {
                let refused = self.confirming.unwrap_or(status);
                let code = if refused == 403 { ErrorCode::ScopeDenied } else { ErrorCode::BadCredentials };
                self.end_confirming(code, refused, status);
            }
            408 => self.end(ErrorCode::UpstreamTimeout, status),
            429 => {
                let mut error = FlowError::new(ErrorCode::RateLimited, Hop::TokenService).with_status(status);
                error.retry_after_ms = head.wait_ms(Some(now_ms));
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
        if let Some(refused) = self.confirming {
            // The credentials are valid without the scopes, so the permission is missing.
            let code = if grant.is_anonymous { ErrorCode::BadCredentials } else { ErrorCode::ScopeDenied };
            return self.end_confirming(code, refused, status);
        }
        let undecided = !grant.denied.is_empty() || !grant.unknown.is_empty();
        if undecided && self.can_identify() {
            let decision =
                if grant.denied.is_empty() { Decision::UnknownGrant } else { Decision::SilentDenial };
            self.record(status, decision);
            self.identify = true;
            return;
        }
        // A refresh token that replaces the one that was sent (RFC 6749 §6) is kept, even if none was requested.
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
            // The challenges before the error are used; those after it are ambiguous.
            Err(error) => (error.parsed, true),
        };
        let basic = challenges.iter().any(Challenge::is_basic);
        if !basic {
            match self.other_service(&challenges) {
                Ok(None) => {}
                Ok(Some(nested)) if self.can_nest() => {
                    self.record(status, Decision::FollowNested);
                    self.nested = Some(nested);
                    // The remaining budget, and the same credentials as for the first service.
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
        // Either the credentials or the scopes were refused; a request without scopes shows which.
        if self.can_confirm() {
            self.record(status, Decision::ConfirmCredentials);
            self.confirming = Some(status);
            return;
        }
        let code = if !self.is_identified() {
            ErrorCode::LoginRequired
        } else if status == 403 && !self.scopes.is_empty() && self.confirming.is_none() {
            // The login has proven the credentials, so the scopes are refused.
            ErrorCode::ScopeDenied
        } else {
            ErrorCode::BadCredentials
        };
        self.end(code, status);
    }

    /// The other token service in a Bearer challenge: none, an admitted one, or one that is not admitted. A service that names
    /// itself (ACR) only refuses.
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
        // A relative realm is on the origin of the service that sent it.
        let own = RealmPolicy::own_origin(self.current().realm.origin().clone());
        own.admit(realm).or_else(|code| match &self.policy {
            Some(policy) if !realm.starts_with('/') => policy.admit(realm),
            _ => Err(code),
        })
    }

    /// Whether a nested challenge can be followed: one level deep, with two requests left in the budget, and never with a
    /// refresh token, which belongs to the first service.
    fn can_nest(&self) -> bool {
        self.nested.is_none()
            && self.nested_token.is_none()
            && !self.is_refresh()
            && self.requests.saturating_add(2) <= self.budget
    }

    /// Whether the same credentials can be sent once without scopes.
    fn can_confirm(&self) -> bool {
        self.confirming.is_none()
            && self.nested.is_none()
            && self.identify
            && !self.scopes.is_empty()
            && self.requests < self.budget
    }

    /// Whether a refresh token differs from the one that was sent.
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

/// Whether a refusal is a login form, or is about a missing password.
fn asks_for_login(head: &ResponseHead<'_>, body: &[u8]) -> bool {
    head.is_markup() || body.windows(PASSWORD.len()).any(|window| window == PASSWORD)
}

const PASSWORD: &[u8] = b"password";

/// Whether an OAuth2 error is about the refresh token itself (RFC 6749 §5.2).
fn says_invalid_grant(body: &[u8]) -> bool {
    body.windows(INVALID_GRANT.len()).any(|window| window == INVALID_GRANT)
}

const INVALID_GRANT: &[u8] = b"\"invalid_grant\"";
