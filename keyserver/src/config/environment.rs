//! Environment variables over the file.

use super::field::Field;
use super::node::{Node, Value};
use super::problem::{ConfigProblems, Place};

/// Prefix of the variables that override keys; the parts of a key are joined by two underscores.
const PREFIX: &str = "DOCKPASS__";

/// Puts `DOCKPASS__SECTION__KEY` variables over the file. The type of the key decides how a variable is read: text is
/// taken as it is, everything else as YAML (`[a, b]`, `true`, `300`).
pub(super) fn overlay(
    root: &mut Node,
    environment: impl IntoIterator<Item = (String, String)>,
    fields: &[Field],
    problems: &mut ConfigProblems,
) {
    for (name, text) in environment {
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        let path: Vec<String> = rest.split("__").map(str::to_ascii_lowercase).collect();
        let place = Place::Variable(name.clone());
        let Some(leaf) = find(fields, &path) else {
            problems.push(Some(place), "", "there is no such key");
            continue;
        };
        let value = if leaf.is_text {
            Some(Node { place: place.clone(), value: Value::Text(text) })
        } else {
            Node::parse_variable(name, &text)
        };
        match value {
            Some(value) => root.set(&path, &place, value),
            None => problems.push(Some(place), "", "the value is not valid YAML"),
        }
    }
}

/// The field that this path leads to, unless it is a section.
fn find<'a>(fields: &'a [Field], path: &[String]) -> Option<&'a Field> {
    let (first, rest) = path.split_first()?;
    let field = fields.iter().find(|field| field.key == first)?;
    match (&field.fields, rest) {
        (None, []) => Some(field),
        (Some(fields), [_, ..]) => find(fields, rest),
        _ => None,
    }
}
