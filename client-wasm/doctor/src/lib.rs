//! The doctor for browsers: JavaScript bindings of `dockpass_protocol::doctor`.
//!
//! A separate module that a page loads after a failure, so that the main module stays small (decision 0023). Its one export
//! is wrapped by `dockpass/doctor` of the npm package and is not a public API.

mod request;

use dockpass_protocol::doctor::diagnose;
use wasm_bindgen::prelude::wasm_bindgen;

/// Diagnoses a request, in the form that [`request::read`] describes. Returns the code, the hop or nothing, the fix, and then
/// what was observed and its value, in turn, all separated by NUL; `None` if the request is malformed.
#[wasm_bindgen(js_name = diagnose)]
pub fn diagnose_text(request: &str) -> Option<String> {
    let (steps, context) = request::read(request)?;
    let diagnosis = diagnose(&steps, &context);
    let mut text = String::with_capacity(512);
    text.push_str(diagnosis.code.as_str());
    let hop = diagnosis.hop.map_or("", |hop| hop.as_str());
    let evidence = diagnosis.evidence.iter().flat_map(|evidence| [evidence.what, &evidence.value]);
    // All are sentences, codes and values of visible ASCII.
    for part in [hop, diagnosis.fix].into_iter().chain(evidence) {
        text.push('\0');
        text.push_str(part);
    }
    Some(text)
}

/// The version of this module. The loader compares it with its own.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// As in the main module.
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();
