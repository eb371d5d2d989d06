//! Validates a token service's 200.

use super::{TokenGrant, Unusable};
use crate::flow::ResponseHead;
use crate::jwt::{Access, TokenInfo, inspect};
use crate::scope::ScopeSet;
use crate::token::parse_and_inspect;

/// The leeway that registries allow for a token's times (distribution `registry/auth/token/token.go`).
const LEEWAY_MS: i64 = 60_000;

/// The token of a 200. An error if the response is malformed or no registry would accept the token.
///
/// Times are checked with the service's clock (`Date`) and returned by the caller's clock.
pub(super) fn grant(
    head: &ResponseHead<'_>,
    body: &[u8],
    now_ms: i64,
    service: Option<&str>,
    requested: &ScopeSet,
) -> Result<TokenGrant, Box<Unusable>> {
    let skew_ms = head.skew_ms(now_ms);
    let unusable = |token, problem| {
        Box::new(Unusable { token, problem, service: service.map(str::to_owned), now_ms, skew_ms })
    };
    let their_now = now_ms.saturating_add(skew_ms);
    let look = |token: &str| {
        let info = inspect(token);
        (info.expires_at, info)
    };
    // The media type does not decide: some services send JSON as text/html. An HTML page is reported as such, and not as
    // malformed JSON.
    let (response, info) = parse_and_inspect(body, their_now, look)
        .map_err(|error| unusable(None, Some(error).filter(|_| !head.is_markup())))?;
    if !is_usable(&info, their_now, service) {
        return Err(unusable(Some(info), None));
    }
    let grants = info.grants(requested);
    let names_a_user = info.names_a_user();
    Ok(TokenGrant {
        notes: response.notes,
        token: response.token,
        expires_at_ms: response.expires_at_ms.saturating_sub(skew_ms),
        refresh_token: response.refresh_token,
        is_jwt: info.is_jwt(),
        is_anonymous: info.subject.is_some() && !names_a_user,
        subject: info.subject.filter(|_| names_a_user),
        granted: grants.granted,
        denied: grants.denied,
        unknown: grants.unknown,
    })
}

/// Whether a registry could accept the token: readable or opaque, within its times, and for this service.
///
/// The audience is checked only for tokens with an `access` claim, whose audience must be the service by the specification.
/// Other tokens (Gitea, Artifactory) have their own rules.
fn is_usable(info: &TokenInfo, now_ms: i64, service: Option<&str>) -> bool {
    let expired = info.expires_at.is_some_and(|exp| exp.saturating_add(LEEWAY_MS) <= now_ms);
    let not_yet = info.not_before.is_some_and(|nbf| nbf.saturating_sub(LEEWAY_MS) > now_ms);
    let for_others = matches!(info.access, Access::List(_))
        && service.is_some_and(|service| !info.audience.iter().any(|audience| audience == service));
    !info.is_broken() && !expired && !not_yet && !for_others
}
