//! Sections: structs whose keys, types, defaults, bounds and descriptions are written down once, in [`section!`].
//!
//! From that one list follow the struct, its defaults, its reader, the names of the environment variables, and the JSON
//! schema. The reader does not stop at the first problem: a value that cannot be used is reported, and its default
//! stands in until all others have been read.

use serde_json::{Map, Value as Json, json};

use super::kind::Kind;
use super::node::{Entry, Node, Value};
use super::problem::ConfigProblems;

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

/// A struct made by [`section!`].
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

/// Defines a section: per key its description, its name in YAML, the field, the field's type, the default, and the kind
/// of value ([`super::kind`]) that reads it and says what is allowed.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $vis:vis struct $name:ident {
            $(
                $(#[doc = $doc:literal])+
                $key:literal: $kind:expr => $field:ident: $type:ty = $default:expr;
            )*
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug)]
        $vis struct $name {
            $( $(#[doc = $doc])+ $vis $field: $type, )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $default, )* }
            }
        }

        impl $crate::config::section::Section for $name {
            fn fields() -> Vec<$crate::config::section::Field> {
                let default = Self::default();
                vec![ $(
                    $crate::config::section::Field::new($key, concat!($($doc, "\n"),+), &$kind, &default.$field),
                )* ]
            }

            fn read(
                node: &$crate::config::node::Node,
                reader: &mut $crate::config::section::Reader,
            ) -> Self {
                let mut section = Self::default();
                for entry in reader.entries(node) {
                    match entry.key.as_str() {
                        $( $key => if let Some(value) = reader.field(entry, &$kind) { section.$field = value; }, )*
                        _ => reader.unknown(entry, &[$($key),*]),
                    }
                }
                section
            }

            fn write(&self) -> serde_json::Value {
                use $crate::config::kind::Kind as _;
                let default = Self::default();
                let mut written = serde_json::Map::new();
                $( {
                    let value = $kind.write(&self.$field);
                    if value != $kind.write(&default.$field) {
                        written.insert($key.to_owned(), value);
                    }
                } )*
                written.into()
            }
        }
    };
}
pub(super) use section;
