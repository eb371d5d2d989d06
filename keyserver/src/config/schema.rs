//! The JSON schema of the configuration, for editors.

use serde_json::{Value as Json, json};

use super::Settings;
use super::field::{self, Section as _};

/// The JSON schema (draft 7, which editors support best) of a configuration file.
pub fn schema() -> Json {
    let mut schema = field::schema(Settings::fields());
    schema.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
    schema.insert("title".to_owned(), json!("Configuration of the dockpass key server"));
    schema.into()
}

/// [`schema`] as JSON text, which is `docs/config.schema.json`.
pub fn schema_text() -> String {
    format!("{:#}\n", schema())
}

#[cfg(test)]
mod tests;
