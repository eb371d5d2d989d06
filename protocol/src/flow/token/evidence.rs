//! What a token service's 200 proves.

use super::TokenGrant;
use crate::flow::{ResponseHead, http_date};
use crate::jwt::{Access, TokenInfo, inspect};
use crate::scope::ScopeSet;
use crate::token::parse_and_inspect;

/// Clocks that differ by no more than this count as equal: `Date` has whole seconds, and answers take time.
const SAME_CLOCK_MS: i64 = 5_000;
/// What a registry allows a token's times to be off (distribution `registry/auth/token/token.go`).
const LEEWAY_MS: i64 = 60_000;

/// The token of a 200, or `None` when the answer is none of the protocol, or holds a token that no registry would take.
///
/// Times are compared by the service's own clock, where its `Date` shows one that is off, and given back by ours.
pub(super) fn grant(
    head: &ResponseHead<'_>,
    body: &[u8],
    now_ms: i64,
    service: Option<&str>,
    asked: &ScopeSet,
) -> Option<TokenGrant> {
    if head.content_type.is_some_and(is_markup) {
        return None;
    }
    let skew = head
        .date
        .and_then(http_date::parse)
        .map_or(0, |date| date.saturating_sub(now_ms))
        .clamp(-MAX_SKEW_MS, MAX_SKEW_MS);
    let skew = if skew.abs() > SAME_CLOCK_MS { skew } else { 0 };
    let their_now = now_ms.saturating_add(skew);
    let look = |token: &str| {
        let info = inspect(token);
        (info.expires_at, info)
    };
    let (response, info) = parse_and_inspect(body, their_now, look).ok()?;
    if !is_usable(&info, their_now, service) {
        return None;
    }
    let answers = info.answers(asked);
    let names_a_user = info.names_a_user();
    Some(TokenGrant {
        token: response.token,
        expires_at_ms: response.expires_at_ms.saturating_sub(skew),
        refresh_token: response.refresh_token,
        is_jwt: info.is_jwt(),
        is_anonymous: info.subject.is_some() && !names_a_user,
        subject: info.subject.filter(|_| names_a_user),
        granted: answers.granted,
        denied: answers.denied,
        unknown: answers.unknown,
    })
}

/// A clock that is off by more than a year is broken, and no reason to believe a token for longer.
const MAX_SKEW_MS: i64 = 366 * 86_400_000;

/// Whether a registry could accept it: readable or opaque, within its times, and for this service.
///
/// The audience counts only for tokens that list what they grant. Those are tokens of the specification, which has it
/// name the service; others (Gitea, Artifactory) are their registry's own business.
fn is_usable(info: &TokenInfo, now_ms: i64, service: Option<&str>) -> bool {
    let expired = info.expires_at.is_some_and(|exp| exp.saturating_add(LEEWAY_MS) <= now_ms);
    let not_yet = info.not_before.is_some_and(|nbf| nbf.saturating_sub(LEEWAY_MS) > now_ms);
    let for_others = matches!(info.access, Access::List(_))
        && service.is_some_and(|service| !info.audience.iter().any(|audience| audience == service));
    info.problem().is_none() && !expired && !not_yet && !for_others
}

/// A login page or the like. JSON under another name, or under none, is read: some services do not say.
fn is_markup(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.ends_with("html") || essence.ends_with("xml")
}
