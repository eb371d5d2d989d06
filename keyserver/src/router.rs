//! Every route, then the middleware.

use axum::Router;
use axum::routing::{any, get, post};
use dockpass_protocol::api;

use crate::handlers::{gateway, health, keys, page, registries, session, sessions, token};
use crate::middleware;
use crate::state::AppState;

/// The service for all requests.
pub fn router(state: AppState) -> Router {
    let api = Router::new()
        .route(api::SESSIONS, post(sessions::post))
        .route(api::SESSION, get(session::get).put(session::put).delete(session::delete))
        .route(api::TOKEN, post(token::post))
        .route(api::REGISTRIES, get(registries::get))
        .route(api::KEYS, get(keys::get))
        .route("/openapi.json", get(crate::openapi::get))
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready));
    let api = middleware::api(api, &state);
    let relay = middleware::relay(Router::new().route("/r/{*path}", any(gateway::any)), &state);
    let page = Router::new().fallback(page::get);
    middleware::all(api.merge(relay).merge(page), &state).with_state(state)
}
