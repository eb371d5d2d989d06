//! What happens to every request, in one list.

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

/// Around the API's own routes: their time is bounded as a whole, and pages of other origins are heard or not.
pub(crate) fn api(router: Router<AppState>, state: &AppState) -> Router<AppState> {
    router
        .layer(from_fn_with_state(state.clone(), deadline))
        .layer(from_fn_with_state(state.clone(), guard::foreign_pages))
        .layer(from_fn(finish::no_store))
}

/// Around the gateway: its time is bounded hop by hop, since a large blob may take long.
pub(crate) fn relay(router: Router<AppState>, state: &AppState) -> Router<AppState> {
    router.layer(from_fn_with_state(state.clone(), guard::foreign_pages))
}

/// Around everything, outermost last.
pub(crate) fn all(router: Router<AppState>, state: &AppState) -> Router<AppState> {
    cors::share(router, state)
        .layer(from_fn_with_state(state.clone(), guard::shape))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(state.clone(), finish::finish))
}

/// A panic is our bug; its message stays in the log, since it may hold anything.
fn panicked(_payload: Box<dyn Any + Send + 'static>) -> Response {
    ApiError::from(ErrorCode::Internal).into_response()
}

/// The whole of an API request, its visits to token services included.
async fn deadline(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let limit = state.settings.limits.request_timeout;
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::from(ErrorCode::UpstreamTimeout).into_response(),
    }
}
