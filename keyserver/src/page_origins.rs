//! The origins of pages that may call, in the form in which browsers send them.

use dockpass_protocol::origin::Origin;
use http::HeaderValue;

/// Our own origin and those of the configuration, serialized once. Browsers serialize origins canonically (Fetch
/// standard, "serializing an origin"), so that a request's `Origin` is compared octet by octet: what is written in any
/// other form does not come from a browser.
#[derive(Clone, Debug)]
pub(crate) struct PageOrigins {
    own: String,
    allowed: Vec<HeaderValue>,
}

impl PageOrigins {
    /// Our own origin, and those whose pages may use a session in `Authorization`.
    pub(crate) fn new(own: &Origin, allowed: &[Origin]) -> Self {
        // An origin is printable ASCII, which is always a header value.
        let values = allowed.iter().filter_map(|origin| HeaderValue::try_from(origin.to_string()).ok());
        Self { own: own.to_string(), allowed: values.collect() }
    }

    /// Our own, as browsers send it.
    pub(crate) fn own(&self) -> &str {
        &self.own
    }

    /// The configured ones, as browsers send them.
    pub(crate) fn allowed(&self) -> &[HeaderValue] {
        &self.allowed
    }

    /// Whether pages of this origin may call.
    pub(crate) fn may_call(&self, origin: &HeaderValue) -> bool {
        origin == self.own.as_str() || self.allowed.contains(origin)
    }
}
