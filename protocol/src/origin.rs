//! Origins: scheme, host and port in canonical form (RFC 6454 §4).
//!
//! The parser is strict: it refuses every form that other parsers may read as another host, because such differences
//! allow the theft of credentials (`auth.example.com\@evil.test`, `127.1`, `0x7f000001`, full-width digits).

mod ipv6;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::code::ErrorCode;

/// The maximum length of a host name (RFC 1035 §2.3.4).
const MAX_HOST: usize = 253;
/// The maximum length of a label (RFC 1035 §2.3.4).
const MAX_LABEL: usize = 63;

/// `http` or `https`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// Cleartext.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// The default port (RFC 9110 §4.2).
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// `http` or `https`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// A canonical origin: lower-case host without trailing dot, explicit port.
///
/// Two origins are the same server exactly when they are equal. `Display` prints `scheme://host`, and the port only
/// when it is not the scheme's default; parsing the result gives the same value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    scheme: Scheme,
    host: String,
    port: u16,
}

impl Origin {
    /// Parses `https://host[:port]`, with or without a trailing `/`.
    ///
    /// Hosts are ASCII: DNS names (an international name in its `xn--` form, RFC 5890), IPv4 addresses in plain dotted
    /// form, IPv6 addresses in brackets without zone.
    ///
    /// # Errors
    /// [`ErrorCode::NonAsciiHost`] when a character is not ASCII, else [`ErrorCode::InvalidRegistry`].
    pub fn parse(text: &str) -> Result<Self, ErrorCode> {
        let (scheme, rest) = split_scheme(text).ok_or(ErrorCode::InvalidRegistry)?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        Self::from_authority(scheme, authority)
    }

    /// The origin of `host[:port]` under this scheme.
    ///
    /// # Errors
    /// As [`Origin::parse`].
    pub fn from_authority(scheme: Scheme, authority: &str) -> Result<Self, ErrorCode> {
        if !authority.is_ascii() {
            return Err(ErrorCode::NonAsciiHost);
        }
        let (host, port) = split_port(authority).ok_or(ErrorCode::InvalidRegistry)?;
        let port = match port {
            Some(digits) => parse_port(digits).ok_or(ErrorCode::InvalidRegistry)?,
            None => scheme.default_port(),
        };
        let host = canonical_host(host).ok_or(ErrorCode::InvalidRegistry)?;
        Ok(Self { scheme, host, port })
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

    /// The host as an IP address, if it is one. Resolvers are not called for these, so the HTTP client must check them itself.
    pub fn ip(&self) -> Option<IpAddr> {
        match self.host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            None => self.host.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        }
    }

    /// `host`, or `host:port` when the port is not the scheme's default: the value of a `Host` field (RFC 9110 §7.2).
    pub fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.clone()
        } else {
            let mut text = self.host.clone();
            text.push(':');
            crate::text::push_decimal(&mut text, self.port.into());
            text
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.scheme.as_str())?;
        f.write_str("://")?;
        f.write_str(&self.host)?;
        if self.port != self.scheme.default_port() {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}

impl FromStr for Origin {
    type Err = ErrorCode;

    fn from_str(text: &str) -> Result<Self, ErrorCode> {
        Self::parse(text)
    }
}

/// `http://` or `https://`, in any case, and what follows. `None` for every other scheme.
pub(crate) fn split_scheme(text: &str) -> Option<(Scheme, &str)> {
    let (scheme, rest) = text.split_at_checked(crate::text::find(text, "://")?)?;
    let rest = rest.strip_prefix("://")?;
    if scheme.eq_ignore_ascii_case("https") {
        Some((Scheme::Https, rest))
    } else if scheme.eq_ignore_ascii_case("http") {
        Some((Scheme::Http, rest))
    } else {
        None
    }
}

/// Host and, after a colon that is not inside brackets, port.
fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if authority.starts_with('[') {
        let (host, rest) = authority.split_at_checked(authority.find(']')? + 1)?;
        return match rest.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None => rest.is_empty().then_some((host, None)),
        };
    }
    Some(match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    })
}

/// 1 to 65535 in plain decimal: no sign, no space, no leading zero.
fn parse_port(digits: &str) -> Option<u16> {
    if digits.is_empty() || digits.starts_with('0') || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

fn canonical_host(host: &str) -> Option<String> {
    if let Some(rest) = host.strip_prefix('[') {
        let address: Ipv6Addr = rest.strip_suffix(']')?.parse().ok()?;
        let mut canonical = String::from("[");
        ipv6::push(&mut canonical, &address);
        canonical.push(']');
        return Some(canonical);
    }
    if ends_in_number(host) {
        // `Ipv4Addr` accepts only four decimal numbers without leading zeros. Other forms that some resolvers accept
        // (127.1, 0177.0.0.1, 2130706433, 0x7f000001, `127.0.0.1.`) are refused.
        return host.parse::<Ipv4Addr>().is_ok().then(|| host.to_owned());
    }
    // A trailing dot only says that the name is absolute (RFC 1034 §3.1).
    let name = host.strip_suffix('.').unwrap_or(host);
    let valid = name.len() <= MAX_HOST && name.split('.').all(is_label);
    valid.then(|| name.to_ascii_lowercase())
}

/// Whether other parsers would read this as an IPv4 address (WHATWG URL, "ends in a number checker").
fn ends_in_number(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    let last = crate::text::split_last(name, b'.').map_or(name, |(_, last)| last);
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    match hex {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// A label of letters, digits, inner hyphens, and underscores, which names in container networks may contain.
pub(crate) fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests;
