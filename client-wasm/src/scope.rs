//! `parseScopes`, `normalizeScopes` and `scopesFor`.

use dockpass_protocol::scope::{Scope, normalize, parse_scopes as parse, scopes_for as needed};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::boundary::{OutputLength, Refusal, with_input, write_output};
use crate::json::Json;

/// Parses a list of scopes. Returns the scopes.
#[wasm_bindgen]
pub fn parse_scopes(length: usize) -> OutputLength {
    with_input(length, |text| match parse(text) {
        Ok(scopes) => {
            let mut json = Json::with_capacity(2 * length + 64);
            write(&mut json, &scopes);
            write_output(json)
        }
        Err(error) => Refusal::of_scope(text, error).write_output(|_| {}),
    })
}

/// Brings scopes separated by spaces into canonical form. Returns a list of strings.
#[wasm_bindgen]
pub fn normalize_scopes(length: usize) -> OutputLength {
    with_input(length, |text| {
        let mut json = Json::with_capacity(2 * length + 64);
        json.strings(normalize(&[text]).iter().map(String::as_str));
        write_output(json)
    })
}

/// The scopes of a request. The input is its method, a space, and its path or URL.
#[wasm_bindgen]
pub fn scopes_for(length: usize) -> OutputLength {
    with_input(length, |text| {
        let (method, target) = text.split_once(' ').unwrap_or((text, ""));
        match needed(method, target) {
            Ok(scopes) => {
                let mut json = Json::with_capacity(128);
                json.strings(scopes.to_strings().iter().map(String::as_str));
                write_output(json)
            }
            Err(error) => Refusal {
                code: "ERR_INVALID_ARGUMENT",
                message: format!("No request of the registry API: {error}."),
                position: None,
            }
            .write_output(|_| {}),
        }
    })
}

/// Scopes as JSON.
fn write(json: &mut Json, scopes: &[Scope]) {
    json.open('[');
    for Scope { resource_type, class, name, actions } in scopes {
        json.scope([resource_type, name], class.as_deref(), actions);
    }
    json.close(']');
}
