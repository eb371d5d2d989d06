//! The input of a diagnosis, read from JSON. The fields are few, and a derived reader would be half of the module.

use std::borrow::Cow;

use dockpass_protocol::doctor::{BrowserFailure, Context, TokenSummary};
use dockpass_protocol::flow::{Decision, Hop, StepRecord};
use dockpass_protocol::json::{self, Kind, Number, Value};
use dockpass_protocol::jwt::inspect;
use dockpass_protocol::tape::Tape;

/// The steps, oldest first, and their context. `None` if the JSON has another form.
pub(crate) fn read(text: &str) -> Option<(Vec<StepRecord>, Context)> {
    let mut tape = Tape::default();
    let mut steps = None;
    let mut context = Context::default();
    for (name, value) in object(json::read(text, &mut tape).ok()?)? {
        match &*name.string()? {
            "steps" => steps = Some(list(value)?.map(step).collect::<Option<Vec<_>>>()?),
            // A token is more than a summary of it, and comes before it in the object or after it.
            "token" => context.token = optional(value, token)?.or(context.token),
            "claims" => context.token = context.token.or(optional(value, summary)?),
            "registry" => context.registry = optional(value, owned)?,
            "service" => context.service = optional(value, owned)?,
            "trustedIssuer" => context.trusted_issuer = optional(value, owned)?,
            "now" => context.now_ms = optional(value, whole)?,
            "skewMs" => context.skew_ms = optional(value, whole)?,
            "browser" => context.browser = optional(value, browser)?,
            _ => return None,
        }
    }
    Some((steps?, context))
}

fn step(value: Value<'_>) -> Option<StepRecord> {
    let (mut hop, mut method, mut target, mut decision, mut reason) = (None, None, None, None, None);
    let (mut status, mut sent, mut scopes) = (None, None, Vec::new());
    let (mut code, mut problem, mut place) = (None, None, None);
    for (name, value) in object(value)? {
        match &*name.string()? {
            "hop" => hop = Hop::ALL.iter().copied().find(|hop| is(value, hop.as_str())),
            "method" => method = owned(value),
            "target" => target = owned(value),
            "decision" => {
                decision = Decision::ALL.iter().copied().find(|decision| is(value, decision.as_str()));
            }
            "reason" => reason = owned(value),
            "status" => status = optional(value, |value| u16::try_from(whole(value)?).ok())?,
            "sent" => sent = optional(value, owned)?,
            "scopes" => scopes = optional(value, strings)?.unwrap_or_default(),
            "code" => code = optional(value, |value| value.string()?.parse().ok())?,
            "problem" => problem = optional(value, owned)?,
            "place" => place = optional(value, owned)?,
            _ => {}
        }
    }
    Some(StepRecord {
        hop: hop?,
        method: Cow::Owned(method?),
        target: target?,
        status,
        sent: sent.map(Cow::Owned),
        scopes,
        decision: decision?,
        reason: Cow::Owned(reason?),
        code,
        problem: problem.map(Cow::Owned),
        place,
    })
}

/// The details about a token in an error of the client, which does not contain the token.
fn summary(value: Value<'_>) -> Option<TokenSummary> {
    let mut summary = TokenSummary::default();
    let mut is_jwt = None;
    for (name, value) in object(value)? {
        match &*name.string()? {
            "is_jwt" => is_jwt = value.boolean(),
            "problem" => summary.problem = optional(value, owned)?,
            "audience" => summary.audience = strings(value)?,
            "issuer" => summary.issuer = optional(value, owned)?,
            "key_id" => summary.key_id = optional(value, owned)?,
            "algorithm" => summary.algorithm = optional(value, owned)?,
            "expires_at" => summary.expires_at = optional(value, whole)?,
            "not_before" => summary.not_before = optional(value, whole)?,
            _ => {}
        }
    }
    Some(TokenSummary { is_jwt: is_jwt?, ..summary })
}

fn token(value: Value<'_>) -> Option<TokenSummary> {
    Some(TokenSummary::from(&inspect(&value.string()?)))
}

fn browser(value: Value<'_>) -> Option<BrowserFailure> {
    Some(match &*value.string()? {
        "preflight" => BrowserFailure::Preflight,
        "cors_header" => BrowserFailure::CorsHeader,
        "mixed_content" => BrowserFailure::MixedContent,
        "key_server" => BrowserFailure::KeyServer,
        "network" => BrowserFailure::Network,
        _ => return None,
    })
}

/// `Some(None)` for `null`; `None` for another form than `read` expects.
#[expect(clippy::option_option, reason = "the outer one is whether it could be read")]
fn optional<'a, T>(value: Value<'a>, read: impl FnOnce(Value<'a>) -> Option<T>) -> Option<Option<T>> {
    if value.kind() == Kind::Null { Some(None) } else { read(value).map(Some) }
}

fn object(value: Value<'_>) -> Option<impl Iterator<Item = (Value<'_>, Value<'_>)>> {
    (value.kind() == Kind::Object).then(|| value.members())
}

fn list(value: Value<'_>) -> Option<impl Iterator<Item = Value<'_>>> {
    (value.kind() == Kind::Array).then(|| value.elements())
}

fn strings(value: Value<'_>) -> Option<Vec<String>> {
    list(value)?.map(owned).collect()
}

fn owned(value: Value<'_>) -> Option<String> {
    value.string().map(Cow::into_owned)
}

fn is(value: Value<'_>, text: &str) -> bool {
    value.string().is_some_and(|string| string == text)
}

fn whole(value: Value<'_>) -> Option<i64> {
    match value.number()? {
        Number::Whole(number) => Some(i64::from(number)),
        Number::Text(text) => text.parse().ok(),
    }
}
