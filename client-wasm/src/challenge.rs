//! `parseChallenges`: the fast form for what registries send, and the general one.

use dockpass_protocol::challenge::{Challenge, ChallengeListError, parse_lines};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::boundary::{Answered, Refusal, answer, table_get, table_set, utf16_position, with_input};
use crate::json::Json;

/// Words that challenges are made of. The fast form names them by their index, so that neither side copies them.
const WORDS: [&str; 15] = [
    "bearer",
    "basic",
    "digest",
    "negotiate",
    "ntlm",
    "realm",
    "service",
    "scope",
    "error",
    "error_description",
    "nonce",
    "qop",
    "algorithm",
    "opaque",
    "charset",
];

/// In the table, in the place of an end: the start is an index into [`WORDS`].
const IS_WORD: u32 = u32::MAX;

/// [`WORDS`] as a JSON array, so that JavaScript has no list of its own.
#[wasm_bindgen]
pub fn challenge_words() -> Answered {
    let mut json = Json::with_capacity(160);
    json.strings(WORDS);
    answer(json)
}

/// Reads challenges from one ASCII line, or from several whose ends are in the table, and writes where each part is.
///
/// Answers with the number of challenges, or -1 where [`parse_challenges`] is to be called: an error, an escape, a name
/// in upper case that is none of [`WORDS`], more than fits.
///
/// In the table, from 0, for each challenge: scheme (start, end), token68 (start, end; 0, 0 if there is none), number of
/// parameters, and for each name and value (start, end). Starts and ends count from the start of the input.
#[wasm_bindgen]
pub fn scan_challenges(length: usize, lines: usize) -> i32 {
    with_input(length, |text| {
        let challenges = parse_lines(split(text, lines)).ok()?;
        let mut table = Table { base: text.as_ptr() as usize, length: text.len(), next: 0 };
        for challenge in &challenges {
            table.part(&challenge.scheme)?;
            match &challenge.token68 {
                Some(token68) => table.part(token68)?,
                None => table.pair(0, 0)?,
            }
            table.number(u32::try_from(challenge.params.len()).ok()?)?;
            for param in &challenge.params {
                table.part(&param.name)?;
                table.part(&param.value)?;
            }
        }
        i32::try_from(challenges.len()).ok()
    })
    .unwrap_or(-1)
}

/// Reads challenges from one line, or from several whose ends are in the table; answers with their JSON.
#[wasm_bindgen]
pub fn parse_challenges(length: usize, lines: usize) -> Answered {
    with_input(length, |text| match parse_lines(split(text, lines)) {
        Ok(challenges) => {
            let mut json = Json::with_capacity(length + 64);
            write(&mut json, &challenges);
            answer(json)
        }
        Err(ChallengeListError { line, position, kind, parsed }) => {
            let failed = split(text, lines).nth(line).unwrap_or_default();
            let refusal = Refusal {
                code: "ERR_CHALLENGE_SYNTAX",
                message: format!("Challenge syntax: {kind}."),
                position: Some(utf16_position(failed, position)),
            };
            refusal.answer(|json| {
                json.optional_number("line", line.try_into().ok().filter(|_| lines > 0));
                json.name("parsed");
                write(json, &parsed);
            })
        }
    })
}

/// The lines of the input: one without any ends.
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

/// Fills the table.
struct Table {
    /// The address of the input, from which parts that are borrowed from it are measured.
    base: usize,
    length: usize,
    next: usize,
}

impl Table {
    fn number(&mut self, value: u32) -> Option<()> {
        table_set(self.next, value)?;
        self.next += 1;
        Some(())
    }

    fn pair(&mut self, start: u32, end: u32) -> Option<()> {
        self.number(start)?;
        self.number(end)
    }

    fn part(&mut self, part: &str) -> Option<()> {
        // Borrowed parts lie in the input; what had to be folded or unescaped lies elsewhere.
        let start = (part.as_ptr() as usize).wrapping_sub(self.base);
        if start < self.length || (part.is_empty() && start == self.length) {
            let start = u32::try_from(start).ok()?;
            self.pair(start, start + u32::try_from(part.len()).ok()?)
        } else {
            let word = WORDS.iter().position(|word| *word == part)?;
            self.pair(u32::try_from(word).ok()?, IS_WORD)
        }
    }
}
