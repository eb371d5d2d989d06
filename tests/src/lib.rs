//! What the tests of dockpass stand on: the other side of the wire.
//!
//! - [`demo`]: registries and token services that run in this process, speak the four authorization flows, and
//!   refuse, with a reason, whatever the specifications forbid. `cargo xtask run` shows them to people as the
//!   `dockpass-demo` binary.
//! - [`client`]: an HTTP client that sends exactly what it is told and follows nothing.
//! - [`redis`]: a real `redis-server`, and [`fault_proxy`]: a TCP proxy that makes trouble on demand.
//! - [`untouched`]: listeners that nobody may connect to.
//!
//! Nothing here is part of the product, and nothing here uses the product's own code to decide anything.

pub mod client;
pub mod demo;
pub mod fault_proxy;
pub mod redis;
pub mod untouched;
