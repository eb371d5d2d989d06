//! Maps errors to the problem documents of the API.
//!
//! Handlers return [`ApiError`]; services below return their own error enums and know nothing of HTTP. The document is
//! written by the outermost middleware, which knows the request's id: until then the response carries a [`Draft`].

use axum::response::{IntoResponse, Response};
use dockpass_protocol::api::ProblemDocument;
use dockpass_protocol::code::{ErrorCode, Fault};
use dockpass_protocol::doctor::Context;
use dockpass_protocol::flow::{FlowError, Hop, StepRecord};
use http::StatusCode;

use crate::http_client::PAUSE;
use crate::recorder::Report;
use crate::session::SessionError;
use crate::store::Store;

/// After how many seconds a registry that was busy may have a place.
const BUSY_S: u64 = 1;

/// A failed request.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    code: ErrorCode,
    step: Option<Hop>,
    upstream_status: Option<u16>,
    retry_after: Option<u64>,
    steps: Vec<StepRecord>,
    context: Option<Box<Context>>,
    allowed: Option<&'static str>,
}

/// Marks a response whose problem document is not written yet.
#[derive(Clone, Debug)]
pub(crate) struct Draft(pub(crate) ApiError);

impl ApiError {
    /// The code.
    pub(crate) fn code(&self) -> ErrorCode {
        self.code
    }

    /// The upstream's status, for the log.
    pub(crate) fn upstream_status(&self) -> Option<u16> {
        self.upstream_status
    }

    /// `method_not_allowed` with the methods that are allowed (RFC 9110 §15.5.6). The router does this for its own
    /// routes.
    pub(crate) fn method_not_allowed(allowed: &'static str) -> Self {
        Self { allowed: Some(allowed), ..ErrorCode::MethodNotAllowed.into() }
    }

    /// The value of `Allow`.
    pub(crate) fn allowed(&self) -> Option<&'static str> {
        self.allowed
    }

    /// Sets after how many seconds a retry makes sense.
    #[must_use]
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Adds the steps that led here and what they do not say, if the caller requested them.
    #[must_use]
    pub(crate) fn with_report(mut self, report: Report, wanted: bool) -> Self {
        let Report { steps, context } = report;
        if wanted {
            self.steps = steps;
            self.context = (!context.is_empty()).then(|| Box::new(context));
        }
        self
    }

    /// The document.
    pub(crate) fn problem(&self, request_id: &str) -> ProblemDocument {
        let mut problem = ProblemDocument::new(self.code, request_id.to_owned());
        problem.status = self.status().as_u16();
        problem.step = self.step;
        problem.retry_after = self.retry_after;
        problem.steps.clone_from(&self.steps);
        problem.context.clone_from(&self.context);
        problem
    }

    /// Its HTTP status. Codes of the browser side cannot occur here; such a code would be a bug.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Whether it is logged as an error of the server.
    pub(crate) fn is_ours(&self) -> bool {
        self.code.fault() == Fault::Dockpass
    }
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        Self {
            code,
            step: None,
            upstream_status: None,
            retry_after: None,
            steps: Vec::new(),
            context: None,
            allowed: None,
        }
    }
}

impl From<FlowError> for ApiError {
    fn from(error: FlowError) -> Self {
        let own_wait = match error.code {
            ErrorCode::RegistryUnavailable => Some(PAUSE.as_secs()),
            ErrorCode::RegistryBusy => Some(BUSY_S),
            _ => None,
        };
        Self {
            step: (error.hop != Hop::KeyServer).then_some(error.hop),
            upstream_status: error.status,
            retry_after: error.retry_after_ms.map(|ms| ms.div_ceil(1_000)).or(own_wait),
            ..error.code.into()
        }
    }
}

impl From<SessionError> for ApiError {
    fn from(error: SessionError) -> Self {
        let retry_after = (error == SessionError::StoreUnavailable).then_some(Store::RETRY_AFTER_S);
        Self { retry_after, ..error.code().into() }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Draft(self));
        response
    }
}
