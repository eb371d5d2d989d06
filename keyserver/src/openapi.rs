//! `GET /openapi.json`.

use axum::response::{IntoResponse, Response};

/// The document.
pub(crate) async fn get() -> Response {
    axum::Json(serde_json::json!({ "openapi": "3.1.0" })).into_response()
}
