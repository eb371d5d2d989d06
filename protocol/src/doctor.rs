//! Finds out from the recorded steps of a flow what is wrong, and what to do.
//!
//! Pure, so that page, command line and logs say the same. The evidence holds codes, statuses, times, scopes and the
//! public names of services; never a token, a password, a user or a query string.

mod code;
mod token;

use serde::{Deserialize, Serialize};

pub use code::DiagnosisCode;
pub use token::TokenSummary;

use crate::code::ErrorCode;
use crate::flow::{Decision, Hop, StepRecord, Unusable};
use crate::text::decimal;

/// What the steps do not contain, as far as the caller has it. Holds no secret and no user name, because the key server
/// includes it in its errors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Context {
    /// The registry's name in the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// A summary of the last token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenSummary>,
    /// The service that the registry's challenge names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The issuer that the registry is configured to trust, where the caller has the registry's configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_issuer: Option<String>,
    /// The caller's clock, in milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now_ms: Option<i64>,
    /// The registry's clock (its `Date`) minus the caller's, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skew_ms: Option<i64>,
    /// Why the browser blocked the request, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<BrowserFailure>,
}

impl Context {
    /// The context of a token service's 200 that could not be used; empty where there was none.
    pub fn of(unusable: Option<&Unusable>) -> Self {
        unusable.map_or_else(Self::default, |unusable| Self {
            token: unusable.token.as_ref().map(TokenSummary::from),
            service: unusable.service.clone(),
            now_ms: Some(unusable.now_ms),
            skew_ms: Some(unusable.skew_ms),
            ..Self::default()
        })
    }

    /// Whether no field is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Why a browser returned no response to a page. `fetch` reports all of these as the same error; the caller distinguishes
/// them by further requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BrowserFailure {
    /// The response to the preflight has no ok status or does not allow the requested headers.
    Preflight,
    /// The response lacks `Access-Control-Allow-Origin`, or a header that must be exposed.
    CorsHeader,
    /// An `http` address requested by a page loaded over `https`.
    MixedContent,
    /// No connection to the key server.
    KeyServer,
    /// No connection, for a reason that the browser does not report.
    Network,
}

/// What is wrong, where, the evidence, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// The stable name.
    pub code: DiagnosisCode,
    /// The server whose response failed; none when nothing failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hop: Option<Hop>,
    /// The observations that led to the diagnosis, most important first.
    pub evidence: Vec<Evidence>,
    /// What to do, in one sentence.
    pub fix: &'static str,
}

/// One observation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// What was observed, e.g. `status` or `audience`.
    pub what: &'static str,
    /// The value: a number, a code or a public name, at most 128 visible ASCII characters.
    pub value: String,
}

impl Evidence {
    fn new(what: &'static str, value: &str) -> Self {
        // Names of services come from tokens and headers, so they are limited in length and to visible characters.
        let value =
            value.chars().take(MAX_VALUE).map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect();
        Self { what, value }
    }
}

/// The maximum length of an [`Evidence`] value, in characters.
const MAX_VALUE: usize = 128;

/// Clocks that differ by more make tokens fail (distribution `registry/auth/token/token.go`: 60 s of leeway).
const TOLERATED_SKEW_MS: i64 = 60_000;

/// Diagnoses the steps of one flow, given oldest first.
pub fn diagnose(steps: &[StepRecord], context: &Context) -> Diagnosis {
    let last = decisive(steps);
    if let Some(failure) = context.browser {
        let hop = match failure {
            BrowserFailure::KeyServer => Hop::KeyServer,
            _ => last.map_or(Hop::Registry, |step| step.hop),
        };
        return conclude(of_browser(failure), Some(hop), last, steps, context);
    }
    let Some(last) = last else {
        return conclude(DiagnosisCode::NothingRecorded, None, None, steps, context);
    };
    let (code, failed) = match last.code {
        Some(code) => (of_code(code, last, context), true),
        None => of_decision(last),
    };
    conclude(code, failed.then_some(last.hop), Some(last), steps, context)
}

