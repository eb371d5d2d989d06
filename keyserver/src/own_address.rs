//! What this server calls itself: the hosts and origins that are its own.
//!
//! The two checks differ on purpose. A `Host` only has to be a name that nobody else can point at this server, so that on
//! loopback every loopback name and port counts (a forwarded port has another number). An `Origin` says whose page sends
//! the request, and another port is another program.

use std::net::SocketAddr;

use dockpass_protocol::origin::{Origin, Scheme};
use http::header::HOST;
use http::{HeaderMap, HeaderValue};

/// The names of this machine's loopback addresses, as browsers write them.
const LOOPBACK_NAMES: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// The server's own origin and listener.
#[derive(Clone, Debug)]
pub struct OwnAddress {
    origin: Origin,
    listen: SocketAddr,
    /// The `Host` that almost every request has.
    host: String,
    /// Serialized as browsers do (Fetch standard, "serializing an origin"), the configured one first. On loopback they
    /// are its origin under every loopback name, because people open any of them.
    origins: Vec<HeaderValue>,
}

impl OwnAddress {
    /// A server that browsers reach at `origin` and that listens on `listen`.
    pub fn new(origin: &Origin, listen: SocketAddr) -> Self {
        let mut all = vec![origin.clone()];
        if is_loopback(origin) {
            let named = |name: &&str| {
                Origin::from_authority(origin.scheme(), &format!("{name}:{}", origin.port())).ok()
            };
            all.extend(LOOPBACK_NAMES.iter().filter_map(named).filter(|other| other != origin));
        }
        // An origin is printable ASCII, which is always a header value.
        let origins = all.iter().filter_map(|origin| HeaderValue::try_from(origin.to_string()).ok());
        Self { origins: origins.collect(), host: origin.authority(), origin: origin.clone(), listen }
    }

    /// Whether a request is for this server: its only `Host` is that of the origin or of the listener. A page that points
    /// its own name at this machine (DNS rebinding) is refused: to the browser, it would be our own page.
    pub fn is_host(&self, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(HOST).iter();
        let host = match (hosts.next(), hosts.next()) {
            (Some(host), None) => host.to_str().unwrap_or_default(),
            // No browser sends a request without one.
            (None, _) => return true,
            (Some(_), Some(_)) => return false,
        };
        if host == self.host
            || Origin::from_authority(self.origin.scheme(), host).is_ok_and(|host| host == self.origin)
        {
            return true;
        }
        let Ok(host) = Origin::from_authority(Scheme::Http, host) else { return false };
        let on_loopback = self.listen.ip().is_loopback() || is_loopback(&self.origin);
        (on_loopback && is_loopback(&host))
            || host.ip().is_some_and(|ip| {
                // Addresses are not resolved, so that nobody else can have one of ours.
                host.port() == self.listen.port()
                    && (self.listen.ip().is_unspecified() || ip == self.listen.ip())
            })
    }

    /// Whether an `Origin` is our own, octet by octet: what is written in any other form does not come from a browser.
    pub fn is_origin(&self, origin: &HeaderValue) -> bool {
        self.origins.contains(origin)
    }
}

/// Whether a name or address is one of this machine's loopback interface, which no other machine can have.
fn is_loopback(origin: &Origin) -> bool {
    LOOPBACK_NAMES.contains(&origin.host()) || origin.ip().is_some_and(|ip| ip.is_loopback())
}

/// Whether the request names this machine by an address or as `localhost`. Any other name may be that of a page which
/// resolves to loopback (DNS rebinding), and the page could read the response.
pub(crate) fn is_local_host(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST) else { return true };
    let Ok(authority) = host.to_str().unwrap_or_default().parse::<http::uri::Authority>() else {
        return false;
    };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(origin: &str) -> OwnAddress {
        OwnAddress::new(&Origin::parse(origin).unwrap(), "127.0.0.1:8780".parse().unwrap())
    }

    // Threats: ORG-02.
    #[test]
    fn every_loopback_name_is_our_own_host_and_origin_and_only_our_port_is_our_origin() {
        let names = ["127.0.0.1", "localhost", "[::1]"];
        for configured in names {
            let own = own(&format!("http://{configured}:8780"));
            for name in names {
                let host = HeaderMap::from_iter([(HOST, format!("{name}:8780").parse().unwrap())]);
                assert!(own.is_host(&host), "{configured} {name}");
                let is_origin = |origin: String| own.is_origin(&HeaderValue::try_from(origin).unwrap());
                assert!(is_origin(format!("http://{name}:8780")), "{configured} {name}");
                assert!(!is_origin(format!("http://{name}:8781")), "{configured} {name}");
                assert!(!is_origin(format!("https://{name}:8780")), "{configured} {name}");
            }
            assert!(!own.is_origin(&HeaderValue::from_static("http://localhost.example:8780")));
            assert!(!own.is_origin(&HeaderValue::from_static("null")));
        }
    }

    // Threats: ORG-02.
    #[test]
    fn pages_of_the_machine_are_not_those_of_a_public_origin() {
        let own = own("https://registry.example");
        assert!(own.is_origin(&HeaderValue::from_static("https://registry.example")));
        for page in ["http://localhost:8780", "http://127.0.0.1:8780", "http://registry.example"] {
            assert!(!own.is_origin(&HeaderValue::from_static(page)), "{page}");
        }
    }

    #[test]
    fn only_names_of_this_machine_are_local() {
        for (host, good) in [
            ("127.0.0.1:8781", true),
            ("localhost:8781", true),
            ("[::1]:8781", true),
            ("page.example:8781", false),
            ("localhost.page.example", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))]);
            assert_eq!(is_local_host(&headers), good, "{host}");
        }
    }
}
