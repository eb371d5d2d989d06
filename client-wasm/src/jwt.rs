//! `inspectToken` and `grants`.

use dockpass_protocol::jwt::{Access, JwtProblem, TokenInfo, inspect};
use dockpass_protocol::scope::{Answer, Scope, ScopeError};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::boundary::{Answered, answer, with_input};
use crate::json::Json;
use crate::{object, scope};

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
        json.optional_string("subject", info.subject.as_deref());
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

/// The same of what `inspectToken` gave: its `access`, and whether it has a `problem`.
#[wasm_bindgen]
pub fn access_grants(length: usize, access: &JsValue, problem: bool) -> Answered {
    with_input(length, |asked| {
        reply(asked, |asked| {
            if problem {
                return Answer::Denied;
            }
            let mut info = TokenInfo::default();
            if js_sys::Array::is_array(access) {
                info.access = Access::List(
                    js_sys::Array::from(access).iter().filter_map(|entry| read(&entry)).collect(),
                );
            }
            info.answer(asked)
        })
    })
}

/// One entry of a `TokenInfo`'s `access`.
fn read(entry: &JsValue) -> Option<Scope> {
    Some(Scope {
        resource_type: object::string(entry, "type")?,
        class: object::string(entry, "class"),
        name: object::string(entry, "name")?,
        actions: object::strings(&object::array(entry, "actions")),
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
