//! The key server: sealed sessions, token broker, gateway.
//!
//! It holds the RSA key that opens a user's sealed session, requests tokens on the user's behalf, relays registry
//! requests that browsers cannot send because of CORS, and stores no password. Decisions about the protocol are in
//! `dockpass-protocol`; this crate is one of its two drivers.
//!
//! Arrows point one way: `clock`, `config`, `http_client` ← `registry`, `session` ← `broker`, `login` ← `gateway` ←
//! `state` ← `handlers` ← `routes` ← `middleware` ← `serve` ← `cli`.

mod admin;
mod alloc;
mod audit;
pub mod blocking;
mod broker;
pub mod carrier;
pub mod cli;
pub mod clock;
pub mod config;
mod descriptors;
mod error;
mod figures;
#[cfg(any(test, feature = "fuzzing"))]
#[expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a fuzz target reports what it found by a panic"
)]
pub mod fuzzing;
mod gateway;
mod handlers;
mod held_body;
pub mod http_client;
mod login;
mod metrics;
mod middleware;
mod openapi;
mod own_address;
mod page;
mod page_origins;
mod rate_limit;
pub mod recorder;
pub mod registry;
mod request_id;
pub mod resolver;
mod router;
mod routes;
pub mod secret_file;
pub mod serve;
pub mod session;
mod state;
pub mod store;
mod telemetry;
#[cfg(test)]
mod test_support;
mod tls;
mod upstream;

pub use alloc::ZeroOnFree;
pub use config::Settings;
pub use router::router;
pub use serve::{ServeError, Server, serve};
pub use state::{AppState, Builder, StartError};
pub use telemetry::WithRequestId;
