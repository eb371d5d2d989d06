//! The routes: which handler responds to a path.

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use dockpass_protocol::api;
use http::Method;
use tower::ServiceExt;

use crate::handlers::{gateway, health, keys, page, registries, session, sessions, token};
use crate::state::AppState;

/// The areas of the server, by path. Each has checks of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Area {
    /// The API, and what operators look at.
    Api,
    /// `/r/…`.
    Gateway,
    /// Everything else.
    Page,
}

const OPENAPI: &str = "/openapi.json";
pub(crate) const LIVE: &str = "/healthz";
pub(crate) const READY: &str = "/readyz";
/// The paths of the API, those with the most requests first.
const API: [&str; 8] =
    [api::TOKEN, api::SESSION, api::SESSIONS, api::REGISTRIES, api::KEYS, OPENAPI, LIVE, READY];

impl Area {
    /// The area of a path.
    pub(crate) fn of(path: &str) -> Self {
        if path.starts_with(api::GATEWAY) {
            Self::Gateway
        } else if API.contains(&path) {
            Self::Api
        } else {
            Self::Page
        }
    }
}

/// The handlers.
#[derive(Clone, Debug)]
pub(crate) struct Routes {
    api: Router,
}

impl Routes {
    pub(crate) fn new(state: &AppState) -> Self {
        let api = Router::new()
            .route(api::SESSIONS, post(sessions::post))
            .route(api::SESSION, get(session::get).put(session::put).delete(session::delete))
            .route(api::TOKEN, post(token::post))
            .route(api::REGISTRIES, get(registries::get))
            .route(api::KEYS, get(keys::get))
            .route(OPENAPI, get(crate::openapi::get))
            .route(LIVE, get(health::live))
            .route(READY, get(health::ready));
        Self { api: api.with_state(state.clone()) }
    }

    /// A path of the API.
    pub(crate) async fn api(&self, state: &AppState, request: Request) -> Response {
        // By far the most requests, and a router costs as much as the rest of a token from the cache.
        if request.method() == Method::POST && request.uri().path() == api::TOKEN {
            return token::post(State(state.clone()), request).await.into_response();
        }
        let Ok(response) = self.api.clone().oneshot(request).await;
        response
    }

    /// A path of the gateway.
    pub(crate) async fn gateway(&self, state: &AppState, request: Request) -> Response {
        gateway::any(State(state.clone()), request).await.into_response()
    }

    /// A path of the page.
    pub(crate) fn page(state: &AppState, request: &Request) -> Response {
        page::get(state, request).into_response()
    }
}
