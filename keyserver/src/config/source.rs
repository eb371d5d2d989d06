//! From text and environment to a tree that knows the line of each of its keys.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::de::{DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use serde_saphyr::Spanned;

use super::shape::{self, Shape};

/// No configuration is larger than this; what is, is no configuration (a device, a wrong file).
const MAX_BYTES: u64 = 1 << 20;
/// Variables that configure begin so; the parts of a key are joined by two underscores.
const PREFIX: &str = "DOCKPASS__";

/// One thing that is wrong. Names the key and the line, never the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// Line in the file, from 1.
    pub line: Option<u64>,
    /// `section.key`, or the name of the environment variable, or empty.
    pub key: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// Everything that is wrong with a configuration, in the order of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblems(pub Vec<ConfigProblem>);

impl ConfigProblems {
    /// One problem that belongs to no key.
    pub(super) fn one(line: Option<u64>, message: impl Into<String>) -> Self {
        Self(vec![ConfigProblem { line, key: String::new(), message: message.into() }])
    }
}

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted: Vec<&ConfigProblem> = self.0.iter().collect();
        sorted.sort_by_key(|problem| problem.line);
        for (index, problem) in sorted.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigProblems {}

/// The text of a configuration file.
pub(super) fn read(path: &Path) -> Result<String, ConfigProblems> {
    let failed = |reason: &dyn fmt::Display| {
        ConfigProblems::one(None, format!("{} cannot be read: {reason}", path.display()))
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

/// Values by key, and where each came from.
#[derive(Debug)]
pub(super) struct Tree {
    value: Value,
    /// `registries[0].url` → line.
    lines: BTreeMap<String, u64>,
    /// `session.key_files` → the variable that set it.
    variables: BTreeMap<String, String>,
}

impl Tree {
    /// The tree of a YAML document; an empty one is an empty tree.
    pub(super) fn parse(text: &str) -> Result<Self, ConfigProblems> {
        let node: Option<Spanned<Node>> = serde_saphyr::from_str(text).map_err(|error| {
            // The parser's own snippet and message may show neighbouring lines, which may hold a secret.
            let line = error.location().map(|location| location.line());
            let message = if error.to_string().contains("duplicate") {
                "a key is written twice"
            } else {
                "this is not YAML"
            };
            ConfigProblems::one(line.filter(|line| *line > 0), message)
        })?;
        let mut lines = BTreeMap::new();
        let value = match node {
            Some(node) => node.value.flatten("", &mut lines),
            None => Value::Null,
        };
        match value {
            Value::Null => Ok(Self { value: Value::Object(Map::new()), lines, variables: BTreeMap::new() }),
            Value::Object(_) => Ok(Self { value, lines, variables: BTreeMap::new() }),
            _ => Err(ConfigProblems::one(
                Some(1),
                "the file must hold keys with values (`listen: 127.0.0.1:8780`)",
            )),
        }
    }

    /// Puts `DOCKPASS__SECTION__KEY` variables over the file. What a variable's text means is decided by the type of
    /// its key: text stays text, everything else is read as YAML (`[a, b]`, `true`, `300`).
    pub(super) fn overlay(
        &mut self,
        environment: impl IntoIterator<Item = (String, String)>,
        shape: &Shape,
    ) -> Vec<ConfigProblem> {
        let mut problems = Vec::new();
        for (name, text) in environment {
            let Some(rest) = name.strip_prefix(PREFIX) else { continue };
            let path: Vec<String> = rest.split("__").map(str::to_ascii_lowercase).collect();
            let problem =
                |message: &str| ConfigProblem { line: None, key: name.clone(), message: message.to_owned() };
            let Some(leaf) = shape::find(shape, &path) else {
                problems.push(problem("there is no such key"));
                continue;
            };
            let value = if leaf.is_text() {
                Some(Value::String(text))
            } else {
                serde_saphyr::from_str::<Node>(&text).ok().map(|node| node.flatten("", &mut BTreeMap::new()))
            };
            match value {
                Some(value) => {
                    self.variables.insert(path.join("."), name.clone());
                    set(&mut self.value, &path, value);
                }
                None => problems.push(problem("the value is not YAML")),
            }
        }
        problems
    }

    /// The values.
    pub(super) fn value(&self) -> &Value {
        &self.value
    }

    /// A problem with this key, at its line or under its variable's name.
    pub(super) fn problem(&self, key: &str, message: impl Into<String>) -> ConfigProblem {
        let mut parent = key;
        loop {
            if let Some(name) = self.variables.get(parent) {
                return ConfigProblem { line: None, key: name.clone(), message: message.into() };
            }
            if let Some(line) = self.lines.get(parent) {
                return ConfigProblem { line: Some(*line), key: key.to_owned(), message: message.into() };
            }
            match parent.rfind(['.', '[']).and_then(|at| parent.get(..at)) {
                Some(shorter) => parent = shorter,
                None => return ConfigProblem { line: None, key: key.to_owned(), message: message.into() },
            }
        }
    }

    /// The typed configuration. The shape was compared before, so that this fails only for what the shape cannot say.
    pub(super) fn decode<T: DeserializeOwned>(&self) -> Result<T, ConfigProblems> {
        serde_path_to_error::deserialize(&self.value).map_err(|error| {
            let key = error.path().to_string();
            let message = without_value(&error.inner().to_string());
            ConfigProblems(vec![self.problem(&key, message)])
        })
    }
}

/// A serde message without the value that it quotes.
fn without_value(message: &str) -> String {
    match message.split_once("expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => "this value is not accepted here".to_owned(),
    }
}

fn set(value: &mut Value, path: &[String], new: Value) {
    let Some((first, rest)) = path.split_first() else {
        *value = new;
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    if let Value::Object(map) = value {
        set(map.entry(first.clone()).or_insert(Value::Null), rest, new);
    }
}

/// A YAML node with the places of its children.
#[derive(Debug)]
enum Node {
    Map(Vec<(Spanned<String>, Spanned<Node>)>),
    Seq(Vec<Spanned<Node>>),
    Scalar(Value),
}

impl Node {
    fn flatten(self, path: &str, lines: &mut BTreeMap<String, u64>) -> Value {
        match self {
            Self::Scalar(value) => value,
            Self::Seq(items) => Value::Array(
                items
                    .into_iter()
                    .enumerate()
                    .map(|(index, item)| {
                        let path = format!("{path}[{index}]");
                        lines.insert(path.clone(), item.referenced.line());
                        item.value.flatten(&path, lines)
                    })
                    .collect(),
            ),
            Self::Map(entries) => Value::Object(
                entries
                    .into_iter()
                    .map(|(key, item)| {
                        let path =
                            if path.is_empty() { key.value.clone() } else { format!("{path}.{}", key.value) };
                        lines.insert(path.clone(), key.referenced.line());
                        let value = item.value.flatten(&path, lines);
                        (key.value, value)
                    })
                    .collect(),
            ),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(Node::Seq(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut all = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            all.push(entry);
        }
        Ok(Node::Map(all))
    }
}
