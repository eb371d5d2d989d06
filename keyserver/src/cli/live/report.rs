//! What happened, for people and for programs.

use std::fmt::Write as _;

use dockpass_protocol::api::{IssuedToken, TokenForm};
use dockpass_protocol::doctor::{Diagnosis, DiagnosisCode, diagnose};
use dockpass_protocol::flow::{FlowError, StepRecord};
use serde_json::json;

use super::complete;
use crate::recorder;
use crate::registry::Registry;

/// Whether the diagnosis found a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Healthy,
    Problem,
}

/// The steps of a flow, the token that they led to, and the diagnosis.
pub(super) struct Report {
    registry: String,
    url: String,
    steps: Vec<StepRecord>,
    token: Option<IssuedToken>,
    diagnosis: Diagnosis,
}

impl Report {
    pub(super) fn new(
        registry: &Registry,
        recorded: recorder::Report,
        result: Result<Option<IssuedToken>, FlowError>,
    ) -> Self {
        let (token, error) = match result {
            Ok(token) => (token, None),
            Err(error) => (None, Some(error)),
        };
        let steps = complete(recorded.steps, error);
        let diagnosis = diagnose(&steps, &recorded.context);
        let (registry, url) = (registry.name().to_owned(), registry.origin().to_string());
        Self { registry, url, steps, token, diagnosis }
    }

    pub(super) fn outcome(&self) -> Outcome {
        if self.diagnosis.code == DiagnosisCode::Healthy { Outcome::Healthy } else { Outcome::Problem }
    }

    /// The token itself, for whoever asked for it.
    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_ref().map(|token| token.token.as_str())
    }

    /// The report, without the token.
    pub(super) fn shown(&self, as_json: bool) -> String {
        if as_json { self.json() } else { self.text() }
    }

    fn json(&self) -> String {
        let mut report = json!({
            "registry": self.registry,
            "url": self.url,
            "steps": self.steps,
            "diagnosis": self.diagnosis,
        });
        if let (Some(token), Some(fields)) = (&self.token, report.as_object_mut()) {
            let grants = json!({
                "kind": token.kind,
                "expires_in": token.expires_in,
                "granted": token.granted,
                "denied": token.denied,
                "unknown": token.unknown,
            });
            fields.insert("token".to_owned(), grants);
        }
        report.to_string()
    }

    fn text(&self) -> String {
        let mut text = format!("registry   {} at {}\n", self.registry, self.url);
        for (number, step) in (1..).zip(&self.steps) {
            _ = write!(text, "\n{number:>3}  {} {} at the {}", step.method, step.target, place(step));
            if let Some(scheme) = &step.sent {
                _ = write!(text, ", with {scheme}");
            }
            if let Some(status) = step.status {
                _ = write!(text, ": {status}");
            }
            _ = write!(text, "\n     {}", step.reason);
            if let Some(problem) = &step.problem {
                _ = write!(text, " ({problem})");
            }
            if !step.scopes.is_empty() {
                _ = write!(text, "\n     scopes: {}", step.scopes.join(" "));
            }
        }
        if !self.steps.is_empty() {
            text.push('\n');
        }
        if let Some(token) = &self.token {
            let kind = match token.kind {
                TokenForm::Jwt => "JWT",
                TokenForm::Opaque => "opaque",
            };
            _ = write!(text, "\ntoken      {kind}, expires in {} s", token.expires_in);
            for (name, scopes) in
                [("granted", &token.granted), ("denied", &token.denied), ("unknown", &token.unknown)]
            {
                if !scopes.is_empty() {
                    _ = write!(text, "\n{name:<10} {}", scopes.join(" "));
                }
            }
        }
        let Diagnosis { code, hop, evidence, fix } = &self.diagnosis;
        _ = write!(text, "\ndiagnosis  {code}");
        if let Some(hop) = hop {
            _ = write!(text, ", at the {}", hop.as_str().replace('_', " "));
        }
        if !evidence.is_empty() {
            let list: Vec<_> = evidence.iter().map(|seen| format!("{}={}", seen.what, seen.value)).collect();
            _ = write!(text, "\nevidence   {}", list.join(" "));
        }
        _ = write!(text, "\nwhat to do {fix}");
        text
    }
}

/// The server of a step, in words.
fn place(step: &StepRecord) -> String {
    step.hop.as_str().replace('_', " ")
}
