//! The browser's half of dockpass: what `protocol` decides, bound to JavaScript and driven by `fetch`.
//!
//! Nothing of the protocol is decided here. The pure functions convert, call and convert back through [`boundary`]; the
//! [`client`] drives `protocol::flow` and asks the key server for tokens. The npm package `dockpass` (`npm/`) wraps this
//! module's exports, which are no public interface: they change with it, in step.
#![forbid(unsafe_op_in_unsafe_fn)]

mod account;
pub mod boundary;
pub mod challenge;
pub mod client;
mod events;
mod failure;
mod fetch;
mod flight;
mod json;
pub mod jwt;
mod key_server;
mod object;
pub mod reference;
pub mod scope;
pub mod token;
mod token_cache;
mod webcrypto;

use wasm_bindgen::prelude::wasm_bindgen;

/// The version of this module, for the loader to compare with its own.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
