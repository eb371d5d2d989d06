//! The shape of a configuration, read off the defaults: which keys there are and what each holds.
//!
//! Comparing with it finds every unknown key and every wrong type in one pass, where a typed parser stops at the first.

use serde_json::{Map, Value};

use super::source::{ConfigProblem, Tree};
use super::{Config, RegistryConfig};

/// What a key holds.
#[derive(Debug)]
pub(super) enum Shape {
    /// These keys.
    Section(Map<String, Value>),
    /// A list of registries.
    Registries(Map<String, Value>),
    /// One value like this default.
    Leaf(Value),
}

impl Shape {
    /// Whether the key holds text, so that what looks like a number in an environment variable is none.
    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Leaf(Value::String(_) | Value::Null))
    }
}

/// The shape of [`Config`].
pub(super) fn of_config() -> Shape {
    Shape::Section(keys(serde_json::to_value(Config::default())))
}

/// What this path leads to.
pub(super) fn find(shape: &Shape, path: &[String]) -> Option<Shape> {
    let Shape::Section(keys) = shape else { return None };
    let (first, rest) = path.split_first()?;
    let child = child(first, keys.get(first)?);
    if rest.is_empty() { (!matches!(child, Shape::Section(_))).then_some(child) } else { find(&child, rest) }
}

/// Everything in the tree that has not this shape.
pub(super) fn compare(tree: &Tree, shape: &Shape) -> Vec<ConfigProblem> {
    let mut problems = Vec::new();
    walk(tree, tree.value(), shape, "", &mut problems);
    problems
}

fn walk(tree: &Tree, value: &Value, shape: &Shape, path: &str, problems: &mut Vec<ConfigProblem>) {
    match (shape, value) {
        // `section:` with nothing after it means its defaults, but serde would want a map.
        (Shape::Section(keys), Value::Object(map)) => {
            for (key, value) in map {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match keys.get(key) {
                    Some(default) => walk(tree, value, &child(key, default), &path, problems),
                    None => problems.push(tree.problem(&path, unknown(key, keys))),
                }
            }
        }
        (Shape::Section(_), _) => {
            problems.push(tree.problem(path, "expected a section with keys of its own"));
        }
        (Shape::Registries(keys), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                walk(tree, item, &Shape::Section(keys.clone()), &format!("{path}[{index}]"), problems);
            }
        }
        (Shape::Registries(_), _) => problems.push(tree.problem(path, "expected a list of registries")),
        (Shape::Leaf(default), value) => {
            let (fits, expected) = match default {
                Value::Bool(_) => (value.is_boolean(), "expected true or false"),
                Value::Number(_) => (value.is_u64(), "expected a whole number that is not negative"),
                Value::Array(_) => {
                    let texts = value.as_array().is_some_and(|items| items.iter().all(Value::is_string));
                    (texts, "expected a list of texts")
                }
                Value::Null => (value.is_string() || value.is_null(), "expected text"),
                Value::String(_) | Value::Object(_) => (value.is_string(), "expected text"),
            };
            if !fits {
                problems.push(tree.problem(path, expected));
            }
        }
    }
}

fn child(key: &str, default: &Value) -> Shape {
    match default {
        Value::Object(keys) => Shape::Section(keys.clone()),
        Value::Array(_) if key == "registries" => {
            Shape::Registries(keys(serde_json::to_value(RegistryConfig::default())))
        }
        other => Shape::Leaf(other.clone()),
    }
}

fn keys(value: Result<Value, serde_json::Error>) -> Map<String, Value> {
    match value {
        Ok(Value::Object(map)) => map,
        // The defaults always serialize to an object; an empty shape would refuse every key, which a test would show.
        _ => Map::new(),
    }
}

fn unknown(key: &str, keys: &Map<String, Value>) -> String {
    let near = keys.keys().find(|known| distance(known, key) <= 2);
    let known: Vec<&str> = keys.keys().map(String::as_str).collect();
    match near {
        Some(near) => format!("unknown key; did you mean `{near}`?"),
        None => format!("unknown key; here can stand: {}", known.join(", ")),
    }
}

/// Edit distance, for the suggestion.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or(usize::MAX);
            let diagonal = row.get(j).copied().unwrap_or(usize::MAX);
            let left = next.last().copied().unwrap_or(usize::MAX);
            next.push((above + 1).min(left + 1).min(diagonal + usize::from(x != *y)));
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}
