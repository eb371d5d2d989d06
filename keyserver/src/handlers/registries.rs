//! The configured registries.

use axum::Json;
use axum::extract::State;
use dockpass_protocol::api::RegistryList;

use crate::state::AppState;

/// `GET /v1/registries`.
#[utoipa::path(
    get,
    path = "/v1/registries",
    summary = "The configured registries",
    responses((status = 200, description = "In the order of the configuration", body = RegistryList)),
)]
pub(crate) async fn get(State(state): State<AppState>) -> Json<RegistryList> {
    Json(RegistryList { registries: state.registries.iter().map(|registry| registry.info()).collect() })
}
