//! The configured registries.

use axum::Json;
use axum::extract::State;
use dockpass_protocol::api::RegistryList;

use crate::state::AppState;

/// `GET /v1/registries`.
pub(crate) async fn get(State(state): State<AppState>) -> Json<RegistryList> {
    Json(RegistryList { registries: state.registries.iter().map(|registry| registry.info()).collect() })
}
