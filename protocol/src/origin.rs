//! Scheme, host and port, in one canonical form for comparison (RFC 6454 §4).

use crate::code::ErrorCode;

/// `http` or `https`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// Cleartext.
    Http,
    /// TLS.
    Https,
}

/// A canonical origin: lower-case host without trailing dot, explicit port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    scheme: Scheme,
    host: String,
    port: u16,
}

impl Origin {
    /// Parses `https://host[:port]` (a trailing `/` is accepted, anything more is not).
    ///
    /// # Errors
    /// [`ErrorCode::InvalidRegistry`].
    pub fn parse(text: &str) -> Result<Self, ErrorCode> {
        let _ = text;
        todo!()
    }

    /// Scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Host: a DNS name, an IPv4 address, or an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port, always explicit.
    pub fn port(&self) -> u16 {
        self.port
    }
}
