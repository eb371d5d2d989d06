//! What reading, the JSON schema and the environment variables know of a key: its kind of value, its place in a section,
//! and the reader that reports what is wrong with it.

use serde_json::{Map, Value as Json, json};

use super::node::{Entry, Node, Value};
use super::problem::ConfigProblems;

/// How the value of a key is read.
pub(super) trait Kind {
    /// What it becomes.
    type Value;

    /// The value, or `None` after a problem was reported.
    fn read(&self, node: &Node, reader: &mut Reader) -> Option<Self::Value>;

    /// The JSON schema of what may be written.
    fn schema(&self) -> Map<String, Json>;

    /// The value as it would be written.
    fn write(&self, value: &Self::Value) -> Json;

    /// Whether it is written as text, so that an environment variable is taken as it stands.
    fn is_text(&self) -> bool {
        false
    }

    /// The keys below it, for a section.
    fn fields(&self) -> Option<Vec<Field>> {
        None
    }
}

/// One key of a section, for everything but reading.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) key: &'static str,
    /// The schema of its value, with description and default.
    pub(super) schema: Json,
    /// Whether a variable's text is its value as it stands.
    pub(super) is_text: bool,
    /// The keys of a section.
    pub(super) fields: Option<Vec<Self>>,
}

impl Field {
    pub(super) fn new<K: Kind>(key: &'static str, doc: &str, kind: &K, default: &K::Value) -> Self {
        let mut schema = kind.schema();
        schema.insert("description".to_owned(), description(doc).into());
        let fields = kind.fields();
        if fields.is_none() {
            schema.insert("default".to_owned(), kind.write(default));
        }
        Self { key, schema: schema.into(), is_text: kind.is_text(), fields }
    }
}

/// A doc comment as plain text: one line per paragraph, without the marks of Markdown links.
fn description(doc: &str) -> String {
    let paragraphs: Vec<String> =
        doc.split("\n\n").map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    paragraphs.join("\n\n").trim().to_owned()
}

/// A struct made by the macro `section!`.
pub(super) trait Section: Default {
    /// Its keys.
    fn fields() -> Vec<Field>;

    /// The values of this map; every problem goes to `reader`.
    fn read(node: &Node, reader: &mut Reader) -> Self;

    /// The keys and values that are not their defaults, as they would be written.
    fn write(&self) -> Json;
}

/// The JSON schema of a map with these keys and no others.
pub(super) fn schema(fields: Vec<Field>) -> Map<String, Json> {
    let properties: Map<String, Json> =
        fields.into_iter().map(|field| (field.key.to_owned(), field.schema)).collect();
    object(&json!({ "type": "object", "additionalProperties": false, "properties": properties }))
}

/// The map of a JSON object.
pub(super) fn object(json: &Json) -> Map<String, Json> {
    json.as_object().cloned().unwrap_or_default()
}

/// Where reading is, and what was found to be wrong.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) problems: ConfigProblems,
    /// The key that is being read: `registries[0].url`.
    path: String,
}

impl Reader {
    /// Reports a problem with this value, which is the one that is being read.
    pub(super) fn wrong(&mut self, node: &Node, message: impl Into<String>) {
        self.problems.push(Some(node.place.clone()), self.path.clone(), message);
    }

    /// Reads further down: `.key` or `[index]`.
    pub(super) fn below<T>(&mut self, part: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        self.path.push_str(if length == 0 { part.trim_start_matches('.') } else { part });
        let value = read(self);
        self.path.truncate(length);
        value
    }

    /// The entries of a section.
    pub(super) fn entries<'n>(&mut self, node: &'n Node) -> &'n [Entry] {
        match &node.value {
            Value::Map(entries) => entries,
            // All keys of the section are commented out.
            Value::Null => &[],
            _ => {
                self.wrong(node, "expected a section with keys of its own");
                &[]
            }
        }
    }

    /// The value of one key.
    pub(super) fn field<K: Kind>(&mut self, entry: &Entry, kind: &K) -> Option<K::Value> {
        self.below(&format!(".{}", entry.key), |reader| kind.read(&entry.node, reader))
    }

    /// Reports a key that the section does not have.
    pub(super) fn unknown(&mut self, entry: &Entry, known: &[&str]) {
        let near = known
            .iter()
            .map(|known| (strsim::damerau_levenshtein(known, &entry.key), known))
            .filter(|(distance, _)| *distance <= 2)
            .min();
        let message = match near {
            Some((_, near)) => format!("unknown key; did you mean `{near}`?"),
            None => format!("unknown key; the keys here are: {}", known.join(", ")),
        };
        self.below(&format!(".{}", entry.key), |reader| {
            let path = reader.path.clone();
            reader.problems.push(Some(entry.place.clone()), path, message);
        });
    }
}
