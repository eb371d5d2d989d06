//! Kinds of values: how one is read, what is allowed, and what the JSON schema says of it.

use std::marker::PhantomData;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::field::{self, Field, Kind, Reader, Section, object};
use super::node::{Node, Value};

/// `true` or `false`.
pub(super) struct Flag;

impl Kind for Flag {
    type Value = bool;

    fn read(&self, node: &Node, reader: &mut Reader) -> Option<bool> {
        if let Value::Bool(value) = node.value {
            return Some(value);
        }
        reader.wrong(node, "expected true or false");
        None
    }

    fn schema(&self) -> Map<String, Json> {
        object(&json!({ "type": "boolean" }))
    }

    fn write(&self, value: &bool) -> Json {
        (*value).into()
    }
}

/// A type that a whole number becomes.
pub(super) trait Number: Sized {
    fn of(number: u64) -> Option<Self>;
    fn number(&self) -> u64;
}

macro_rules! numbers {
    ($($type:ty),*) => { $(
        impl Number for $type {
            fn of(number: u64) -> Option<Self> {
                Self::try_from(number).ok()
            }

            fn number(&self) -> u64 {
                u64::try_from(*self).unwrap_or(u64::MAX)
            }
        }
    )* };
}
numbers!(u32, u64, usize);

macro_rules! nonzero_numbers {
    ($($type:ty),*) => { $(
        impl Number for $type {
            fn of(number: u64) -> Option<Self> {
                NonZeroU64::new(number).and_then(|number| Self::try_from(number).ok())
            }

            fn number(&self) -> u64 {
                u64::try_from(self.get()).unwrap_or(u64::MAX)
            }
        }

        /// 0 stands for `None`.
        impl Number for Option<$type> {
            fn of(number: u64) -> Option<Self> {
                if number == 0 { Some(None) } else { <$type>::of(number).map(Some) }
            }

            fn number(&self) -> u64 {
                self.map_or(0, |number| number.number())
            }
        }
    )* };
}
nonzero_numbers!(NonZeroU32, NonZeroUsize);

/// A default that is not zero.
pub(super) const fn per(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

/// A default that is not zero.
pub(super) const fn count(number: usize) -> NonZeroUsize {
    match NonZeroUsize::new(number) {
        Some(number) => number,
        None => NonZeroUsize::MIN,
    }
}

/// Whole seconds.
impl Number for Duration {
    fn of(number: u64) -> Option<Self> {
        Some(Self::from_secs(number))
    }

    fn number(&self) -> u64 {
        self.as_secs()
    }
}

/// A whole number in this range.
pub(super) struct Whole<T>(RangeInclusive<u64>, PhantomData<T>);

/// A whole number in this range; for a [`Duration`], of seconds.
pub(super) fn whole<T: Number>(range: RangeInclusive<u64>) -> Whole<T> {
    Whole(range, PhantomData)
}

impl<T: Number> Kind for Whole<T> {
    type Value = T;

    fn read(&self, node: &Node, reader: &mut Reader) -> Option<T> {
        let value = match node.value {
            Value::Number(number) if self.0.contains(&number) => T::of(number),
            _ => None,
        };
        if value.is_none() {
            reader
                .wrong(node, format!("expected a whole number from {} to {}", self.0.start(), self.0.end()));
        }
        value
    }

    fn schema(&self) -> Map<String, Json> {
        object(&json!({ "type": "integer", "minimum": self.0.start(), "maximum": self.0.end() }))
    }

    fn write(&self, value: &T) -> Json {
        value.number().into()
    }
}

/// Text that is parsed.
pub(super) struct Parsed<T> {
    /// From the text, or what is wrong with it, without repeating it.
    pub(super) parse: fn(&str) -> Result<T, String>,
    /// The canonical text.
    pub(super) show: fn(&T) -> String,
    /// What the schema says besides that it is a string.
    pub(super) examples: &'static [&'static str],
}

impl<T> Kind for Parsed<T> {
    type Value = T;

    fn read(&self, node: &Node, reader: &mut Reader) -> Option<T> {
        let Value::Text(text) = &node.value else {
            reader.wrong(node, "expected a string");
            return None;
        };
        (self.parse)(text).map_err(|message| reader.wrong(node, message)).ok()
    }

