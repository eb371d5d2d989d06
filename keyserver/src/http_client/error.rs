//! Maps errors of the HTTP client to the few that a flow distinguishes.

use std::error::Error;
use std::io::ErrorKind;

use dockpass_protocol::flow::TransportError;

use super::dial::DialError;
use super::upload::UploadStalled;

/// The body of the client's own request is malformed or ended early. To be returned by request bodies.
#[derive(Debug, thiserror::Error)]
#[error("the request body cannot be read")]
pub struct RequestBodyError(#[source] pub Box<dyn Error + Send + Sync>);

/// How a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) error: TransportError,
    /// The server has sent something.
    pub(super) has_responded: bool,
    /// The server could not be reached or said nothing in time, and that was not the caller's fault.
    pub(super) is_silence: bool,
}

impl Failed {
    pub(super) const INVALID: Self = Self::of_response(TransportError::Invalid);
    pub(super) const TIMEOUT: Self = Self::silence(TransportError::Timeout);

    /// The response cannot be used.
    pub(super) const fn of_response(error: TransportError) -> Self {
        Self { error, has_responded: true, is_silence: false }
    }

    const fn silence(error: TransportError) -> Self {
        Self { error, has_responded: false, is_silence: true }
    }

    /// Says nothing of the server.
    const fn other(error: TransportError) -> Self {
        Self { error, has_responded: false, is_silence: false }
    }
}

/// The meaning of a client error, judged by its whole chain of causes.
pub(super) fn classify(error: &(dyn Error + 'static)) -> Failed {
    let mut next = Some(error);
    let mut verdict = Failed::silence(TransportError::Unreachable);
    while let Some(error) = next {
        if let Some(dial) = error.downcast_ref::<DialError>() {
            return match dial {
                DialError::AddressRefused => Failed::other(TransportError::AddressRefused),
                DialError::Unreachable => Failed::silence(TransportError::Unreachable),
                DialError::Timeout => Failed::TIMEOUT,
            };
        }
        if error.is::<RequestBodyError>() {
            return Failed::other(TransportError::RequestBody);
        }
        // The body's own timer: the caller sent nothing.
        if error.is::<UploadStalled>() {
            return Failed::other(TransportError::Timeout);
        }
        if error.is::<rustls::Error>() {
            return Failed::other(TransportError::Tls);
        }
        if let Some(http) = error.downcast_ref::<hyper::Error>() {
            if http.is_timeout() {
                return Failed::TIMEOUT;
            }
            // A connection that closes before the response head has given no response; that is not a malformed one.
            if http.is_parse() {
                verdict = Failed::INVALID;
            }
        }
        // `io::Error::get_ref` hides the inner error; the `source` of the `io::Error` is the source of the inner one.
        next = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    verdict
}

/// Whether the connection was closed, or reset, before anything of a response came.
pub(super) fn is_closed_early(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message) {
            return true;
        }
        let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        if matches!(kind, Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)) {
            return true;
        }
        next = error.source();
    }
    false
}
