//! `grants`, and what `authorize` asks about a token.

use dockpass_protocol::jwt::{AccessList, Decoded, grant as grant_of, grant_of_access, overlooked, read};
use dockpass_protocol::scope::{Grant, Scope, ScopeError, ScopeSet};
use dockpass_protocol::tape::Tape;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::boundary::{OutputLength, Refusal, with_input, write_output};
use crate::json::Json;

/// Whether a token grants a scope. The input is the scope, of `scope_length` bytes, and then the token. Returns a string.
#[wasm_bindgen]
pub fn token_grants(scope_length: usize, length: usize) -> OutputLength {
    with_input(length, |text| {
        let (requested, token) = text.split_at_checked(scope_length).unwrap_or((text, ""));
        write_grant(requested, |requested| {
            grant_of(&read(token.as_bytes(), &mut Decoded::default()), requested)
        })
    })
}

/// The same for a result of `inspectToken`: `state` is 1 if it has a `problem`, 2 if it has no `access`, otherwise 0. The
/// input is the scope, of `scope_length` bytes, and then `access` as JSON.
#[wasm_bindgen]
pub fn access_grants(scope_length: usize, length: usize, state: u8) -> OutputLength {
    with_input(length, |text| {
        let (requested, access) = text.split_at_checked(scope_length).unwrap_or((text, ""));
        write_grant(requested, |requested| match state {
            0 => AccessList::parse(access, &mut Tape::default())
                .map_or(Grant::Denied, |access| grant_of_access(access, requested)),
            1 => Grant::Denied,
            _ => Grant::Unknown,
        })
    })
}

/// The scopes of a request that its token service may have overlooked (`jwt::overlooked`). The input is the scopes, of
/// `scopes_length` bytes and separated by spaces, and then the token. Returns a list of strings.
#[wasm_bindgen]
pub fn overlooked_scopes(scopes_length: usize, length: usize) -> OutputLength {
    with_input(length, |text| {
        let (requested, token) = text.split_at_checked(scopes_length).unwrap_or((text, ""));
        let requested = ScopeSet::parse(requested).unwrap_or_default();
        let scopes = overlooked(&read(token.as_bytes(), &mut Decoded::default()), &requested);
        let mut json = Json::default();
        json.strings(scopes.to_strings().iter().map(String::as_str));
        write_output(json)
    })
}

fn write_grant(requested: &str, decide: impl FnOnce(&Scope) -> Grant) -> OutputLength {
    match requested.parse::<Scope>() {
        Ok(requested) => {
            let mut json = Json::with_capacity(16);
            json.string(decide(&requested).as_str());
            write_output(json)
        }
        Err(error) => {
            let error: ScopeError = error;
            Refusal::of_scope(requested, error).write_output(|_| {})
        }
    }
}
