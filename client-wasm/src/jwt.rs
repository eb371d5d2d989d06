//! `inspectToken` and `grants`.

use dockpass_protocol::jwt::{Access, JwtProblem, TokenInfo, inspect};
use dockpass_protocol::scope::{Answer, Scope, ScopeError};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::boundary::{Answered, answer, with_input};
use crate::json::Json;
use crate::scope;

/// Decodes a token; answers with a `TokenInfo`.
#[wasm_bindgen]
pub fn inspect_token(length: usize) -> Answered {
    with_input(length, |token| {
        let info = inspect(token);
        let (header, claims) =
            (info.header_json().unwrap_or_default(), info.claims_json().unwrap_or_default());
        let mut json = Json::with_capacity(header.len() + 2 * claims.len() + 128);
        json.open('{');
        json.name("kind");
        json.string(if info.is_jwt() { "jwt" } else { "opaque" });
        json.name("verified");
        json.raw("false");
        if info.is_jwt() {
            json.name("header");
            json.raw(header);
            json.name("claims");
            json.raw(claims);
        }
        json.name("access");
        match &info.access {
            Access::List(entries) if info.is_jwt() => scope::write(&mut json, entries),
            _ => json.raw("null"),
        }
        json.optional_number("issuedAt", info.issued_at);
        json.optional_number("notBefore", info.not_before);
        json.optional_number("expiresAt", info.expires_at);
        json.optional_string("subject", info.subject.as_deref().filter(|subject| !subject.is_empty()));
        if !info.audience.is_empty() {
            json.name("audience");
            json.strings(info.audience.iter().map(String::as_str));
        }
        json.optional_string("problem", info.problem().map(JwtProblem::code));
        json.close('}');
        answer(json)
    })
}

/// What a token says of a scope; the input is the scope, of `scope_length` bytes, and the token. Answers with a string.
#[wasm_bindgen]
pub fn token_grants(scope_length: usize, length: usize) -> Answered {
    with_input(length, |text| {
        let (asked, token) = text.split_at_checked(scope_length).unwrap_or((text, ""));
        reply(asked, |asked| inspect(token).answer(asked))
    })
}

/// The same of what `inspectToken` gave, whether it has a `problem` (0 no, 1 yes) or no `access` (2). After the scope, of
/// `scope_length` bytes, come the entries of `access`, each beginning with U+0001, its parts with U+0000 between: type,
/// class, name, actions.
#[wasm_bindgen]
pub fn access_grants(scope_length: usize, length: usize, state: u8) -> Answered {
    with_input(length, |text| {
        let (asked, access) = text.split_at_checked(scope_length).unwrap_or((text, ""));
        reply(asked, |asked| {
            if state == 1 {
                return Answer::Denied;
            }
            let mut info = TokenInfo::default();
            if state == 0 {
                info.access = Access::List(access.split('\u{1}').skip(1).filter_map(read).collect());
            }
            info.answer(asked)
        })
    })
}

/// One entry of a `TokenInfo`'s `access`.
fn read(entry: &str) -> Option<Scope> {
    let mut parts = entry.split('\0').map(str::to_owned);
    Some(Scope {
        resource_type: parts.next()?,
        class: parts.next().filter(|class| !class.is_empty()),
        name: parts.next()?,
        actions: parts.collect(),
    })
}

fn reply(asked: &str, decide: impl FnOnce(&Scope) -> Answer) -> Answered {
    match asked.parse::<Scope>() {
        Ok(asked) => {
            let mut json = Json::with_capacity(16);
            json.string(decide(&asked).as_str());
            answer(json)
        }
        Err(error) => {
            let error: ScopeError = error;
            scope::refusal(asked, error).answer(|_| {})
        }
    }
}
