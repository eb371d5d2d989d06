//! The authorization flow as state machines without I/O.
//!
//! There are three state machines. A driver calls [`step`](ResourceFlow::step) for the next action, performs it, reports
//! the result, and repeats this until `Done` or `Fail`:
//!
//! - [`ResourceFlow`]: one request to a registry, including every challenge. Driven by `fetch` in the browser and by the
//!   gateway of the key server.
//! - [`TokenFlow`]: one token from a token service. Driven by the key server.
//! - [`LoginFlow`]: checks credentials before a session is sealed. Driven by the key server.
//!
//! Each state machine sends at most its documented number of requests. It records every step with its decision and reason
//! ([`StepRecord`]), without secrets, for the page and the logs.

mod auth;
mod http_date;
mod login;
mod record;
mod request;
mod resource;
mod retry_after;
mod token;

pub use auth::RegistryAuth;
pub use login::{LoginFlow, LoginProof, LoginStep, ProbeCredential};
pub use record::{Decision, Hop, StepRecord};
pub use resource::{ResourceFlow, ResourceOutcome, ResourceRequest, ResourceStep, TokenNeed};
pub use retry_after::Wait;
pub use token::{TokenFlow, TokenGrant, TokenOptions, TokenStep, Unusable};

use secrecy::SecretString;

use crate::code::ErrorCode;

/// The `Authorization` field that a driver attaches. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub enum Authorization {
    /// No field.
    None,
    /// `Bearer` and this registry token (RFC 6750 §2.1).
    Bearer(SecretString),
    /// `Basic` with these credentials (RFC 7617). The driver encodes them.
    Basic {
        /// User-id.
        username: String,
        /// Password.
        password: SecretString,
    },
    /// `Basic`, attached by the gateway: a page sends the request without the field.
    FromSession,
}

/// The head of a response, as the driver read it.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a> {
    /// HTTP status code.
    pub status: u16,
    /// Every `WWW-Authenticate` line, or every line of the header that the gateway relays in its place.
    pub challenges: &'a [&'a str],
    /// `Docker-Distribution-Api-Version`, if sent.
    pub api_version: Option<&'a str>,
    /// `Content-Type`, if sent.
    pub content_type: Option<&'a str>,
    /// `Retry-After`, if sent and understood (RFC 9110 §10.2.3).
    pub retry_after: Option<Wait>,
    /// `Date`, if sent, for the clock skew.
    pub date: Option<&'a str>,
    /// `Location`, if sent: the target of a redirect.
    pub location: Option<&'a str>,
}

impl<'a> ResponseHead<'a> {
    /// A head with this status and nothing else.
    pub const fn new(status: u16) -> Self {
        Self {
            status,
            challenges: &[],
            api_version: None,
            content_type: None,
            retry_after: None,
            date: None,
            location: None,
        }
    }

    /// Whether the body is an HTML page: a login form, a proxy's error, or a web server that is not a registry. A response
    /// without `Content-Type` is not, because some services send JSON without one.
    pub(crate) fn is_markup(&self) -> bool {
        self.content_type.is_some_and(|content_type| {
            let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            essence.ends_with("html") || essence.ends_with("xml")
        })
    }

    /// How far the server's clock (`Date`) is ahead of ours, in milliseconds, at most a year. 0 without `Date`, or if the
    /// resolution of `Date` and the duration of the request explain the difference.
    pub fn skew_ms(&self, now_ms: i64) -> i64 {
        let date = self.date.and_then(http_date::parse);
        let skew = date.map_or(0, |date| date.saturating_sub(now_ms)).clamp(-MAX_SKEW_MS, MAX_SKEW_MS);
        if skew.abs() > SAME_CLOCK_MS { skew } else { 0 }
    }

    /// The wait that `Retry-After` asks for, in milliseconds (see [`Wait::millis`]).
    pub(crate) fn wait_ms(&self, now_ms: Option<i64>) -> Option<u64> {
        self.retry_after?.millis(now_ms)
    }

    /// Sets the challenge lines.
    #[must_use]
    pub const fn with_challenges(mut self, lines: &'a [&'a str]) -> Self {
        self.challenges = lines;
        self
    }
}

/// Clocks that differ by no more than this count as equal: `Date` has whole seconds, and responses take time.
const SAME_CLOCK_MS: i64 = 5_000;

/// The maximum skew, a year. A larger one must not extend the lifetime of a token.
const MAX_SKEW_MS: i64 = 366 * 86_400_000;

/// Why there is no response. The driver maps the errors of its HTTP client to these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportError {
    /// No connection: refused, unknown host or reset.
    Unreachable,
    /// The TLS handshake failed.
    Tls,
    /// No response in time.
    Timeout,
    /// The response violates HTTP or a size limit.
    Invalid,
    /// A redirect that is not followed.
    Redirect,
    /// The address must not be connected to.
    AddressRefused,
    /// The caller cancelled.
    Aborted,
    /// Not sent: the server did not respond to several requests in a row.
    Suspended,
    /// Not sent: too many requests to the server are in progress.
    Busy,
    /// The body that the caller sends is malformed or ends early.
    RequestBody,
}

impl Authorization {
    /// The scheme, for records.
    pub(crate) const fn scheme(&self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Bearer(_) => Some("Bearer"),
            Self::Basic { .. } | Self::FromSession => Some("Basic"),
        }
    }
}

impl TransportError {
    /// The error code that is reported.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Unreachable | Self::AddressRefused => ErrorCode::UpstreamUnreachable,
            Self::Tls => ErrorCode::UpstreamTls,
            Self::Timeout => ErrorCode::UpstreamTimeout,
            Self::Invalid => ErrorCode::UpstreamInvalid,
            Self::Redirect => ErrorCode::UpstreamRedirect,
            Self::Aborted => ErrorCode::Aborted,
            Self::Suspended => ErrorCode::RegistryUnavailable,
            Self::Busy => ErrorCode::RegistryBusy,
            Self::RequestBody => ErrorCode::InvalidRequest,
        }
    }
}

/// Why a flow failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} at {hop}")]
pub struct FlowError {
    /// The error code.
    pub code: ErrorCode,
    /// The server whose response failed.
    pub hop: Hop,
    /// The HTTP status that led to it, if a response did.
    pub status: Option<u16>,
    /// Milliseconds to wait before trying again, with [`ErrorCode::RateLimited`]; at least 100, at most one day.
    pub retry_after_ms: Option<u64>,
}

impl FlowError {
    /// An error without status or waiting time.
    pub const fn new(code: ErrorCode, hop: Hop) -> Self {
        Self { code, hop, status: None, retry_after_ms: None }
    }

    const fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }
}

/// An HTTP request for the driver to send.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    /// `GET`, `HEAD` or `POST`.
    pub method: &'static str,
    /// The target: a path that starts with `/v2/` at the registry, a full URL at a token service.
    pub target: String,
    /// The `Authorization` field to attach.
    pub authorization: Authorization,
    /// An `application/x-www-form-urlencoded` body, which holds a refresh token.
    pub form: Option<SecretString>,
}
