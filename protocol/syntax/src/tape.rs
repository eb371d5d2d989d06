//! The tape: the values of a text and their positions in it, as an array of pairs of numbers.
//!
//! A parser writes the tape once; readers follow it and slice the values out of the text. Rust creates its types from the
//! tape. JavaScript reads the same memory and creates objects, which is twice as fast as passing JSON (decision 0021).
//!
//! # Layout
//! An entry is two numbers; the upper four bits of the first are its [`Tag`], the others its *place*.
//!
//! | tag | place | second number |
//! |---|---|---|
//! | [`Tag::Text`], [`Tag::Escaped`] | where the string begins in the text, behind its quote | where it ends, before its quote |
//! | [`Tag::Word`] | where it begins; 0 in challenges | the index into [`WORDS`] |
//! | [`Tag::Integer`] | where it begins | the value |
//! | [`Tag::Number`] | where it begins | where it ends |
//! | [`Tag::Literal`] | where it begins | 0 `null`, 1 `false`, 2 `true` |
//! | [`Tag::Array`] | the number of elements, whose entries follow | the index of the entry behind the last one |
//! | [`Tag::Object`] | the number of members, whose entries follow: name, value, name, value | the same |

/// The kind of an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub enum Tag {
    /// A string without escapes.
    Text = 0,
    /// A string with escapes.
    Escaped = 1,
    /// One of [`WORDS`]: the name of a member, or a word that is in another letter case in the text.
    Word = 2,
    /// A whole number from 0 to 2^32 - 1, written in digits only.
    Integer = 3,
    /// Any other number.
    Number = 4,
    /// `null`, `false` or `true`.
    Literal = 5,
    /// An array.
    Array = 6,
    /// An object.
    Object = 7,
}

/// The maximum length of a text.
pub const MAX_TEXT: usize = (1 << TAG_AT) - 1;

/// How far the tag is shifted.
pub const TAG_AT: u32 = 28;

macro_rules! words {
    ($($name:ident = $text:literal),* $(,)?) => {
        /// Names and words that occur in nearly every token and challenge. A tape refers to them by their index into [`WORDS`],
        /// so that they need not be copied or compared.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        #[repr(u32)]
        #[expect(missing_docs, reason = "each is its own name")]
        pub enum Word { $($name),* }

        impl Word {
            /// All words, in the order of [`WORDS`].
            pub const ALL: [Self; WORDS.len()] = [$(Self::$name),*];
        }

        /// The strings of [`Word`], each of at most eight characters.
        pub const WORDS: [&str; [$($text),*].len()] = [$($text),*];
    };
}

words! {
    Alg = "alg", Typ = "typ", Kid = "kid", X5c = "x5c", Iss = "iss", Sub = "sub", Aud = "aud", Exp = "exp", Nbf = "nbf",
    Iat = "iat", Jti = "jti", Access = "access", Type = "type", Class = "class", Name = "name", Actions = "actions",
    Scheme = "scheme", Token68 = "token68", Params = "params", Bearer = "bearer", Basic = "basic", Digest = "digest",
    Realm = "realm", Service = "service", Scope = "scope", Error = "error", Nonce = "nonce", Qop = "qop",
}

/// One entry.
pub type Entry = [u32; 2];

/// The entries of one text.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    entries: Vec<Entry>,
}

impl Tape {
    /// Removes all entries and keeps the capacity.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// All entries.
    #[inline]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Adds an entry. Callers must keep the place within [`MAX_TEXT`]; a larger one is truncated.
    #[inline]
    pub fn push(&mut self, tag: Tag, position: usize, second: usize) {
        self.entries.push(entry(tag, position, second));
    }

    /// Adds the entry of an array or object, whose elements or members follow. Returns its index for [`close`](Self::close).
    #[inline]
    pub fn open(&mut self) -> usize {
        self.entries.push([0, 0]);
        self.entries.len() - 1
    }

    /// Ends an array or object with this number of elements or members.
    #[inline]
    pub fn close(&mut self, opened: usize, tag: Tag, count: usize) {
        let end = self.entries.len();
        if let Some(position) = self.entries.get_mut(opened) {
            *position = entry(tag, count, end);
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "documented: places are within MAX_TEXT")]
fn entry(tag: Tag, position: usize, second: usize) -> Entry {
    [(tag as u32) << TAG_AT | (position & MAX_TEXT) as u32, second as u32]
}

/// The tag and the place of an entry.
pub fn parts(entry: Entry) -> (Tag, usize) {
    let tag = match entry[0] >> TAG_AT {
        0 => Tag::Text,
        1 => Tag::Escaped,
        2 => Tag::Word,
        3 => Tag::Integer,
        4 => Tag::Number,
        6 => Tag::Array,
        7 => Tag::Object,
        _ => Tag::Literal,
    };
    (tag, entry[0] as usize & MAX_TEXT)
}

/// The index into [`WORDS`] of `text` from `start` to `end`.
#[inline]
pub fn word(text: &[u8], start: usize, end: usize) -> Option<usize> {
    let length = end.wrapping_sub(start);
    if length > 8 || length == 0 {
        return None;
    }
    let packed = match text.get(start..).and_then(<[u8]>::first_chunk) {
        // The octets after the word are shifted out.
        Some(chunk) => u64::from_le_bytes(*chunk) << (64 - 8 * length) >> (64 - 8 * length),
        None => text.get(start..end)?.iter().rev().fold(0, |packed, &byte| packed << 8 | u64::from(byte)),
    };
    let index = usize::from(*POSITIONS.get(slot(packed))?);
    // The lengths are compared as well, because a trailing NUL does not change the packed value.
    (PACKED.get(index) == Some(&packed) && WORDS.get(index)?.len() == length).then_some(index)
}

/// The number of slots of [`POSITIONS`]: a power of two.
const SLOTS: usize = 64;

/// The slot of a packed word. The factor was found by search; it gives no collisions among [`WORDS`].
const fn slot(packed: u64) -> usize {
    (packed.wrapping_mul(FACTOR) >> 58) as usize
}

const FACTOR: u64 = 0x95e7_fc53_b29c_5297;

/// [`WORDS`] as numbers: the octets in little-endian order.
static PACKED: [u64; WORDS.len()] = pack();

/// Indices into [`PACKED`] by [`slot`].
static POSITIONS: [u8; SLOTS] = positions();

#[expect(clippy::indexing_slicing, reason = "const evaluation would stop the build")]
const fn pack() -> [u64; WORDS.len()] {
    let mut packed = [0; WORDS.len()];
    let mut index = 0;
    while index < WORDS.len() {
        let word = WORDS[index].as_bytes();
        let mut at = word.len();
        while at > 0 {
            at -= 1;
            packed[index] = packed[index] << 8 | word[at] as u64;
        }
        index += 1;
    }
    packed
}

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "const evaluation would stop the build; there are fewer than 255 words"
)]
const fn positions() -> [u8; SLOTS] {
    let mut positions = [u8::MAX; SLOTS];
    let packed = pack();
    let mut index = 0;
    while index < packed.len() {
        let slot = slot(packed[index]);
        assert!(positions[slot] == u8::MAX, "two words meet: another FACTOR is needed");
        positions[slot] = index as u8;
        index += 1;
    }
    positions
}

#[cfg(test)]
pub(crate) mod tests;