/// The step that failed: the last one, or where the key server reports the failure of another server, that server's step.
fn decisive(steps: &[StepRecord]) -> Option<&StepRecord> {
    let (last, before) = steps.split_last()?;
    let is_its_cause = |step: &&StepRecord| step.hop != Hop::KeyServer && step.code == last.code;
    match last {
        StepRecord { hop: Hop::KeyServer, code: Some(_), .. } => {
            Some(before.iter().rev().find(is_its_cause).unwrap_or(last))
        }
        _ => Some(last),
    }
}

/// The step whose request was refused: this one, or the one before if this one only confirmed the credentials.
fn refused<'a>(steps: &'a [StepRecord], last: &'a StepRecord) -> &'a StepRecord {
    let at = steps.iter().position(|step| std::ptr::eq(step, last));
    let before = at.and_then(|at| steps.get(at.checked_sub(1)?));
    before.filter(|step| step.decision == Decision::ConfirmCredentials).unwrap_or(last)
}

fn of_browser(failure: BrowserFailure) -> DiagnosisCode {
    match failure {
        BrowserFailure::Preflight => DiagnosisCode::PreflightBlocked,
        BrowserFailure::CorsHeader => DiagnosisCode::CorsHeaderMissing,
        BrowserFailure::MixedContent => DiagnosisCode::MixedContent,
        BrowserFailure::KeyServer => DiagnosisCode::KeyServerUnreachable,
        BrowserFailure::Network => DiagnosisCode::Unreachable,
    }
}

/// The diagnosis of a flow that did not fail by itself, and whether the response is an error all the same.
fn of_decision(last: &StepRecord) -> (DiagnosisCode, bool) {
    match (last.decision, last.status) {
        (Decision::TokenDenies, _) => (DiagnosisCode::ScopeDenied, true),
        (Decision::HandOn, Some(404)) => (DiagnosisCode::Missing, true),
        (Decision::HandOn, Some(500..)) => (DiagnosisCode::UpstreamFailed, true),
        (Decision::HandOn, _) => (DiagnosisCode::RequestRefused, true),
        _ => (DiagnosisCode::Healthy, false),
    }
}

