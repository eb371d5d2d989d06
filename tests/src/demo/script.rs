//! Scripts, which determine the responses to the next matching requests.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::content::{Content, Pace};
use super::journal::Role;
use super::kind::Kind;
use super::received::Received;
use super::response::DemoResponse;

/// The response to the next matching requests. In JSON, for the control endpoint:
/// `{"registry":"token","role":"token-service","times":2,"delay_ms":100,"action":{"do":"too_many","retry_after":"3"}}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The registry.
    pub registry: Kind,
    /// Which of its servers.
    pub role: Role,
    /// The number of matching requests; if absent, all until the next reset.
    #[serde(default = "once")]
    pub times: Option<u32>,
    /// Only requests with this method.
    #[serde(default)]
    pub method: Option<String>,
    /// Only requests whose path begins with this.
    #[serde(default)]
    pub path_prefix: Option<String>,
    /// Milliseconds to wait before the response.
    #[serde(default)]
    pub delay_ms: u64,
    /// The response.
    #[serde(default)]
    pub action: Action,
}

/// The response of a script.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Action {
    /// The normal response; for scripts that only delay.
    #[default]
    Nothing,
    /// This response.
    Respond {
        /// Status code.
        status: u16,
        /// Header lines, such as `["content-type", "text/html"]`.
        #[serde(default)]
        headers: Vec<(String, String)>,
        /// Body.
        #[serde(default)]
        body: String,
    },
    /// The normal response with additional header lines.
    AddHeaders {
        /// Header lines.
        headers: Vec<(String, String)>,
    },
    /// The normal response, its body in pieces with a pause before each.
    Drip {
        /// Length of a piece, in bytes.
        bytes: u64,
        /// Pause, in milliseconds.
        every_ms: u64,
    },
    /// The connection is closed without a response.
    Close,
    /// The connection is closed after this number of bytes of the normal response's body.
    Truncate {
        /// The number of bytes that are sent.
        bytes: u64,
    },
    /// A redirect.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        status: u16,
        /// The target.
        location: String,
    },
    /// 200 with a JSON body of this length.
    Huge {
        /// Length in bytes.
        bytes: u64,
    },
    /// 200 with malformed JSON.
    WrongJson,
    /// 429.
    TooMany {
        /// `Retry-After`, sent unchanged, if present.
        #[serde(default)]
        retry_after: Option<String>,
    },
    /// The normal response, but challenges have this realm or service.
    Realm {
        /// The realm.
        #[serde(default)]
        realm: Option<String>,
        /// The service.
        #[serde(default)]
        service: Option<String>,
    },
    /// 401 with these `WWW-Authenticate` lines, sent unchanged.
    Challenge {
        /// Header lines.
        lines: Vec<String>,
    },
}

impl Script {
    /// A script for the next request to one server.
    pub fn once(registry: Kind, role: Role, action: Action) -> Self {
        Self { registry, role, times: once(), method: None, path_prefix: None, delay_ms: 0, action }
    }

    /// A script for all requests to one server until the next reset.
    pub fn always(registry: Kind, role: Role, action: Action) -> Self {
        Self { times: None, ..Self::once(registry, role, action) }
    }

    /// The same, only for paths that begin with this.
    #[must_use]
    pub fn below(mut self, path_prefix: &str) -> Self {
        self.path_prefix = Some(path_prefix.to_owned());
        self
    }

    /// The same, after a delay.
    #[must_use]
    pub fn after(mut self, pause: Duration) -> Self {
        self.delay_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        self
    }

    fn matches(&self, registry: Kind, role: Role, request: &Received) -> bool {
        self.registry == registry
            && self.role == role
            && self.times != Some(0)
            && self.method.as_ref().is_none_or(|method| method == request.method.as_str())
            && self.path_prefix.as_ref().is_none_or(|prefix| request.path.starts_with(prefix))
    }
}

#[expect(clippy::unnecessary_wraps, reason = "serde's default has the type of the field")]
fn once() -> Option<u32> {
    Some(1)
}

/// The queue of scripts, in order.
#[derive(Debug, Default)]
pub(crate) struct Scripts(Mutex<Vec<Script>>);

impl Scripts {
    fn queue(&self) -> MutexGuard<'_, Vec<Script>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, script: Script) {
        self.queue().push(script);
    }

    pub(crate) fn clear(&self) {
        self.queue().clear();
    }

    /// Uses the first script that matches once.
    pub(crate) fn take(&self, registry: Kind, role: Role, request: &Received) -> Option<Script> {
        let mut queue = self.queue();
        let index = queue.iter().position(|script| script.matches(registry, role, request))?;
        let script = queue.get_mut(index)?;
        if let Some(times) = &mut script.times {
            *times -= 1;
        }
        let taken = script.clone();
        if taken.times == Some(0) {
            queue.remove(index);
        }
        Some(taken)
    }
}

impl Action {
    /// The response that replaces the normal one, if any.
    pub(crate) fn instead(&self) -> Option<DemoResponse> {
        Some(match self {
            Self::Respond { status, headers, body } => {
                let mut response = DemoResponse::empty(*status);
                response.headers.clone_from(headers);
                response.content = Content::Bytes(Bytes::from(body.clone()));
                response
            }
            Self::Redirect { status, location } => DemoResponse::empty(*status).header("location", location),
            Self::Huge { bytes } => {
                let mut body = String::from("{\"token\":\"");
                body.extend(std::iter::repeat_n('a', usize::try_from(*bytes).unwrap_or(usize::MAX)));
                body.push_str("\"}");
                DemoResponse::bytes(200, "application/json", body)
            }
            Self::WrongJson => {
                DemoResponse::bytes(200, "application/json", "{\"token\": \"abc\", \"expires_in\": ")
            }
            Self::TooMany { retry_after } => {
                let response = DemoResponse::error(429, "TOOMANYREQUESTS", "too many requests");
                match retry_after {
                    Some(value) => response.header("retry-after", value),
                    None => response,
                }
            }
            Self::Challenge { lines } => lines.iter().fold(
                DemoResponse::error(401, "UNAUTHORIZED", "authentication required"),
                |response, line| response.header("www-authenticate", line),
            ),
            Self::Nothing
            | Self::AddHeaders { .. }
            | Self::Drip { .. }
            | Self::Close
            | Self::Truncate { .. }
            | Self::Realm { .. } => return None,
        })
    }

    /// How the body is sent, if not at once.
    pub(crate) fn pace(&self) -> Option<Pace> {
        match self {
            Self::Drip { bytes, every_ms } => {
                Some(Pace::Drip { bytes: *bytes, every: Duration::from_millis(*every_ms) })
            }
            Self::Truncate { bytes } => Some(Pace::Truncate { bytes: *bytes }),
            _ => None,
        }
    }
}
