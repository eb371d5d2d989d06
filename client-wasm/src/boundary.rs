//! The interface between the pure functions and JavaScript: arguments and results pass through shared memory.
//!
//! JavaScript writes a string into the input with `TextEncoder.encodeInto` and calls a function with lengths only. The
//! result is JSON in the output, numbers in the table, or a tape. The strings and objects of wasm-bindgen take two to five
//! times as long (decision 0021).
//!
//! There is no `unsafe`: the memory belongs to a `Vec` and to cells, and only its addresses are passed to JavaScript.
//! JavaScript runs only while no Rust code does, so it never writes to borrowed memory.

use std::cell::{Cell, RefCell};

#[cfg(any(feature = "flow", feature = "rest"))]
use dockpass_protocol::scope::ScopeError;
#[cfg(feature = "syntax")]
use dockpass_protocol::{jwt::Decoded, tape::WORDS};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::json::Json;

/// The initial size of the input. It grows on request.
const FIRST_INPUT: usize = 16 * 1024;
/// The maximum length of the input. Every function has its own, smaller limit; this one bounds the memory.
const MAX_INPUT: usize = 4 * 1024 * 1024;
/// How many numbers the table has.
pub(crate) const TABLE_LENGTH: usize = 2048;

thread_local! {
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static OUTPUT: RefCell<String> = const { RefCell::new(String::new()) };
    #[cfg(feature = "syntax")]
    static DECODED: RefCell<Decoded> = RefCell::default();
    static TABLE: [Cell<u32>; TABLE_LENGTH] = const { [const { Cell::new(0) }; TABLE_LENGTH] };
}

/// The address of an input of at least this many bytes; 0 when that exceeds the maximum. The contents are lost when the
/// input grows.
#[wasm_bindgen]
pub fn input(bytes: usize) -> usize {
    if bytes > MAX_INPUT {
        return 0;
    }
    INPUT.with_borrow_mut(|input| {
        if input.len() < bytes.max(FIRST_INPUT) {
            *input = vec![0; bytes.next_power_of_two().max(FIRST_INPUT)];
        }
        input.as_mut_ptr() as usize
    })
}

/// The capacity of the input, in bytes.
#[wasm_bindgen]
pub fn input_capacity() -> usize {
    INPUT.with_borrow(Vec::len)
}

/// The address of the table, of [`TABLE_LENGTH`] numbers of 32 bits. It never moves.
#[wasm_bindgen]
pub fn table() -> usize {
    TABLE.with(|table| table.as_ptr() as usize)
}

/// The words that a tape refers to by their index, as a JSON array, so that JavaScript needs no list of its own.
#[cfg(feature = "syntax")]
#[wasm_bindgen]
pub fn tape_words() -> OutputLength {
    let mut json = Json::with_capacity(256);
    json.strings(WORDS);
    write_output(json)
}

/// The address of the tape, whose entries are pairs of numbers of 32 bits.
#[cfg(feature = "syntax")]
#[wasm_bindgen]
pub fn tape() -> usize {
    DECODED.with_borrow(|decoded| decoded.tape.entries().as_ptr() as usize)
}

/// The address of the text that the tape of a decoded token refers to.
#[cfg(feature = "syntax")]
#[wasm_bindgen]
pub fn tape_text() -> usize {
    DECODED.with_borrow(|decoded| decoded.text().as_ptr() as usize)
}

/// The address of the output.
#[wasm_bindgen]
pub fn output() -> usize {
    OUTPUT.with_borrow(|output| output.as_ptr() as usize)
}

/// Overwrites the input after it contained a secret.
#[wasm_bindgen]
pub fn wipe() {
    INPUT.with_borrow_mut(|input| input.fill(0));
    OUTPUT.with_borrow_mut(|output| {
        let mut bytes = std::mem::take(output).into_bytes();
        bytes.fill(0);
    });
}

