//! `inspectToken`.

use dockpass_protocol::jwt::{AccessEntry, AccessList, Reading, read};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::boundary::{OutputLength, table_write, with_bytes, with_decoded, write_output};
use crate::json::Json;

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
        json.scope([&resource_type, &name], class.as_deref(), actions.iter());
    }
    json.close(']');
    json
}
