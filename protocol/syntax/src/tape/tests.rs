//! Words; and following a tape as JavaScript does (`client-wasm/npm/lib/tape.js`).
#![expect(clippy::string_slice, reason = "a test that panics has failed, as it should")]

use serde_json::Value;

use super::*;

/// The value that a tape begins with.
pub(crate) fn value(text: &str, entries: &[Entry]) -> Value {
    let mut at = 0;
    let value = next(text, entries, &mut at);
    assert_eq!(at, entries.len(), "entries are left over");
    value
}

fn next(text: &str, entries: &[Entry], at: &mut usize) -> Value {
    let [first, second] = entries[*at];
    let second = second as usize;
    *at += 1;
    let (tag, position) = parts([first, 0]);
    let end_is = |at: usize| assert_eq!(at, second, "an end is where it says");
    match tag {
        Tag::Text => text[position..second].into(),
        Tag::Escaped => serde_json::from_str(&text[position - 1..=second]).expect("a string"),
        Tag::Word => WORDS[second].into(),
        Tag::Integer => second.into(),
        Tag::Number => serde_json::from_str(&text[position..second]).expect("a number"),
        Tag::Literal => [Value::Null, false.into(), true.into()][second].clone(),
        Tag::Array => {
            let list = (0..position).map(|_| next(text, entries, at)).collect();
            end_is(*at);
            Value::Array(list)
        }
        Tag::Object => {
            let mut object = serde_json::Map::new();
            for _ in 0..position {
                let name = next(text, entries, at);
                object.insert(name.as_str().expect("a name").to_owned(), next(text, entries, at));
            }
            end_is(*at);
            Value::Object(object)
        }
    }
}

#[test]
fn only_words_of_the_list_are_recognised() {
    for (index, text) in WORDS.iter().enumerate() {
        let length = text.len();
        assert_eq!(word(text.as_bytes(), 0, length), Some(index), "{text}");
        // With something before and behind it, and at the end of the text, where eight octets cannot be read at once.
        let longer = format!("x{text}{text}yyyyyyyy");
        assert_eq!(word(longer.as_bytes(), 1, 1 + length), Some(index), "{text}");
        assert_eq!(word(longer.as_bytes(), 0, 1 + length), None, "{text}");
        assert_eq!(Word::ALL[index] as usize, index);
    }
    for text in ["", "x", "Alg", "al", "algo", "accesses", "123456789", "a\0", "\0", "alg\0", "access\0\0"] {
        assert_eq!(word(text.as_bytes(), 0, text.len()), None, "{text:?}");
    }
    assert_eq!(word(b"alg", 2, 1), None, "an end before its start");
    assert_eq!(word(b"alg", 1, 9), None, "an end behind the text");
}

#[test]
fn entries_round_trip_on_the_tape() {
    let tags = [
        Tag::Text,
        Tag::Escaped,
        Tag::Word,
        Tag::Integer,
        Tag::Number,
        Tag::Literal,
        Tag::Array,
        Tag::Object,
    ];
    for tag in tags {
        let mut tape = Tape::default();
        tape.push(tag, MAX_TEXT, 7);
        assert_eq!(parts(tape.entries()[0]), (tag, MAX_TEXT));
        assert_eq!(tape.entries()[0][1], 7);
    }
}
