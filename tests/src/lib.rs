//! Servers and clients for the tests of dockpass.
//!
//! - [`demo`]: registries and token services that run in this process, implement the four authorization flows, and refuse
//!   requests that violate the specifications. `cargo xtask run` starts them as the `dockpass-demo` binary.
//! - [`client`]: an HTTP client that sends exactly the given headers and follows no redirects.
//! - [`redis`]: a real `redis-server`, and [`fault_proxy`]: a TCP proxy that injects faults.
//! - [`scripted`]: an upstream server whose responses a test writes as a function.
//! - [`untouched`]: listeners that must get no connection.
//!
//! None of this is part of the product, and no decision here uses the product's code.

pub mod client;
pub mod demo;
pub mod fault_proxy;
pub mod redis;
pub mod scripted;
pub mod untouched;
