//! The doctor for browsers: JavaScript bindings of `dockpass_protocol::doctor`.
//!
//! A separate module that a page loads after a failure, so that the main module stays small (decision 0023). Its one export
//! is wrapped by `dockpass/doctor` of the npm package and is not a public API.

use dockpass_protocol::doctor::{BrowserFailure, Context, TokenSummary, diagnose};
use dockpass_protocol::flow::StepRecord;
use dockpass_protocol::jwt::inspect;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use wasm_bindgen::prelude::wasm_bindgen;

/// The input of a diagnosis: the steps, oldest first, and their context.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DiagnoseRequest {
    steps: Vec<StepRecord>,
    token: Option<SecretString>,
    /// The details about a token in an error of the client, which does not contain the token.
    claims: Option<TokenSummary>,
    registry: Option<String>,
    service: Option<String>,
    trusted_issuer: Option<String>,
    now: Option<i64>,
    skew_ms: Option<i64>,
    browser: Option<BrowserFailure>,
}

/// Diagnoses a request in JSON and returns the diagnosis in JSON; `None` if the request is malformed.
#[wasm_bindgen(js_name = diagnose)]
pub fn diagnose_json(request: &str) -> Option<String> {
    let request: DiagnoseRequest = serde_json::from_str(request).ok()?;
    let token = request.token.map(|token| TokenSummary::from(&inspect(token.expose_secret())));
    let context = Context {
        token: token.or(request.claims),
        registry: request.registry,
        service: request.service,
        trusted_issuer: request.trusted_issuer,
        now_ms: request.now,
        skew_ms: request.skew_ms,
        browser: request.browser,
    };
    serde_json::to_string(&diagnose(&request.steps, &context)).ok()
}

/// The version of this module. The loader compares it with its own.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// As in the main module.
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();
