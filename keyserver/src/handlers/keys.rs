//! The public keys.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::session::keyring::Jwk;
use crate::state::AppState;

/// Public keys (RFC 7517 §5).
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct JwkSet {
    keys: Vec<Jwk>,
}

/// `GET /v1/keys`: a JWK set (RFC 7517 §5), the sealing key first. The public keys do not allow forging a session:
/// its inner signature uses a key that is derived from the private one.
#[utoipa::path(
    get,
    path = "/v1/keys",
    summary = "The public keys",
    responses((status = 200, description = "A JWK set, the sealing key first", body = JwkSet)),
)]
pub(crate) async fn get(State(state): State<AppState>) -> Response {
    axum::Json(JwkSet { keys: state.sessions.jwks() }).into_response()
}
