//! The doctor for browsers: JavaScript bindings of `dockpass_protocol::doctor`.
//!
//! A separate module that a page loads after a failure, so that the main module stays small (decision 0023). Its one export
//! is wrapped by `dockpass/doctor` of the npm package and is not a public API.

mod request;

use dockpass_protocol::doctor::diagnose;
use wasm_bindgen::prelude::wasm_bindgen;

/// Diagnoses a request in JSON and returns the diagnosis in JSON; `None` if the request is malformed.
#[wasm_bindgen(js_name = diagnose)]
pub fn diagnose_json(request: &str) -> Option<String> {
    let (steps, context) = request::read(request)?;
    let diagnosis = diagnose(&steps, &context);
    let mut json = String::with_capacity(512);
    member(&mut json, "{", "code", diagnosis.code.as_str());
    if let Some(hop) = diagnosis.hop {
        member(&mut json, ",", "hop", hop.as_str());
    }
    member(&mut json, ",", "fix", diagnosis.fix);
    json.push_str(",\"evidence\":[");
    for (index, evidence) in diagnosis.evidence.iter().enumerate() {
        json.push_str(if index == 0 { "" } else { "," });
        member(&mut json, "{", "what", evidence.what);
        member(&mut json, ",", "value", &evidence.value);
        json.push('}');
    }
    json.push_str("]}");
    Some(json)
}

/// Writes a member of an object. All strings are visible ASCII: sentences, codes and [`Evidence`] values.
///
/// [`Evidence`]: dockpass_protocol::doctor::Evidence
fn member(json: &mut String, start: &str, name: &str, value: &str) {
    for part in [start, "\"", name, "\":\""] {
        json.push_str(part);
    }
    for character in value.chars() {
        if matches!(character, '"' | '\\') {
            json.push('\\');
        }
        json.push(character);
    }
    json.push('"');
}

/// The version of this module. The loader compares it with its own.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// As in the main module.
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();
