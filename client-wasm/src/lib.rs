//! The browser's half of dockpass: JavaScript bindings of `protocol`.
//!
//! This crate decides nothing and sends nothing. The pure functions convert their arguments and results through
//! [`boundary`]; a [`flow`] returns what the driver in `npm/lib/` sends next. The npm package `dockpass` (`npm/`) wraps
//! the exports, which are not a public API and change together with it.

pub mod boundary;
#[cfg(feature = "syntax")]
pub mod challenge;
#[cfg(feature = "flow")]
pub mod client;
#[cfg(feature = "flow")]
pub mod flow;
#[cfg(feature = "rest")]
pub mod grants;
mod json;
#[cfg(feature = "syntax")]
pub mod jwt;
#[cfg(feature = "rest")]
pub mod reference;
#[cfg(feature = "rest")]
pub mod response;
#[cfg(feature = "rest")]
pub mod scope;
#[cfg(feature = "flow")]
mod state;
#[cfg(feature = "rest")]
pub mod token;
#[cfg(feature = "flow")]
mod token_cache;

use wasm_bindgen::prelude::wasm_bindgen;

/// The version of this module. The loader compares it with its own. Returns a string.
#[wasm_bindgen]
pub fn version() -> boundary::OutputLength {
    let mut json = json::Json::default();
    json.string(env!("CARGO_PKG_VERSION"));
    boundary::write_output(json)
}

/// 2 kB smaller (gzip) than the standard library's allocator, and allocates in constant time.
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();
