//! Parsers for header fields, JSON and tokens. They find the parts and decide nothing.
//!
//! This is the lowest layer of `dockpass-protocol`; depend on that crate instead. It is a separate crate because it is
//! compiled for speed in the browser's module, where all other code is compiled for size (decision 0022).
#![forbid(unsafe_code)]

pub mod challenge;
pub mod json;
pub mod jwt;
mod octets;
mod resource;
pub mod tape;

pub use resource::{is_default_class, split_class};
