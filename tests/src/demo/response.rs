//! Responses under construction.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response};
use serde_json::{Value, json};

use super::content::{Body, Content, Pace};
use super::rules::BrokenRule;

/// Status, headers and content of a response.
#[derive(Clone, Debug)]
pub(crate) struct DemoResponse {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) content: Content,
}

impl DemoResponse {
    /// A response without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), content: Content::Bytes(Bytes::new()) }
    }

    /// These bytes with their media type.
    pub(crate) fn bytes(status: u16, media_type: &str, bytes: impl Into<Bytes>) -> Self {
        Self::empty(status).header("content-type", media_type).content(bytes)
    }

    /// A JSON document.
    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Self::bytes(status, "application/json", value.to_string())
    }

    /// Plain text, as Go's `http.Error` sends it.
    pub(crate) fn text(status: u16, text: &str) -> Self {
        Self::bytes(status, "text/plain; charset=utf-8", format!("{text}\n"))
    }

    /// One error in the distribution specification's envelope.
    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::error_with(status, code, message, &Value::Null)
    }

    /// One error in the distribution specification's envelope, with a detail.
    pub(crate) fn error_with(status: u16, code: &str, message: &str, detail: &Value) -> Self {
        let mut error = json!({ "code": code, "message": message });
        if let (Some(error), false) = (error.as_object_mut(), detail.is_null()) {
            error.insert("detail".to_owned(), detail.clone());
        }
        Self::json(status, &json!({ "errors": [error] }))
    }

    /// 400 for a violation, with the reason.
    pub(crate) fn violation(broken: &BrokenRule) -> Self {
        let detail = json!({ "rule": broken.rule.name() });
        Self::error_with(400, "FORBIDDEN_BY_SPECIFICATION", &broken.detail, &detail)
    }

    /// Sets the body, without a media type.
    #[must_use]
    pub(crate) fn content(mut self, bytes: impl Into<Bytes>) -> Self {
        self.content = Content::Bytes(bytes.into());
        self
    }

    /// Adds a header line.
    #[must_use]
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The final response, with its body at the given pace. `Err` if a scripted header is invalid.
    pub(crate) fn into_response(self, pace: Option<Pace>) -> Result<Response<Body>, http::Error> {
        let mut response = Response::builder().status(self.status);
        let bodiless = matches!(self.status, 100..=199 | 204 | 304);
        if !bodiless && !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            response = response.header("content-length", self.content.len());
        }
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes())?;
            let value = HeaderValue::from_bytes(value.as_bytes())?;
            response = response.header(name, value);
        }
        response.body(match pace {
            None => self.content.into_body(),
            Some(pace) => pace.apply(self.content),
        })
    }
}
