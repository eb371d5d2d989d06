//! The middleware of all requests, in order.

mod cors;
mod finish;
mod guard;

use std::any::Any;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use dockpass_protocol::code::ErrorCode;
use tower_http::catch_panic::CatchPanicLayer;

use crate::error::ApiError;
use crate::state::AppState;
pub(crate) use finish::Relayed;

/// For the API's own routes: one timeout for the whole request, and a check of the page's origin.
pub(crate) fn api(router: Router<AppState>, state: &AppState) -> Router<AppState> {
    router
        .layer(from_fn_with_state(state.clone(), deadline))
        .layer(from_fn_with_state(state.clone(), guard::foreign_pages))
        .layer(from_fn(finish::no_store))
}

/// For the gateway: timeouts per hop, because a large blob takes long.
pub(crate) fn relay(router: Router<AppState>, state: &AppState) -> Router<AppState> {
    router.layer(from_fn_with_state(state.clone(), guard::foreign_pages))
}

/// For all routes; the outermost layer is last.
pub(crate) fn all(router: Router<AppState>, state: &AppState) -> Router<AppState> {
    cors::share(router, state)
        .layer(from_fn_with_state(state.clone(), guard::shape))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(state.clone(), finish::finish))
}

/// A panic is a bug; its message is not sent to the client, since it may contain any value.
fn panicked(_payload: Box<dyn Any + Send + 'static>) -> Response {
    ApiError::from(ErrorCode::Internal).into_response()
}

/// Limits the time of an API request, including requests to token services.
async fn deadline(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let limit = state.settings.limits.request_timeout;
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::from(ErrorCode::UpstreamTimeout).into_response(),
    }
}
