//! `GET /openapi.json`: the API as OpenAPI 3.1, generated from the handlers and their types.

use axum::response::{IntoResponse, Response};
use dockpass_protocol::api::{ProblemDocument, SESSION_COOKIE_PREFIX};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::handlers::{gateway, health, keys, registries, session, sessions, token};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "dockpass key server",
        description = "Lets a web page talk to container registries without storing a password. Every error is an \
                       RFC 9457 problem document with a stable `code`."
    ),
    paths(
        sessions::post,
        session::get,
        session::delete,
        session::put,
        token::post,
        registries::get,
        keys::get,
        gateway::any,
        health::live,
        health::ready,
    ),
    components(schemas(ProblemDocument)),
    modifiers(&Carriers),
)]
struct Document;

/// The two carriers of a session.
struct Carriers;

impl Modify for Carriers {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWE")
            .description(Some("The sealed session of a login with `\"carrier\": \"bearer\"`."))
            .build();
        let cookie = ApiKey::Cookie(ApiKeyValue::with_description(
            format!("{SESSION_COOKIE_PREFIX}*"),
            "The sealed session of a login with `\"carrier\": \"cookie\"`; `*` is 16 hex digits of the SHA-256 of the \
             registry's name. From the key server's own pages only, and with the header X-Dockpass for everything that \
             is more than reading."
                .to_owned(),
        ));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("session", SecurityScheme::Http(bearer));
        components.add_security_scheme("session_cookie", SecurityScheme::ApiKey(cookie));
    }
}

/// `GET /openapi.json`.
pub(crate) async fn get() -> Response {
    axum::Json(Document::openapi()).into_response()
}

#[cfg(test)]
mod error_table;
#[cfg(test)]
mod tests;
