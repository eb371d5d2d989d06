//! Liveness and readiness.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use dockpass_protocol::api::ProblemDocument;
use dockpass_protocol::code::ErrorCode;
use http::{HeaderName, StatusCode};

use crate::error::ApiError;
use crate::state::AppState;

/// `GET /healthz`: 200 while the process responds.
#[utoipa::path(
    get,
    path = "/healthz",
    summary = "Is the process alive",
    responses((status = 200, description = "The process is alive", body = String, content_type = "text/plain")),
)]
pub(crate) async fn live() -> Response {
    // Otherwise a browser keeps this from a page of another origin, as if there were no server.
    let open = [(HeaderName::from_static("cross-origin-resource-policy"), "cross-origin")];
    (StatusCode::OK, open, "ok\n").into_response()
}

/// `GET /readyz`: 200 while new requests are accepted, 503 after shutdown has begun.
#[utoipa::path(
    get,
    path = "/readyz",
    summary = "Are requests wanted",
    responses(
        (status = 200, description = "New requests are accepted", body = String, content_type = "text/plain"),
        (status = 503, description = "The server is shutting down", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn ready(State(state): State<AppState>) -> Result<Response, ApiError> {
    if state.is_ready() {
        Ok((StatusCode::OK, "ready\n").into_response())
    } else {
        Err(ErrorCode::Overloaded.into())
    }
}
