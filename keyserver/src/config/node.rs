//! YAML as a tree in which every key and value knows its place.

use std::fmt;
use std::path::Path;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{Location, Spanned};

use super::problem::{ConfigProblems, Place};

/// No configuration file is larger. A larger one is the wrong file, or a device.
const MAX_BYTES: u64 = 1 << 20;

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// What is written, before its type is known.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// `null`, `~`, or nothing after the colon.
    Null,
    Bool(bool),
    Number(u64),
    /// A negative number, a fraction, or one beyond 64 bits: no key takes it.
    OtherNumber,
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One key of a map.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) place: Place,
    pub(super) key: String,
    pub(super) node: Node,
}

impl Node {
    /// The tree of a YAML document. An empty document is an empty map.
    pub(super) fn parse(text: &str) -> Result<Self, ConfigProblems> {
        let place = |location: Location| Place::File { line: location.line(), column: location.column() };
        let tree: Option<Spanned<Tree>> = serde_saphyr::from_str(text).map_err(|error| {
            // The parser's message quotes the neighbouring lines, which may hold a secret.
            let message = if error.to_string().contains("duplicate") {
                "this key is written twice"
            } else {
                "not valid YAML"
            };
            ConfigProblems::with_file(error.location().filter(|at| at.line() > 0).map(place), message)
        })?;
        let node = match tree {
            Some(tree) => tree.value.located(&tree.referenced, &place),
            None => Self { place: Place::File { line: 1, column: 1 }, value: Value::Null },
        };
        match node.value {
            Value::Null => Ok(Self { value: Value::Map(Vec::new()), ..node }),
            Value::Map(_) => Ok(node),
            _ => Err(ConfigProblems::with_file(
                Some(node.place),
                "the file must hold keys with values, such as `listen: 127.0.0.1:8780`",
            )),
        }
    }

    /// The value of a variable of this name, written in YAML; `None` when it is not.
    pub(super) fn parse_variable(name: String, text: &str) -> Option<Self> {
        serde_saphyr::from_str::<Tree>(text).ok().map(|tree| tree.of_variable(name))
    }

    /// The value of this key, if this is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Value::Map(entries) = &self.value else { return None };
        entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// The items, if this is a list.
    pub(super) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// Sets the value at this path of keys, through maps only.
    pub(super) fn set(&mut self, path: &[String], place: &Place, new: Self) {
        let Some((first, rest)) = path.split_first() else {
            *self = new;
            return;
        };
        if matches!(self.value, Value::Null) {
            self.value = Value::Map(Vec::new());
        }
        // Anything else in the place of a section stays, to be reported with its line.
        let Value::Map(entries) = &mut self.value else { return };
        if let Some(entry) = entries.iter_mut().find(|entry| entry.key == *first) {
            entry.node.set(rest, place, new);
            return;
        }
        let mut node = Self { place: place.clone(), value: Value::Null };
        node.set(rest, place, new);
        entries.push(Entry { place: place.clone(), key: first.clone(), node });
    }
}

/// The text of a configuration file.
pub(super) fn read(path: &Path) -> Result<String, ConfigProblems> {
    let failed = |reason: &dyn fmt::Display| {
        ConfigProblems::with_file(None, format!("{} cannot be read: {reason}", path.display()))
    };
    let meta = std::fs::metadata(path).map_err(|error| failed(&error))?;
    if !meta.is_file() {
        return Err(failed(&"it is not a file"));
    }
    if meta.len() > MAX_BYTES {
        return Err(failed(&"it is larger than 1 MiB"));
    }
    let bytes = std::fs::read(path).map_err(|error| failed(&error))?;
    String::from_utf8(bytes).map_err(|_| failed(&"it is not UTF-8"))
}

/// YAML as serde-saphyr reads it, with the locations of children.
#[derive(Debug)]
enum Tree {
    Scalar(Value),
    List(Vec<Spanned<Tree>>),
    Map(Vec<(Spanned<String>, Spanned<Tree>)>),
}

impl Tree {
    fn located(self, location: &Location, place: &impl Fn(Location) -> Place) -> Node {
        let value = match self {
            Self::Scalar(value) => value,
            Self::List(items) => Value::List(
                items.into_iter().map(|item| item.value.located(&item.referenced, place)).collect(),
            ),
            Self::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, item)| Entry {
                        place: place(key.referenced),
                        key: key.value,
                        node: item.value.located(&item.referenced, place),
                    })
                    .collect(),
            ),
        };
        Node { place: place(*location), value }
    }

    /// The same for the value of a variable, which has no lines: the place names the part of the value.
    fn of_variable(self, name: String) -> Node {
        let value = match self {
            Self::Scalar(value) => value,
            Self::List(items) => Value::List(
                items
                    .into_iter()
                    .enumerate()
                    .map(|(index, item)| item.value.of_variable(format!("{name}[{index}]")))
                    .collect(),
            ),
            Self::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, item)| {
                        let name = format!("{name}.{}", key.value);
                        Entry {
                            place: Place::Variable(name.clone()),
                            key: key.value,
                            node: item.value.of_variable(name),
                        }
                    })
                    .collect(),
            ),
        };
        Node { place: Place::Variable(name), value }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Scalar(u64::try_from(value).map_or(Value::OtherNumber, Value::Number)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Number(value)))
    }

    fn visit_f64<E>(self, _value: f64) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::OtherNumber))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Text(value.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(Tree::List(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut all = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            all.push(entry);
        }
        Ok(Tree::Map(all))
    }
}