/// Calls `read` with the first `length` bytes of the input.
#[cfg(feature = "syntax")]
#[inline]
pub(crate) fn with_bytes<T>(length: usize, read: impl FnOnce(&[u8]) -> T) -> T {
    INPUT.with_borrow(|input| read(input.get(..length).unwrap_or_default()))
}

/// Calls `read` with the first `length` bytes of the input as a string. They are UTF-8, because `encodeInto` writes nothing
/// else.
pub(crate) fn with_input<T: Default>(length: usize, read: impl FnOnce(&str) -> T) -> T {
    let mut read = Some(read);
    let mut result = T::default();
    lend(length, &mut |text| {
        if let Some(read) = read.take() {
            result = read(text);
        }
    });
    result
}

/// The part that does not depend on the type of the closure, so that it is compiled once.
fn lend(length: usize, read: &mut dyn FnMut(&str)) {
    INPUT.with_borrow(|input| {
        let bytes = input.get(..length).unwrap_or_default();
        read(std::str::from_utf8(bytes).unwrap_or_default());
    });
}

/// Calls a function with the buffer for decoded tokens.
#[cfg(feature = "syntax")]
pub(crate) fn with_decoded<T>(write: impl FnOnce(&mut Decoded) -> T) -> T {
    DECODED.with_borrow_mut(write)
}

/// The number at an index of the table.
#[cfg(any(feature = "syntax", feature = "flow"))]
pub(crate) fn table_get(index: usize) -> u32 {
    TABLE.with(|table| table.get(index).map_or(0, Cell::get))
}

/// Writes numbers into the table, from an index on.
#[cfg(feature = "syntax")]
pub(crate) fn table_write(from: usize, values: &[u32]) {
    TABLE.with(|table| {
        for (cell, &value) in table.iter().skip(from).zip(values) {
            cell.set(value);
        }
    });
}

/// The result of a function: the length of the JSON in the output; negative when it is an error.
pub(crate) type OutputLength = i32;

/// Sets the output.
fn put(text: String) -> OutputLength {
    let length = i32::try_from(text.len()).unwrap_or_default();
    OUTPUT.set(text);
    length
}

/// Returns JSON.
pub(crate) fn write_output(json: Json) -> OutputLength {
    put(json.finish())
}

/// An error about invalid input.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// `ERR_…`.
    pub(crate) code: &'static str,
    /// What is wrong, in one sentence without input.
    pub(crate) message: String,
    /// The position, in UTF-16 code units.
    pub(crate) position: Option<usize>,
}

impl Refusal {
    /// The error for a malformed scope.
    #[cfg(any(feature = "flow", feature = "rest"))]
    pub(crate) fn of_scope(text: &str, error: ScopeError) -> Self {
        Self {
            code: "ERR_SCOPE_SYNTAX",
            message: sentence("Scope syntax: ", error.kind.reason()),
            position: Some(utf16_position(text, error.position)),
        }
    }

    /// Returns the error; `more` adds further fields.
    pub(crate) fn write_output(self, more: impl FnOnce(&mut Json)) -> OutputLength {
        let mut json = Json::with_capacity(128);
        json.open('{');
        json.name("code");
        json.string(self.code);
        json.name("message");
        json.string(&self.message);
        json.optional_number("position", self.position.and_then(|position| position.try_into().ok()));
        more(&mut json);
        json.close('}');
        -write_output(json)
    }
}

/// A message of two parts and a full stop. The formatting code of `std` would be larger than the functions that use this.
pub(crate) fn sentence(start: &str, rest: &str) -> String {
    let mut text = String::with_capacity(start.len() + rest.len() + 1);
    text.push_str(start);
    text.push_str(rest);
    text.push('.');
    text
}

/// Converts a position in bytes to UTF-16 code units, as JavaScript counts.
pub(crate) fn utf16_position(text: &str, position: usize) -> usize {
    let before = text.get(..text.floor_char_boundary(position)).unwrap_or_default();
    before.encode_utf16().count()
}
