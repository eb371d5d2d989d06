//! The authorization flow as state machines without I/O.
//!
//! Three machines, one per thing that someone wants; each is driven the same way. The driver calls [`step`](ResourceFlow::step)
//! to learn what to do, does it, reports the result, and repeats this until `Done` or `Fail`:
//!
//! - [`ResourceFlow`]: one request at a registry, through every challenge that may come. Driven by `fetch` in the
//!   browser and by the gateway of the key server.
//! - [`TokenFlow`]: one token from a token service. Driven by the key server (and by a page that has none).
//! - [`LoginFlow`]: the proof that credentials are good, before a session is sealed. Driven by the key server.
//!
//! No machine ever sends more than its stated number of requests, and each records what it decided and why
//! ([`StepRecord`]), redacted, so that page and logs show the same story.

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
    /// `Basic` with these credentials (RFC 7617); the driver encodes them at the last moment.
    Basic {
        /// User-id.
        username: String,
        /// Password.
        password: SecretString,
    },
    /// `Basic`, attached by whoever holds the session: a page sends the request without the field through the gateway.
    FromSession,
}

/// The head of a response, as the driver read it. Borrowed: the machine keeps nothing of it but what it decided.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a> {
    /// HTTP status code.
    pub status: u16,
    /// Every `WWW-Authenticate` line, or what the gateway relays in its place.
    pub challenges: &'a [&'a str],
    /// `Docker-Distribution-Api-Version`, if sent.
    pub api_version: Option<&'a str>,
    /// `Content-Type`, if sent.
    pub content_type: Option<&'a str>,
    /// `Retry-After`, if sent (RFC 9110 §10.2.3).
    pub retry_after: Option<&'a str>,
    /// `Date`, if sent, for the clock's skew.
    pub date: Option<&'a str>,
    /// `Location`, if sent: where a redirect leads.
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

    /// Whether the body is a page for people: a login form, a proxy's error, a web server that is no registry. JSON under
    /// another name, or under none, is not: some services do not say.
    pub(crate) fn is_markup(&self) -> bool {
        self.content_type.is_some_and(|content_type| {
            let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            essence.ends_with("html") || essence.ends_with("xml")
        })
    }

    /// How far the clock of whoever answered is ahead of ours, in milliseconds, by its `Date`: 0 if it does not say, or
    /// if the difference is one that whole seconds and the way of an answer explain; at most a year.
    pub fn skew_ms(&self, now_ms: i64) -> i64 {
        let date = self.date.and_then(http_date::parse);
        let skew = date.map_or(0, |date| date.saturating_sub(now_ms)).clamp(-MAX_SKEW_MS, MAX_SKEW_MS);
        if skew.abs() > SAME_CLOCK_MS { skew } else { 0 }
    }

    /// The same with these challenge lines.
    #[must_use]
    pub const fn with_challenges(mut self, lines: &'a [&'a str]) -> Self {
        self.challenges = lines;
        self
    }
}

/// Clocks that differ by no more than this count as equal: `Date` has whole seconds, and answers take time.
const SAME_CLOCK_MS: i64 = 5_000;

/// A clock that is off by more than a year is broken, and no reason to believe a token for longer.
const MAX_SKEW_MS: i64 = 366 * 86_400_000;

/// Why there is no response. The driver maps the errors of its HTTP client to these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportError {
    /// No connection: refused, no such host, reset.
    Unreachable,
    /// TLS failed.
    Tls,
    /// No response in time.
    Timeout,
    /// The response violates HTTP or a size limit.
    Invalid,
    /// A redirect where none is followed.
    Redirect,
    /// The address is one that must not be dialled.
    AddressRefused,
    /// The caller cancelled.
    Aborted,
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
    /// The code under which people hear of it.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Unreachable | Self::AddressRefused => ErrorCode::UpstreamUnreachable,
            Self::Tls => ErrorCode::UpstreamTls,
            Self::Timeout => ErrorCode::UpstreamTimeout,
            Self::Invalid => ErrorCode::UpstreamInvalid,
            Self::Redirect => ErrorCode::UpstreamRedirect,
            Self::Aborted => ErrorCode::Aborted,
        }
    }
}

/// How a flow ended without what was wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} at {hop}")]
pub struct FlowError {
    /// Why.
    pub code: ErrorCode,
    /// Where.
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
    /// Where to: a path from `/v2/` on at the registry, a full URL at a token service.
    pub target: String,
    /// What to attach.
    pub authorization: Authorization,
    /// An `application/x-www-form-urlencoded` body, which holds a refresh token.
    pub form: Option<SecretString>,
}
