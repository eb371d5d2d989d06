//! `parseChallenges`: a fast form for common challenges, and the general one.

use dockpass_protocol::challenge::{Challenge, ChallengeListError, parse_lines, write_on_tape};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::boundary::{
    OutputLength, Refusal, sentence, table_get, utf16_position, with_bytes, with_decoded, with_input,
    write_output,
};
use crate::json::Json;

/// Parses challenges from one ASCII line, or from several whose ends are in the table, and writes them onto the tape as an
/// array with places in the input.
///
/// Returns `false` if the lines have an error or the tape cannot represent them (an escape, or an upper-case name that is
/// not one of the tape's words). Call [`parse_challenges`] then.
#[wasm_bindgen]
pub fn scan_challenges(length: usize, lines: usize) -> bool {
    with_bytes(length, |bytes| {
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        with_decoded(|decoded| match lines {
            // Most responses have one line.
            0 => write_on_tape(text, &mut std::iter::once(text), &mut decoded.tape),
            _ => write_on_tape(text, &mut split(text, lines), &mut decoded.tape),
        })
    })
    .is_some()
}

/// Parses challenges from one line, or from several whose ends are in the table. Returns them as JSON.
#[wasm_bindgen]
pub fn parse_challenges(length: usize, lines: usize) -> OutputLength {
    with_input(length, |text| match parse_lines(split(text, lines)) {
        Ok(challenges) => {
            let mut json = Json::with_capacity(length + 64);
            write(&mut json, &challenges);
            write_output(json)
        }
        Err(ChallengeListError { line, position, kind, parsed }) => {
            let failed = split(text, lines).nth(line).unwrap_or_default();
            let refusal = Refusal {
                code: "ERR_CHALLENGE_SYNTAX",
                message: sentence("Challenge syntax: ", kind.reason()),
                position: Some(utf16_position(failed, position)),
            };
            refusal.write_output(|json| {
                json.optional_number("line", line.try_into().ok().filter(|_| lines > 0));
                json.name("parsed");
                write(json, &parsed);
            })
        }
    })
}

/// The lines of the input; a single line if there are no ends.
fn split(text: &str, lines: usize) -> impl Iterator<Item = &str> {
    let mut start = 0;
    (0..lines.max(1)).map(move |index| {
        let end = if lines == 0 { text.len() } else { table_get(index) as usize };
        let line = text.get(start..end).unwrap_or_default();
        start = end;
        line
    })
}

fn write(json: &mut Json, challenges: &[Challenge<'_>]) {
    json.open('[');
    for challenge in challenges {
        json.open('{');
        json.name("scheme");
        json.string(&challenge.scheme);
        json.optional_string("token68", challenge.token68.as_deref());
        json.name("params");
        json.open('{');
        for param in &challenge.params {
            json.name(&param.name);
            json.string(&param.value);
        }
        json.close('}');
        json.close('}');
    }
    json.close(']');
}
