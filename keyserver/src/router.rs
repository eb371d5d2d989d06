//! The whole service as a router.

use axum::Router;

use crate::middleware::App;
use crate::state::AppState;

/// The service for all requests.
pub fn router(state: AppState) -> Router {
    Router::new().fallback_service(App::new(state))
}
