//! The doctor for browsers: `dockpass_protocol::doctor`, bound to JavaScript.
//!
//! A module of its own, which a page loads when something has failed: what a page needs to begin with stays small
//! (decision 0023). The npm package's `dockpass/doctor` wraps its one export, which is no public interface.

use dockpass_protocol::doctor::{BrowserFailure, Context, TokenSummary, diagnose};
use dockpass_protocol::flow::StepRecord;
use dockpass_protocol::jwt::inspect;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use wasm_bindgen::prelude::wasm_bindgen;

/// What is asked: the steps, oldest first, and what they do not say.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DiagnoseRequest {
    steps: Vec<StepRecord>,
    token: Option<SecretString>,
    /// What an error of the client tells of a token, which it does not show.
    claims: Option<TokenSummary>,
    registry: Option<String>,
    service: Option<String>,
    trusted_issuer: Option<String>,
    now: Option<i64>,
    skew_ms: Option<i64>,
    browser: Option<BrowserFailure>,
}

/// From a question in JSON to a diagnosis in JSON; nothing if the question cannot be read.
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

/// The version of this module, for the loader to compare with its own.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// As in the other module.
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();
