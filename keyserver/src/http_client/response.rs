//! What of a response violates HTTP although the library accepts it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use dockpass_protocol::flow::TransportError;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use tokio::sync::Notify;

/// Longest response head.
pub(super) const MAX_HEAD: usize = 32 * 1024;
/// Interim responses (1xx) that are accepted before the response. Servers send one or two.
const MAX_INTERIM: u32 = 16;

/// Refuses a response that other software may read otherwise than this one.
///
/// # Errors
/// `Invalid` for a status that is none of a final response (RFC 9110 §15), a `205` with a body (§15.3.6), a
/// `Content-Length` beside `Transfer-Encoding` (RFC 9112 §6.3), and a head that is too long: hyper limits what it
/// buffers, and a head that arrives in one piece may be longer.
pub(super) fn check<B: Body>(response: &Response<B>) -> Result<(), TransportError> {
    let status = response.status();
    let has_status = (200..=599).contains(&status.as_u16());
    let is_empty = status != StatusCode::RESET_CONTENT || response.body().is_end_stream();
    let headers = response.headers();
    let one_length = !(headers.contains_key(CONTENT_LENGTH) && headers.contains_key(TRANSFER_ENCODING));
    if has_status && is_empty && one_length && head_length(headers) <= MAX_HEAD {
        Ok(())
    } else {
        Err(TransportError::Invalid)
    }
}

fn head_length(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// Notices a flood of interim responses. hyper reads them for as long as they come.
#[derive(Debug, Default)]
pub(super) struct InterimFlood {
    seen: AtomicU32,
    exceeded: Notify,
}

impl InterimFlood {
    /// Watches the responses to this request.
    pub(super) fn watch<B>(request: &mut Request<B>) -> Arc<Self> {
        let flood = Arc::new(Self::default());
        let counted = Arc::clone(&flood);
        hyper::ext::on_informational(request, move |_| {
            if counted.seen.fetch_add(1, Ordering::Relaxed) >= MAX_INTERIM {
                counted.exceeded.notify_one();
            }
        });
        flood
    }

    /// Whether there were too many, also if the response came after them.
    ///
    /// # Errors
    /// `Invalid` if so.
    pub(super) fn check(&self) -> Result<(), TransportError> {
        if self.seen.load(Ordering::Relaxed) > MAX_INTERIM { Err(TransportError::Invalid) } else { Ok(()) }
    }

    /// Completes when there were too many.
    pub(super) async fn exceeded(&self) {
        self.exceeded.notified().await;
    }
}
