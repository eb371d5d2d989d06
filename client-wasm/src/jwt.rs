//! `inspectToken` and `grants`.

use dockpass_protocol::jwt::{
    AccessEntry, AccessList, Decoded, Reading, grant as grant_of, grant_of_access, overlooked, read,
};
use dockpass_protocol::scope::{Grant, Scope, ScopeError, ScopeSet};
use dockpass_protocol::tape::Tape;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::boundary::{OutputLength, table_write, with_bytes, with_decoded, with_input, write_output};
use crate::json::Json;
use crate::scope;

/// Decodes a token. Returns
/// - 0 for an opaque token;
/// - a negative number for a broken one: the negated length of the problem's code in the output, as JSON;
/// - otherwise the length of header and claims in the text of the tape.
///
/// The tape contains the header and then the claims. The table holds the token's `Jwt::summary` and then the length of the
/// output: `access` as JSON where it cannot be read from the claims unchanged, otherwise 0.
#[wasm_bindgen]
pub fn inspect_token(length: usize) -> OutputLength {
    with_bytes(length, |token| {
        with_decoded(|decoded| {
            let jwt = match read(token, decoded) {
                Reading::Opaque => return 0,
                Reading::Broken(problem) => {
                    let mut json = Json::default();
                    json.string(problem.code());
                    return -write_output(json);
                }
                Reading::Jwt(jwt) => jwt,
            };
            let access = jwt.claims.access.filter(|access| !access.is_plain());
            let rewritten = access.map_or(0, |access| write_output(rewrite(access)));
            table_write(0, &jwt.summary());
            table_write(8, &[rewritten.cast_unsigned()]);
            OutputLength::try_from(jwt.header_json.len() + jwt.claims_json.len()).unwrap_or_default()
        })
    })
}

/// The entries in normal form: the class separate from the type, and every list present.
fn rewrite(access: AccessList<'_>) -> Json {
    let mut json = Json::default();
    json.open('[');
    for AccessEntry { resource_type, class, name, actions } in access.iter() {
        scope::write_one(&mut json, [&resource_type, &name], class.as_deref(), actions.iter());
    }
    json.close(']');
    json
}

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
            scope::refusal(requested, error).write_output(|_| {})
        }
    }
}
