//! One module per resource: each extracts, calls one service, answers.

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

use dockpass_protocol::code::ErrorCode;

use crate::error::ApiError;

/// What no route answers.
pub(crate) async fn not_found() -> ApiError {
    ErrorCode::NotFound.into()
}

/// What a route does not answer by this method.
pub(crate) async fn method_not_allowed() -> ApiError {
    ErrorCode::MethodNotAllowed.into()
}
