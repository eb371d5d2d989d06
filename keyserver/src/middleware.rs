//! The middleware of all requests, in order.
//!
//! One function and not a stack of layers: every layer of axum boxes its future and clones its service, for every request.

mod cors;
mod finish;
mod guard;

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use dockpass_protocol::code::ErrorCode;
use futures_util::FutureExt;
use tower::Service;
use tower_http::cors::Cors;

use crate::error::ApiError;
use crate::routes::{Area, Routes};
use crate::state::AppState;
use finish::Begun;
pub(crate) use guard::MAX_REQUEST_LINE;

/// The service for all requests. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct App {
    checked: Checked,
    /// With it, if pages of other origins are allowed.
    cors: Option<Cors<Checked>>,
}

impl App {
    pub(crate) fn new(state: AppState) -> Self {
        let cors = cors::layer(&state);
        let checked = Checked { routes: Routes::new(&state), state };
        Self { cors: cors.map(|layer| tower::Layer::layer(&layer, checked.clone())), checked }
    }

    /// Responds to a request. What happens on the way, a panic included, the response has the headers of all responses.
    pub(crate) async fn respond(&self, mut request: Request) -> Response {
        let state = &self.checked.state;
        let begun = Begun::new(state, &mut request);
        let response = AssertUnwindSafe(begun.trace(self.shaped(request))).catch_unwind().await;
        begun.finish(state, response.unwrap_or_else(|_panic| panicked()))
    }

    async fn shaped(&self, request: Request) -> Response {
        if let Err(error) = guard::shape(&self.checked.state, &request) {
            return error.into_response();
        }
        match &self.cors {
            None => self.checked.respond(request).await,
            Some(cors) => {
                let Ok(response) = cors.clone().call(request).await;
                cors::resource_policy(response)
            }
        }
    }
}

/// A panic is a bug; its message is not sent to the client, since it may contain any value.
fn panicked() -> Response {
    ApiError::from(ErrorCode::Internal).into_response()
}

impl Service<Request> for App {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let app = self.clone();
        Box::pin(async move { Ok(app.respond(request).await) })
    }
}

/// The routes, with what is checked before each area of them.
#[derive(Clone, Debug)]
struct Checked {
    state: AppState,
    routes: Routes,
}

impl Checked {
    async fn respond(&self, request: Request) -> Response {
        let area = Area::of(request.uri().path());
        if area != Area::Page
            && let Err(error) = guard::foreign_pages(&self.state, &request)
        {
            return if area == Area::Api {
                finish::no_store(error.into_response())
            } else {
                error.into_response()
            };
        }
        match area {
            // Timeouts per hop, because a large blob takes long.
            // Boxed: every connection has room for the largest future, and most are idle.
            Area::Gateway => Box::pin(self.routes.gateway(&self.state, request)).await,
            Area::Page => Routes::page(&self.state, &request),
            Area::Api => {
                // One timeout for the whole request, including requests to token services.
                let limit = self.state.settings.limits.request_timeout;
                let response = match tokio::time::timeout(limit, self.routes.api(&self.state, request)).await
                {
                    Ok(response) => response,
                    Err(_) => ApiError::from(ErrorCode::UpstreamTimeout).into_response(),
                };
                finish::no_store(response)
            }
        }
    }
}

impl Service<Request> for Checked {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let checked = self.clone();
        Box::pin(async move { Ok(checked.respond(request).await) })
    }
}
