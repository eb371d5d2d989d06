//! How a call ends without what was wanted, and how JavaScript hears of it.
//!
//! Every error crosses the boundary as a plain object with the fields of `DockpassError` (`npm/lib/error.js` makes the
//! `Error` of it, so that its stack is the caller's). Messages are constant sentences: no input, no secret.

use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::flow::{FlowError, Hop};
use js_sys::Object;
use wasm_bindgen::JsValue;

use crate::object;

/// A failed call.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// Stable code: an [`ErrorCode`], or one of the `ERR_…` of wrong input.
    pub(crate) code: &'static str,
    /// One constant sentence.
    pub(crate) message: &'static str,
    /// Which hop failed.
    pub(crate) step: Option<Hop>,
    /// HTTP status of the answer that led to it.
    pub(crate) status: Option<u16>,
    /// Milliseconds to wait, with `rate_limited`.
    pub(crate) retry_after_ms: Option<u64>,
    /// The key server's request id.
    pub(crate) request_id: Option<String>,
    /// What the caller's signal was aborted with.
    pub(crate) cause: Option<JsValue>,
}

impl Failure {
    /// Wrong input, found without asking anyone.
    pub(crate) const fn input(code: &'static str, message: &'static str) -> Self {
        Self { code, message, step: None, status: None, retry_after_ms: None, request_id: None, cause: None }
    }

    /// An argument that is not what the documentation says.
    pub(crate) const fn argument(message: &'static str) -> Self {
        Self::input("ERR_INVALID_ARGUMENT", message)
    }

    /// Something that went wrong at a hop.
    pub(crate) fn at(code: ErrorCode, hop: Hop) -> Self {
        Self { step: Some(hop), ..Self::input(code.as_str(), code.sentence()) }
    }

    /// The caller's signal fired.
    pub(crate) fn aborted(reason: JsValue) -> Self {
        Self {
            cause: Some(reason),
            ..Self::input(ErrorCode::Aborted.as_str(), ErrorCode::Aborted.sentence())
        }
    }

    /// Whether it is of this code.
    pub(crate) fn is(&self, code: ErrorCode) -> bool {
        self.code == code.as_str()
    }

    /// The code, unless it is one of wrong input.
    pub(crate) fn error_code(&self) -> ErrorCode {
        self.code.parse().unwrap_or(ErrorCode::Internal)
    }

    /// The form in which a flow takes it.
    pub(crate) fn to_flow(&self) -> FlowError {
        FlowError {
            code: self.error_code(),
            hop: self.step.unwrap_or(Hop::KeyServer),
            status: self.status,
            retry_after_ms: self.retry_after_ms,
        }
    }
}

impl From<FlowError> for Failure {
    fn from(error: FlowError) -> Self {
        Self { status: error.status, retry_after_ms: error.retry_after_ms, ..Self::at(error.code, error.hop) }
    }
}

impl From<Failure> for JsValue {
    #[expect(clippy::cast_precision_loss, reason = "waiting times are below 2^53 ms")]
    fn from(failure: Failure) -> Self {
        let fields = Object::new();
        object::set(&fields, "code", failure.code);
        object::set(&fields, "message", failure.message);
        object::set_some(&fields, "step", failure.step.map(object::hop));
        object::set_some(&fields, "status", failure.status);
        object::set_some(&fields, "retryAfter", failure.retry_after_ms.map(|wait| wait as f64));
        object::set_some(&fields, "requestId", failure.request_id);
        object::set_some(&fields, "cause", failure.cause);
        fields.into()
    }
}
