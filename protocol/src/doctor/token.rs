//! What a token tells about why it was refused.

use super::{DiagnosisCode, Evidence, Facts, TOLERATED_SKEW_MS};
use crate::jwt::TokenInfo;

/// The registry called a fresh token invalid. What it checks is known (distribution `registry/auth/token/token.go`):
/// times, audience, issuer, signature. What is left when the first ones are good is the issuer and its key.
pub(super) fn why_rejected(facts: &Facts<'_>) -> DiagnosisCode {
    let Some(token) = facts.token else {
        return if is_skewed(facts) { DiagnosisCode::ClockSkew } else { DiagnosisCode::UntrustedIssuer };
    };
    if token.problem().is_some() {
        return DiagnosisCode::TokenBroken;
    }
    if let Some(code) = by_time(token, facts) {
        return code;
    }
    if is_for_others(token, facts) {
        return DiagnosisCode::WrongAudience;
    }
    if is_skewed(facts) && !has_other_issuer(token, facts) {
        return DiagnosisCode::ClockSkew;
    }
    DiagnosisCode::UntrustedIssuer
}

/// The token service's 200 was not taken.
pub(super) fn why_invalid(facts: &Facts<'_>) -> DiagnosisCode {
    let Some(token) = facts.token else { return DiagnosisCode::TokenServiceInvalid };
    if token.problem().is_some() {
        return DiagnosisCode::TokenBroken;
    }
    if let Some(code) = by_time(token, facts) {
        return code;
    }
    if is_for_others(token, facts) {
        DiagnosisCode::WrongAudience
    } else {
        DiagnosisCode::TokenServiceInvalid
    }
}

/// What speaks for a diagnosis that is about a token.
pub(super) fn evidence(code: DiagnosisCode, facts: &Facts<'_>) -> Vec<Evidence> {
    let mut list = Vec::new();
    match code {
        DiagnosisCode::WrongAudience => {
            list.extend(facts.service.map(|service| Evidence::new("service", service)));
            let audience = facts.token.map(|token| token.audience.join(" ")).unwrap_or_default();
            list.push(Evidence::new("audience", &audience));
        }
        DiagnosisCode::UntrustedIssuer => {
            let issuer = facts.token.and_then(|token| token.issuer.as_deref());
            list.extend(facts.trusted_issuer.map(|issuer| Evidence::new("trusted_issuer", issuer)));
            list.extend(issuer.map(|issuer| Evidence::new("issuer", issuer)));
            let token = facts.token;
            list.extend(
                token.and_then(|token| token.key_id.as_deref()).map(|key| Evidence::new("key_id", key)),
            );
            list.extend(
                token.and_then(|token| token.algorithm.as_deref()).map(|alg| Evidence::new("algorithm", alg)),
            );
        }
        DiagnosisCode::ClockSkew | DiagnosisCode::TokenExpired => {
            list.extend(facts.skew_ms.map(|skew| Evidence::new("skew_seconds", &(skew / 1000).to_string())));
            if let (Some(token), Some(now)) = (facts.token, facts.now_ms) {
                let seconds = |time: i64| (time.saturating_sub(now) / 1000).to_string();
                list.extend(token.not_before.map(|time| Evidence::new("begins_in_seconds", &seconds(time))));
                list.extend(token.expires_at.map(|time| Evidence::new("expires_in_seconds", &seconds(time))));
            }
        }
        DiagnosisCode::TokenBroken => {
            let problem = facts.token.and_then(TokenInfo::problem);
            list.extend(problem.map(|problem| Evidence::new("problem", problem.code())));
        }
        _ => {}
    }
    list
}

/// The token's times against the caller's clock and the registry's.
fn by_time(token: &TokenInfo, facts: &Facts<'_>) -> Option<DiagnosisCode> {
    let now = facts.now_ms?;
    let theirs = now.saturating_add(facts.skew_ms.unwrap_or(0));
    let expired = |now: i64| token.expires_at.is_some_and(|exp| exp.saturating_add(TOLERATED_SKEW_MS) <= now);
    let not_yet = |now: i64| token.not_before.is_some_and(|nbf| nbf.saturating_sub(TOLERATED_SKEW_MS) > now);
    // A token of the future is always one of another clock; a token of the past may simply be old.
    if not_yet(now) || not_yet(theirs) || (expired(theirs) && !expired(now)) {
        return Some(DiagnosisCode::ClockSkew);
    }
    if !expired(now) {
        return None;
    }
    Some(if is_skewed(facts) { DiagnosisCode::ClockSkew } else { DiagnosisCode::TokenExpired })
}

fn is_for_others(token: &TokenInfo, facts: &Facts<'_>) -> bool {
    token.is_jwt()
        && facts.service.is_some_and(|service| !token.audience.iter().any(|audience| audience == service))
}

fn has_other_issuer(token: &TokenInfo, facts: &Facts<'_>) -> bool {
    facts.trusted_issuer.is_some_and(|trusted| token.issuer.as_deref() != Some(trusted))
}

fn is_skewed(facts: &Facts<'_>) -> bool {
    facts.skew_ms.is_some_and(|skew| skew.saturating_abs() > TOLERATED_SKEW_MS)
}
