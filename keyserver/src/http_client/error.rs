//! From the client's errors to the few that a flow tells apart.

use std::error::Error;

use dockpass_protocol::flow::TransportError;

use super::dial::DialError;
use super::upload::UploadStalled;

/// What an error of the client means, by its whole chain of causes.
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
            // A connection that ends before the head is there gave no answer at all; that is no broken one.
            if http.is_parse() {
                verdict = TransportError::Invalid;
            }
        }
        // An `io::Error` hides the error that it was made from behind `get_ref`: its `source` is that one's source.
        next = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    verdict
}
