//! Diagnoses that depend on the contents of a token.

use serde::{Deserialize, Serialize};

use super::{Context, DiagnosisCode, Evidence, TOLERATED_SKEW_MS};
use crate::jwt::TokenInfo;
use crate::text::decimal;

/// The parts of a token that a diagnosis may show: its times and public names. Never the token itself, nor its subject.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenSummary {
    /// Whether it is a readable JWT.
    pub is_jwt: bool,
    /// The stable code of what is wrong with the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// `aud`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<String>,
    /// `iss`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// `kid` of the header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// `alg` of the header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// `exp` in milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// `nbf` in milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<i64>,
}

impl From<&TokenInfo> for TokenSummary {
    fn from(token: &TokenInfo) -> Self {
        Self {
            is_jwt: token.is_jwt(),
            problem: token.problem().map(|problem| problem.code().to_owned()),
            audience: token.audience.clone(),
            issuer: token.issuer.clone(),
            key_id: token.key_id.clone(),
            algorithm: token.algorithm.clone(),
            expires_at: token.expires_at,
            not_before: token.not_before,
        }
    }
}

impl TokenSummary {
    fn is_broken(&self) -> bool {
        self.problem.is_some() && !self.is_jwt
    }
}

/// Why a registry rejected a new token. Registries check times, audience, issuer and signature (distribution
/// `registry/auth/token/token.go`); if times and audience are correct, the cause is the issuer or its key.
pub(super) fn why_rejected(context: &Context) -> DiagnosisCode {
    let Some(token) = &context.token else {
        return if is_skewed(context) { DiagnosisCode::ClockSkew } else { DiagnosisCode::UntrustedIssuer };
    };
    if token.is_broken() {
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
pub(super) fn why_invalid(context: &Context) -> DiagnosisCode {
    let Some(token) = &context.token else { return DiagnosisCode::TokenServiceInvalid };
    if token.is_broken() {
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
pub(super) fn evidence(code: DiagnosisCode, context: &Context) -> Vec<Evidence> {
    let mut list = Vec::new();
    match code {
        DiagnosisCode::WrongAudience => {
            list.extend(context.service.as_deref().map(|service| Evidence::new("service", service)));
            let audience = context.token.as_ref().map(|token| token.audience.join(" ")).unwrap_or_default();
            list.push(Evidence::new("audience", &audience));
        }
        DiagnosisCode::UntrustedIssuer => {
            let issuer = context.token.as_ref().and_then(|token| token.issuer.as_deref());
            list.extend(
                context.trusted_issuer.as_deref().map(|issuer| Evidence::new("trusted_issuer", issuer)),
            );
            list.extend(issuer.map(|issuer| Evidence::new("issuer", issuer)));
            let token = context.token.as_ref();
            list.extend(
                token.and_then(|token| token.key_id.as_deref()).map(|key| Evidence::new("key_id", key)),
            );
            list.extend(
                token.and_then(|token| token.algorithm.as_deref()).map(|alg| Evidence::new("algorithm", alg)),
            );
        }
        DiagnosisCode::ClockSkew | DiagnosisCode::TokenExpired => {
            list.extend(context.skew_ms.map(|skew| Evidence::new("skew_seconds", &decimal(skew / 1000))));
            if let (Some(token), Some(now)) = (&context.token, context.now_ms) {
                let seconds = |time: i64| decimal(time.saturating_sub(now) / 1000);
                list.extend(token.not_before.map(|time| Evidence::new("begins_in_seconds", &seconds(time))));
                list.extend(token.expires_at.map(|time| Evidence::new("expires_in_seconds", &seconds(time))));
            }
        }
        DiagnosisCode::TokenBroken => {
            let problem = context.token.as_ref().and_then(|token| token.problem.as_deref());
            list.extend(problem.map(|problem| Evidence::new("problem", problem)));
        }
        _ => {}
    }
    list
}

/// The token's times against the caller's clock and the registry's.
fn by_time(token: &TokenSummary, context: &Context) -> Option<DiagnosisCode> {
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

fn is_for_others(token: &TokenSummary, context: &Context) -> bool {
    token.is_jwt
        && context
            .service
            .as_ref()
            .is_some_and(|service| !token.audience.iter().any(|audience| audience == service))
}

fn has_other_issuer(token: &TokenSummary, context: &Context) -> bool {
    context.trusted_issuer.is_some() && token.issuer != context.trusted_issuer
}

fn is_skewed(context: &Context) -> bool {
    context.skew_ms.is_some_and(|skew| skew.saturating_abs() > TOLERATED_SKEW_MS)
}
