//! What header fields and tokens are made of: from octets to parts, without deciding what anything grants.
//!
//! The lowest layer of `dockpass-protocol`, which gives these parts their meaning and is what to depend on. It is a crate of
//! its own because it alone is compiled for speed in the browser's module, where all else is compiled for size
//! (decision 0022).
#![forbid(unsafe_code)]

pub mod challenge;
pub mod json;
pub mod jwt;
mod resource;
pub mod tape;

pub use resource::{is_default_class, split_class};