fn of_code(code: ErrorCode, last: &StepRecord, context: &Context) -> DiagnosisCode {
    let at_token_service = last.hop == Hop::TokenService;
    match code {
        ErrorCode::BadCredentials => DiagnosisCode::WrongPassword,
        ErrorCode::LoginRequired => DiagnosisCode::LoginNeeded,
        ErrorCode::InvalidSession
        | ErrorCode::SessionExpired
        | ErrorCode::SessionChanged
        | ErrorCode::RegistryMismatch => DiagnosisCode::SessionOver,
        ErrorCode::ScopeDenied => DiagnosisCode::ScopeDenied,
        ErrorCode::TokenRejected => token::why_rejected(context),
        ErrorCode::UpstreamInvalid if at_token_service => token::why_invalid(context),
        ErrorCode::UpstreamInvalid if last.place.is_some() => DiagnosisCode::RealmBroken,
        ErrorCode::UpstreamInvalid if last.status == Some(401) => DiagnosisCode::ChallengeMissing,
        ErrorCode::UpstreamInvalid if last.status == Some(200) => DiagnosisCode::ContentInvalid,
        ErrorCode::UpstreamInvalid => DiagnosisCode::RegistryInvalid,
        ErrorCode::TokenRequestRefused => DiagnosisCode::TokenRequestRefused,
        ErrorCode::NestedChallenge => DiagnosisCode::NestedTokenService,
        ErrorCode::RealmNotAllowed => DiagnosisCode::RealmNotPaired,
        ErrorCode::RealmChanged => DiagnosisCode::RealmChanged,
        ErrorCode::RegistryNotAllowed => DiagnosisCode::RegistryNotConfigured,
        ErrorCode::NotARegistry => DiagnosisCode::NotARegistry,
        ErrorCode::ChallengeSyntax => DiagnosisCode::ChallengeMalformed,
        ErrorCode::UnsupportedScheme => DiagnosisCode::SchemeUnsupported,
        ErrorCode::BasicOnly => DiagnosisCode::BasicOnly,
        ErrorCode::RegistryOpen => DiagnosisCode::RegistryOpen,
        ErrorCode::RegistryUnverifiable => DiagnosisCode::AnyPasswordAccepted,
        ErrorCode::UpstreamTls => DiagnosisCode::TlsUntrusted,
        ErrorCode::UpstreamUnreachable | ErrorCode::RegistryUnavailable => DiagnosisCode::Unreachable,
        ErrorCode::UpstreamTimeout => DiagnosisCode::Timeout,
        ErrorCode::UpstreamRedirect => DiagnosisCode::RedirectRefused,
        ErrorCode::RateLimited | ErrorCode::Overloaded | ErrorCode::RegistryBusy => {
            DiagnosisCode::RateLimited
        }
        ErrorCode::UpstreamFailed => DiagnosisCode::UpstreamFailed,
        ErrorCode::Missing => DiagnosisCode::Missing,
        ErrorCode::DigestMismatch => DiagnosisCode::DigestMismatch,
        ErrorCode::ListIncomplete => DiagnosisCode::ListIncomplete,
        ErrorCode::PayloadTooLarge => DiagnosisCode::ContentTooLarge,
        ErrorCode::BodySpent => DiagnosisCode::SendAgain,
        ErrorCode::KeyServerUnreachable => DiagnosisCode::KeyServerUnreachable,
        ErrorCode::KeyServerInvalid | ErrorCode::Internal => DiagnosisCode::KeyServerFailed,
        ErrorCode::StoreUnavailable => DiagnosisCode::StoreUnreachable,
        ErrorCode::Aborted => DiagnosisCode::Cancelled,
        _ => DiagnosisCode::CallInvalid,
    }
}

fn conclude(
    code: DiagnosisCode,
    hop: Option<Hop>,
    last: Option<&StepRecord>,
    steps: &[StepRecord],
    context: &Context,
) -> Diagnosis {
    let mut evidence = token::evidence(code, context);
    let failed = last.filter(|_| hop.is_some());
    let place = failed.and_then(|step| step.place.as_deref());
    match code {
        DiagnosisCode::RealmNotPaired | DiagnosisCode::RealmBroken | DiagnosisCode::RegistryNotConfigured => {
            evidence.extend(place.map(|realm| Evidence::new("realm", realm)));
            evidence.extend(context.registry.as_deref().map(|name| Evidence::new("registry", name)));
        }
        _ => evidence.extend(place.map(|place| Evidence::new("place", place))),
    }
    if let Some(last) = failed {
        let step = refused(steps, last);
        evidence.extend(step.status.map(|status| Evidence::new("status", &decimal(status.into()))));
        evidence.extend(last.code.map(|code| Evidence::new("code", code.as_str())));
        let problem = last.problem.as_deref().filter(|_| !evidence.iter().any(|item| item.what == "problem"));
        evidence.extend(problem.map(|problem| Evidence::new("problem", problem)));
        evidence.extend(step.sent.as_ref().map(|scheme| Evidence::new("sent", scheme)));
        evidence.extend(step.scopes.iter().map(|scope| Evidence::new("scope", scope)));
        // Records hold no query, but the steps come from the caller, so it is removed again.
        let target = step.target.split('?').next().unwrap_or_default();
        evidence.push(Evidence::new("target", target));
    }
    if code == DiagnosisCode::ScopeDenied && steps.iter().any(|step| step.decision == Decision::TokenDenies) {
        evidence.insert(0, Evidence::new("denied_by", "token_service"));
    }
    Diagnosis { code, hop, evidence, fix: code.fix() }
}

#[cfg(test)]
mod tests;
