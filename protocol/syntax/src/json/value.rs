//! A view of a value on a tape.

use std::borrow::Cow;
use std::fmt;

use super::number::Number;
use super::string::unescape;
use crate::tape::{Entry, TAG_AT, Tag, WORDS, Word, parts};

/// The kind of a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "each is its own name")]
pub enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

/// A value: the entry at an index with its elements or members. [`Default`] is `null`.
#[derive(Clone, Copy, Default)]
pub struct Value<'a> {
    text: &'a str,
    entries: &'a [Entry],
    at: usize,
}

/// Shows the kind but not the content, which may be a secret.
impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Value").field(&self.kind()).finish()
    }
}

impl<'a> Value<'a> {
    /// The value at an index of a tape of `text`.
    #[inline]
    pub fn new(text: &'a str, entries: &'a [Entry], at: usize) -> Self {
        Self { text, entries, at }
    }

    #[inline]
    fn entry(&self) -> Entry {
        self.entries.get(self.at).copied().unwrap_or([(Tag::Literal as u32) << TAG_AT, 0])
    }

    /// The kind.
    #[inline]
    pub fn kind(&self) -> Kind {
        match parts(self.entry()).0 {
            Tag::Text | Tag::Escaped | Tag::Word => Kind::String,
            Tag::Integer | Tag::Number => Kind::Number,
            Tag::Array => Kind::Array,
            Tag::Object => Kind::Object,
            Tag::Literal if self.entry()[1] == 0 => Kind::Null,
            Tag::Literal => Kind::Bool,
        }
    }

    /// The string, if it is one.
    #[inline]
    pub fn string(&self) -> Option<Cow<'a, str>> {
        let [_, second] = self.entry();
        let (tag, place) = parts(self.entry());
        match tag {
            Tag::Text => self.text.get(place..second as usize).map(Cow::Borrowed),
            Tag::Word => WORDS.get(second as usize).map(|word| Cow::Borrowed(*word)),
            Tag::Escaped => unescape(self.text.get(place..second as usize)?).ok().map(Cow::Owned),
            _ => None,
        }
    }

    /// The boolean, if it is one.
    pub fn boolean(&self) -> Option<bool> {
        (self.kind() == Kind::Bool).then(|| self.entry()[1] == 2)
    }

    /// The number, if it is one.
    #[inline]
    pub fn number(&self) -> Option<Number<'a>> {
        let [_, second] = self.entry();
        match parts(self.entry()) {
            (Tag::Integer, _) => Some(Number::Whole(second)),
            (Tag::Number, place) => self.text.get(place..second as usize).map(Number::Text),
            _ => None,
        }
    }

    /// The number of elements or members; 0 for other kinds.
    #[inline]
    pub fn count(&self) -> usize {
        match parts(self.entry()) {
            (Tag::Array | Tag::Object, count) => count,
            _ => 0,
        }
    }

    /// The index after this value.
    #[inline]
    fn end(&self) -> usize {
        match parts(self.entry()).0 {
            Tag::Array | Tag::Object => self.entry()[1] as usize,
            _ => self.at + 1,
        }
    }

    /// The elements of an array; none for other kinds.
    #[inline]
    pub fn elements(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let mut next = Self { at: self.at + 1, ..*self };
        let count = if self.kind() == Kind::Array { self.count() } else { 0 };
        (0..count).map(move |_| {
            let value = next;
            next.at = value.end();
            value
        })
    }

    /// The word that a member's name is.
    #[inline]
    pub fn word(&self) -> Option<Word> {
        match parts(self.entry()).0 {
            Tag::Word => Word::ALL.get(self.entry()[1] as usize).copied(),
            _ => None,
        }
    }

    /// The members of an object, as names and values; none for other kinds. A name that is one of [`WORDS`] is always
    /// identified as such.
    #[inline]
    pub fn members(&self) -> impl Iterator<Item = (Value<'a>, Value<'a>)> + use<'a> {
        let mut next = Self { at: self.at + 1, ..*self };
        let count = if self.kind() == Kind::Object { self.count() } else { 0 };
        (0..count).map(move |_| {
            let (name, value) = (next, Self { at: next.at + 1, ..next });
            next.at = value.end();
            (name, value)
        })
    }
}
