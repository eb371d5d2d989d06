//! The origins of pages that may call.

use std::net::SocketAddr;

use dockpass_protocol::origin::Origin;
use http::HeaderValue;

use crate::own_address::OwnAddress;

/// Our own origin and those of the configuration, serialized once.
#[derive(Clone, Debug)]
pub(crate) struct PageOrigins {
    own: OwnAddress,
    allowed: Vec<HeaderValue>,
}

impl PageOrigins {
    /// Our own origin, and those whose pages may use a session in `Authorization`.
    pub(crate) fn new(own: &Origin, listen: SocketAddr, allowed: &[Origin]) -> Self {
        // An origin is printable ASCII, which is always a header value.
        let values = allowed.iter().filter_map(|origin| HeaderValue::try_from(origin.to_string()).ok());
        Self { own: OwnAddress::new(own, listen), allowed: values.collect() }
    }

    /// Our own.
    pub(crate) fn own(&self) -> &OwnAddress {
        &self.own
    }

    /// The configured ones, as browsers send them.
    pub(crate) fn allowed(&self) -> &[HeaderValue] {
        &self.allowed
    }

    /// Whether pages of this origin may call.
    pub(crate) fn may_call(&self, origin: &HeaderValue) -> bool {
        self.own.is_origin(origin) || self.allowed.contains(origin)
    }
}
