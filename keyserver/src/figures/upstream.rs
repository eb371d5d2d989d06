//! Requests to registries and token services.

use std::time::Duration;

use dockpass_protocol::flow::TransportError;
use http::StatusCode;

use super::{Count, Level, Times};

/// The outcomes that are told apart.
const OUTCOMES: [&str; 14] = [
    "1xx",
    "2xx",
    "3xx",
    "4xx",
    "5xx",
    "unreachable",
    "tls",
    "timeout",
    "invalid",
    "address_refused",
    "aborted",
    "suspended",
    "busy",
    "request_body",
];

/// The figures of one registry and its token services.
#[derive(Debug, Default)]
pub(crate) struct UpstreamFigures {
    outcomes: [Count; OUTCOMES.len()],
    /// From the request to the head of the response, or to its end where it is read as a whole.
    pub(crate) times: Times,
    /// Requests whose response has not begun.
    pub(crate) waiting: Level,
}

impl UpstreamFigures {
    /// Counts a request that was sent, by what became of it.
    pub(crate) fn add(&self, outcome: Result<StatusCode, TransportError>, time: Duration) {
        self.count(outcome);
        self.times.add(time);
    }

    /// Counts a request that was not sent.
    pub(crate) fn refused(&self, reason: TransportError) {
        self.count(Err(reason));
    }

    fn count(&self, outcome: Result<StatusCode, TransportError>) {
        let place = match outcome {
            Ok(status) => usize::from(status.as_u16() / 100).saturating_sub(1),
            Err(TransportError::Unreachable) => 5,
            Err(TransportError::Tls) => 6,
            Err(TransportError::Timeout) => 7,
            Err(TransportError::Invalid | TransportError::Redirect) => 8,
            Err(TransportError::AddressRefused) => 9,
            Err(TransportError::Suspended) => 11,
            Err(TransportError::Busy) => 12,
            Err(TransportError::RequestBody) => 13,
            Err(_) => 10,
        };
        if let Some(count) = self.outcomes.get(place) {
            count.add();
        }
    }

    /// The requests by outcome.
    pub(crate) fn outcomes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        OUTCOMES.into_iter().zip(self.outcomes.iter().map(Count::get))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_its_name() {
        for (outcome, name) in [
            (Ok(StatusCode::OK), "2xx"),
            (Ok(StatusCode::BAD_GATEWAY), "5xx"),
            (Err(TransportError::Unreachable), "unreachable"),
            (Err(TransportError::Tls), "tls"),
            (Err(TransportError::Timeout), "timeout"),
            (Err(TransportError::Invalid), "invalid"),
            (Err(TransportError::AddressRefused), "address_refused"),
            (Err(TransportError::Aborted), "aborted"),
            (Err(TransportError::Suspended), "suspended"),
            (Err(TransportError::Busy), "busy"),
            (Err(TransportError::RequestBody), "request_body"),
        ] {
            let figures = UpstreamFigures::default();
            figures.add(outcome, Duration::ZERO);
            let counted: Vec<_> = figures.outcomes().filter(|(_, count)| *count > 0).collect();
            assert_eq!(counted, [(name, 1)]);
        }
    }
}
