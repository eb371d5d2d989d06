//! The browser's half of dockpass: what `protocol` decides, bound to JavaScript.
//!
//! Nothing of the protocol is decided here, and nothing is sent from here. The pure functions convert, call and convert
//! back through [`boundary`]; a [`flow`] tells the driver in `npm/lib/` what to send next. The npm package `dockpass`
//! (`npm/`) wraps this module's exports, which are no public interface: they change with it, in step.

pub mod boundary;
pub mod challenge;
pub mod client;
pub mod flow;
mod json;
pub mod jwt;
pub mod reference;
pub mod scope;
mod state;
pub mod token;
mod token_cache;

use wasm_bindgen::prelude::wasm_bindgen;

/// The version of this module, for the loader to compare with its own. Returns a string.
#[wasm_bindgen]
pub fn version() -> boundary::OutputLength {
    let mut json = json::Json::default();
    json.string(env!("CARGO_PKG_VERSION"));
    boundary::write_output(json)
}

/// Smaller than the standard library's by 2 kB gzipped, in constant time and without `unsafe` here.
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();
