//! What a token tells about why it was refused.

use super::{Context, DiagnosisCode, Evidence, TOLERATED_SKEW_MS};
use crate::jwt::TokenInfo;

/// The registry called a fresh token invalid. What it checks is known (distribution `registry/auth/token/token.go`):
/// times, audience, issuer, signature. What is left when the first ones are good is the issuer and its key.
pub(super) fn why_rejected(context: &Context<'_>) -> DiagnosisCode {
    let Some(token) = context.token else {
        return if is_skewed(context) { DiagnosisCode::ClockSkew } else { DiagnosisCode::UntrustedIssuer };
    };
    if token.problem().is_some() {
        return DiagnosisCode::TokenBroken;
    }
    if let Some(code) = by_time(token, context) {
        return code;
    }
    if is_for_others(token, context) {
        return DiagnosisCode::WrongAudience;
    }
    if is_skewed(context) && !has_other_issuer(token, context) {
        return DiagnosisCode::ClockSkew;
    }
    DiagnosisCode::UntrustedIssuer
}

/// The token service's 200 was not taken.
pub(super) fn why_invalid(context: &Context<'_>) -> DiagnosisCode {
    let Some(token) = context.token else { return DiagnosisCode::TokenServiceInvalid };
    if token.problem().is_some() {
        return DiagnosisCode::TokenBroken;
    }
    if let Some(code) = by_time(token, context) {
        return code;
    }
    if is_for_others(token, context) {
        DiagnosisCode::WrongAudience
    } else {
        DiagnosisCode::TokenServiceInvalid
    }
}

/// What speaks for a diagnosis that is about a token.
pub(super) fn evidence(code: DiagnosisCode, context: &Context<'_>) -> Vec<Evidence> {
    let mut list = Vec::new();
    match code {
        DiagnosisCode::WrongAudience => {
            list.extend(context.service.map(|service| Evidence::new("service", service)));
            let audience = context.token.map(|token| token.audience.join(" ")).unwrap_or_default();
            list.push(Evidence::new("audience", &audience));
        }
        DiagnosisCode::UntrustedIssuer => {
            let issuer = context.token.and_then(|token| token.issuer.as_deref());
            list.extend(context.trusted_issuer.map(|issuer| Evidence::new("trusted_issuer", issuer)));
            list.extend(issuer.map(|issuer| Evidence::new("issuer", issuer)));
            let token = context.token;
            list.extend(
                token.and_then(|token| token.key_id.as_deref()).map(|key| Evidence::new("key_id", key)),
            );
            list.extend(
                token.and_then(|token| token.algorithm.as_deref()).map(|alg| Evidence::new("algorithm", alg)),
            );
        }
        DiagnosisCode::ClockSkew | DiagnosisCode::TokenExpired => {
            list.extend(
                context.skew_ms.map(|skew| Evidence::new("skew_seconds", &(skew / 1000).to_string())),
            );
            if let (Some(token), Some(now)) = (context.token, context.now_ms) {
                let seconds = |time: i64| (time.saturating_sub(now) / 1000).to_string();
                list.extend(token.not_before.map(|time| Evidence::new("begins_in_seconds", &seconds(time))));
                list.extend(token.expires_at.map(|time| Evidence::new("expires_in_seconds", &seconds(time))));
            }
        }
        DiagnosisCode::TokenBroken => {
            let problem = context.token.and_then(TokenInfo::problem);
            list.extend(problem.map(|problem| Evidence::new("problem", problem.code())));
        }
        _ => {}
    }
    list
}

/// The token's times against the caller's clock and the registry's.
fn by_time(token: &TokenInfo, context: &Context<'_>) -> Option<DiagnosisCode> {
    let now = context.now_ms?;
    let theirs = now.saturating_add(context.skew_ms.unwrap_or(0));
    let expired = |now: i64| token.expires_at.is_some_and(|exp| exp.saturating_add(TOLERATED_SKEW_MS) <= now);
    let not_yet = |now: i64| token.not_before.is_some_and(|nbf| nbf.saturating_sub(TOLERATED_SKEW_MS) > now);
    // A token of the future is always one of another clock; a token of the past may simply be old.
    if not_yet(now) || not_yet(theirs) || (expired(theirs) && !expired(now)) {
        return Some(DiagnosisCode::ClockSkew);
    }
    if !expired(now) {
        return None;
    }
    Some(if is_skewed(context) { DiagnosisCode::ClockSkew } else { DiagnosisCode::TokenExpired })
}

fn is_for_others(token: &TokenInfo, context: &Context<'_>) -> bool {
    token.is_jwt()
        && context.service.is_some_and(|service| !token.audience.iter().any(|audience| audience == service))
}

fn has_other_issuer(token: &TokenInfo, context: &Context<'_>) -> bool {
    context.trusted_issuer.is_some_and(|trusted| token.issuer.as_deref() != Some(trusted))
}

fn is_skewed(context: &Context<'_>) -> bool {
    context.skew_ms.is_some_and(|skew| skew.saturating_abs() > TOLERATED_SKEW_MS)
}