    fn schema(&self) -> Map<String, Json> {
        let mut schema = object(&json!({ "type": "string" }));
        if !self.examples.is_empty() {
            schema.insert("examples".to_owned(), json!(self.examples));
        }
        schema
    }

    fn write(&self, value: &T) -> Json {
        (self.show)(value).into()
    }

    fn is_text(&self) -> bool {
        true
    }
}

/// Any string.
pub(super) fn text() -> Parsed<String> {
    Parsed { parse: |text| Ok(text.to_owned()), show: String::clone, examples: &[] }
}

/// The path of a file.
pub(super) fn path() -> Parsed<PathBuf> {
    Parsed {
        parse: |text| {
            if text.is_empty() { Err("expected the path of a file".to_owned()) } else { Ok(text.into()) }
        },
        show: |path| path.display().to_string(),
        examples: &[],
    }
}

/// One of these words.
pub(super) struct Choice<T: 'static>(pub(super) &'static [(&'static str, T)]);

impl<T: Copy + PartialEq> Kind for Choice<T> {
    type Value = T;

    fn read(&self, node: &Node, reader: &mut Reader) -> Option<T> {
        let found = match &node.value {
            Value::Text(text) => self.0.iter().find(|(word, _)| word == text),
            _ => None,
        };
        if found.is_none() {
            let words: Vec<String> = self.0.iter().map(|(word, _)| format!("`{word}`")).collect();
            reader.wrong(node, format!("expected {}", words.join(" or ")));
        }
        found.map(|(_, value)| *value)
    }

    fn schema(&self) -> Map<String, Json> {
        let words: Vec<&str> = self.0.iter().map(|(word, _)| *word).collect();
        object(&json!({ "type": "string", "enum": words }))
    }

    fn write(&self, value: &T) -> Json {
        self.0.iter().find(|(_, known)| known == value).map(|(word, _)| *word).into()
    }

    fn is_text(&self) -> bool {
        true
    }
}

/// A value or `null`.
pub(super) struct Optional<K>(pub(super) K);

impl<K: Kind> Kind for Optional<K> {
    type Value = Option<K::Value>;

    fn read(&self, node: &Node, reader: &mut Reader) -> Option<Self::Value> {
        match node.value {
            Value::Null => Some(None),
            _ => self.0.read(node, reader).map(Some),
        }
    }

    fn schema(&self) -> Map<String, Json> {
        let mut schema = self.0.schema();
        let single = schema.remove("type").unwrap_or_default();
        schema.insert("type".to_owned(), json!([single, "null"]));
        schema
    }

    fn write(&self, value: &Self::Value) -> Json {
        value.as_ref().map_or(Json::Null, |value| self.0.write(value))
    }

    fn is_text(&self) -> bool {
        self.0.is_text()
    }
}

/// A list; a bad item spoils none of the others.
pub(super) struct List<K>(pub(super) K);

impl<K: Kind> Kind for List<K> {
    type Value = Vec<K::Value>;

    fn read(&self, node: &Node, reader: &mut Reader) -> Option<Self::Value> {
        let Value::List(items) = &node.value else {
            let of = if self.0.is_text() { " of strings" } else { "" };
            reader.wrong(node, format!("expected a list{of}"));
            return None;
        };
        let read = |(index, item)| reader.below(&format!("[{index}]"), |reader| self.0.read(item, reader));
        Some(items.iter().enumerate().filter_map(read).collect())
    }

    fn schema(&self) -> Map<String, Json> {
        object(&json!({ "type": "array", "items": self.0.schema() }))
    }

    fn write(&self, value: &Self::Value) -> Json {
        value.iter().map(|item| self.0.write(item)).collect::<Vec<_>>().into()
    }
}

/// A section of its own.
pub(super) struct Nested<S>(PhantomData<S>);

/// A section of its own.
pub(super) fn nested<S: Section>() -> Nested<S> {
    Nested(PhantomData)
}

impl<S: Section> Kind for Nested<S> {
    type Value = S;

    fn read(&self, node: &Node, reader: &mut Reader) -> Option<S> {
        Some(S::read(node, reader))
    }

    fn schema(&self) -> Map<String, Json> {
        let mut schema = field::schema(S::fields());
        schema.insert("type".to_owned(), json!(["object", "null"]));
        schema
    }

    fn write(&self, value: &S) -> Json {
        value.write()
    }

    fn fields(&self) -> Option<Vec<Field>> {
        Some(S::fields())
    }
}
