//! The input of a diagnosis: names and values that take turns, all separated by NUL. The fields are few, and a reader of JSON
//! would be a third of the module.

use std::borrow::Cow;

use dockpass_protocol::doctor::{BrowserFailure, Context, TokenSummary};
use dockpass_protocol::flow::{Decision, Hop, StepRecord};

/// The steps, oldest first, and their context. `step` begins a step, with the values that each has, and `token` begins the
/// claims of a token. `None` for a name that is not known, and for a value of another form.
pub(crate) fn read(text: &str) -> Option<(Vec<StepRecord>, Context)> {
    let (mut steps, mut context) = (Vec::<StepRecord>::new(), Context::default());
    let mut parts = text.split('\0');
    while let Some(name) = parts.next().filter(|name| !name.is_empty()) {
        let value = parts.next()?;
        let text = || Some(value.to_owned());
        match name {
            "step" => steps.push(StepRecord {
                hop: Hop::ALL.iter().copied().find(|hop| hop.as_str() == value)?,
                method: Cow::Owned(parts.next()?.to_owned()),
                target: parts.next()?.to_owned(),
                decision: {
                    let value = parts.next()?;
                    Decision::ALL.iter().copied().find(|decision| decision.as_str() == value)?
                },
                reason: Cow::Owned(parts.next()?.to_owned()),
                status: None,
                sent: None,
                scopes: Vec::new(),
                code: None,
                problem: None,
                place: None,
            }),
            "status" => steps.last_mut()?.status = Some(value.parse().ok()?),
            "sent" => steps.last_mut()?.sent = text().map(Cow::Owned),
            "scope" => steps.last_mut()?.scopes.extend(text()),
            "code" => steps.last_mut()?.code = Some(value.parse().ok()?),
            "problem" => steps.last_mut()?.problem = text().map(Cow::Owned),
            "place" => steps.last_mut()?.place = text(),
            "token" => {
                context.token = Some(TokenSummary { is_jwt: value == "true", ..TokenSummary::default() });
            }
            "token_problem" => context.token.as_mut()?.problem = text(),
            "audience" => context.token.as_mut()?.audience.extend(text()),
            "issuer" => context.token.as_mut()?.issuer = text(),
            "key_id" => context.token.as_mut()?.key_id = text(),
            "algorithm" => context.token.as_mut()?.algorithm = text(),
            "expires_at" => context.token.as_mut()?.expires_at = Some(value.parse().ok()?),
            "not_before" => context.token.as_mut()?.not_before = Some(value.parse().ok()?),
            "registry" => context.registry = text(),
            "service" => context.service = text(),
            "trustedIssuer" => context.trusted_issuer = text(),
            "now" => context.now_ms = Some(value.parse().ok()?),
            "skewMs" => context.skew_ms = Some(value.parse().ok()?),
            "browser" => context.browser = Some(browser(value)?),
            _ => return None,
        }
    }
    Some((steps, context))
}

fn browser(name: &str) -> Option<BrowserFailure> {
    Some(match name {
        "preflight" => BrowserFailure::Preflight,
        "cors_header" => BrowserFailure::CorsHeader,
        "mixed_content" => BrowserFailure::MixedContent,
        "key_server" => BrowserFailure::KeyServer,
        "network" => BrowserFailure::Network,
        _ => return None,
    })
}
