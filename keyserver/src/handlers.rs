//! One module per resource: each handler extracts, calls one service, and responds.

mod extract;
pub(crate) use extract::Peer;
pub(crate) mod gateway;
pub(crate) mod health;
pub(crate) mod keys;
pub(crate) mod page;
pub(crate) mod registries;
pub(crate) mod session;
pub(crate) mod sessions;
pub(crate) mod token;
