//! The part of dockpass that browser and key server must agree on.
//!
//! Pure: no I/O, no clock, no randomness, no async. What this crate decides, both decide.
#![forbid(unsafe_code)]

pub use dockpass_syntax::{json, tape};

pub mod address;
pub mod api;
pub mod challenge;
pub mod code;
pub mod credential;
pub mod doctor;
pub mod flow;
pub mod jwt;
pub mod link;
pub mod oci_error;
pub mod origin;
pub mod paging;
pub mod realm;
pub mod reference;
pub mod scope;
pub mod text;
pub mod token;
pub mod uri;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
