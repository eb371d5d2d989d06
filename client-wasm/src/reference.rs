//! `parseReference`.

use dockpass_protocol::reference::Reference;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::boundary::{OutputLength, Refusal, with_input, write_output};
use crate::json::Json;

/// Parses an image reference. Returns its parts.
#[wasm_bindgen]
pub fn parse_reference(length: usize) -> OutputLength {
    with_input(length, |text| match text.parse::<Reference>() {
        Ok(reference) => {
            let mut json = Json::with_capacity(length + 96);
            json.open('{');
            json.name("registry");
            json.string(reference.registry.as_str());
            json.name("repository");
            json.string(reference.repository.as_str());
            json.optional_string("tag", reference.tag.as_ref().map(AsRef::as_ref));
            json.optional_string("digest", reference.digest.as_ref().map(AsRef::as_ref));
            json.close('}');
            write_output(json)
        }
        Err(error) => Refusal {
            code: "ERR_REFERENCE_SYNTAX",
            message: format!("Reference syntax: {error}."),
            position: None,
        }
        .write_output(|_| {}),
    })
}
