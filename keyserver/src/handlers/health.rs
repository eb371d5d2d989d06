//! Is the process alive, and does it want requests?

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use dockpass_protocol::code::ErrorCode;
use http::StatusCode;

use crate::error::ApiError;
use crate::state::AppState;

/// `GET /healthz`: 200 as long as the process answers.
pub(crate) async fn live() -> Response {
    (StatusCode::OK, "ok\n").into_response()
}

/// `GET /readyz`: 200 while requests are wanted, 503 once the server stops.
pub(crate) async fn ready(State(state): State<AppState>) -> Result<Response, ApiError> {
    if state.is_ready() {
        Ok((StatusCode::OK, "ready\n").into_response())
    } else {
        Err(ErrorCode::Overloaded.into())
    }
}
