//! The tape: JSON gives the same values as serde_json, and challenges the same as without a tape.
#![no_main]

use dockpass_protocol::challenge::{parse_lines, write_on_tape};
use dockpass_syntax::json::{JsonError, Kind, Value, read};
use dockpass_syntax::tape::Tape;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut tape = Tape::default();
    match (read(text, &mut tape), serde_json::from_str::<serde_json::Value>(text)) {
        (Ok(ours), Ok(theirs)) => same(ours, &theirs),
        // Only this parser limits the depth to 32, and only serde_json refuses numbers that are too large.
        (Err(error), Ok(_)) => assert_eq!(error, JsonError::Depth),
        (Ok(_), Err(error)) => assert!(error.to_string().contains("out of range"), "{error}"),
        (Err(_), Err(_)) => {}
    }
    let lines: Vec<&str> = text.split('\n').collect();
    let written = write_on_tape(text, &mut lines.iter().copied(), &mut tape).is_some();
    assert!(!written || parse_lines(lines.iter().copied()).is_ok());
    if written {
        let [first, end] = tape.entries()[0];
        assert_eq!(end as usize, tape.entries().len());
        assert_eq!(first as usize & 0xff, parse_lines(lines.iter().copied()).expect("challenges").len());
    }
});

fn same(ours: Value<'_>, theirs: &serde_json::Value) {
    match theirs {
        serde_json::Value::Null => assert_eq!(ours.kind(), Kind::Null),
        serde_json::Value::Bool(_) => assert_eq!(ours.kind(), Kind::Bool),
        serde_json::Value::Number(_) => assert!(ours.number().is_some()),
        serde_json::Value::String(text) => assert_eq!(ours.string().as_deref(), Some(text.as_str())),
        serde_json::Value::Array(list) => {
            assert_eq!(ours.elements().count(), list.len());
            ours.elements().zip(list).for_each(|(ours, theirs)| same(ours, theirs));
        }
        serde_json::Value::Object(object) => {
            assert_eq!(ours.kind(), Kind::Object);
            // serde_json keeps the last value of a duplicate name.
            for (name, theirs) in object {
                let last = ours.members().filter(|(own, _)| own.string().as_deref() == Some(name)).last();
                same(last.expect("a member of this name").1, theirs);
            }
        }
    }
}
