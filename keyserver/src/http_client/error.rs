//! Maps errors of the HTTP client to the few that a flow distinguishes.

use std::error::Error;

use dockpass_protocol::flow::TransportError;

use super::dial::DialError;
use super::upload::UploadStalled;

/// The meaning of a client error, judged by its whole chain of causes.
pub(super) fn classify(error: &(dyn Error + 'static)) -> TransportError {
    let mut next = Some(error);
    let mut verdict = TransportError::Unreachable;
    while let Some(error) = next {
        if let Some(dial) = error.downcast_ref::<DialError>() {
            return match dial {
                DialError::AddressRefused => TransportError::AddressRefused,
                DialError::Unreachable => TransportError::Unreachable,
                DialError::Timeout => TransportError::Timeout,
            };
        }
        if error.is::<UploadStalled>() {
            return TransportError::Timeout;
        }
        if error.is::<rustls::Error>() {
            return TransportError::Tls;
        }
        if let Some(http) = error.downcast_ref::<hyper::Error>() {
            if http.is_timeout() {
                return TransportError::Timeout;
            }
            // A connection that closes before the response head has given no response; that is not a malformed one.
            if http.is_parse() {
                verdict = TransportError::Invalid;
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
