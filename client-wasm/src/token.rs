//! `parseTokenResponse`.

use dockpass_protocol::token::parse_token_response as parse;
use secrecy::ExposeSecret;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::boundary::{OutputLength, Refusal, with_input, write_output};
use crate::json::Json;

/// Parses the body of a token service's response that arrived at `received_at` (milliseconds since the epoch). Returns
/// token, expiry and refresh token. Input and output contain secrets: call [`wipe`](crate::boundary::wipe) afterwards.
#[wasm_bindgen]
#[expect(
    clippy::cast_possible_truncation,
    reason = "JavaScript's times are whole numbers below 2^53; what is not saturates"
)]
pub fn parse_token_response(length: usize, received_at: f64) -> OutputLength {
    with_input(length, |body| match parse(body.as_bytes(), received_at as i64) {
        Ok(response) => {
            let mut json = Json::with_capacity(length + 64);
            json.open('{');
            json.name("token");
            json.string(response.token.expose_secret());
            json.name("expiresAt");
            json.number(response.expires_at_ms);
            json.optional_string(
                "refreshToken",
                response.refresh_token.as_ref().map(ExposeSecret::expose_secret),
            );
            let mut notes = response.notes.codes().peekable();
            if notes.peek().is_some() {
                json.name("notes");
                json.strings(notes);
            }
            json.close('}');
            write_output(json)
        }
        Err(error) => Refusal {
            code: "ERR_TOKEN_RESPONSE",
            message: format!("Token response: {error}."),
            position: None,
        }
        .write_output(|_| {}),
    })
}
