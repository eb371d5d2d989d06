//! The origins of pages that may call, in the form in which browsers send them.

use dockpass_protocol::origin::Origin;
use http::HeaderValue;

/// Our own origin and those of the configuration, serialized once. Browsers serialize origins canonically (Fetch
/// standard, "serializing an origin"), so that a request's `Origin` is compared octet by octet: what is written in any
/// other form does not come from a browser.
#[derive(Clone, Debug)]
pub(crate) struct PageOrigins {
    own: String,
    /// The other name of this machine's loopback address, if our own origin has one of them: people open either.
    own_alias: Option<String>,
    allowed: Vec<HeaderValue>,
}

impl PageOrigins {
    /// Our own origin, and those whose pages may use a session in `Authorization`.
    pub(crate) fn new(own: &Origin, allowed: &[Origin]) -> Self {
        // An origin is printable ASCII, which is always a header value.
        let values = allowed.iter().filter_map(|origin| HeaderValue::try_from(origin.to_string()).ok());
        Self { own: own.to_string(), own_alias: loopback_alias(own), allowed: values.collect() }
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
        origin == self.own.as_str()
            || self.own_alias.as_ref().is_some_and(|alias| origin == alias.as_str())
            || self.allowed.contains(origin)
    }
}

/// `localhost` for `127.0.0.1` and the reverse, at the same port.
fn loopback_alias(own: &Origin) -> Option<String> {
    let alias = match own.host() {
        "127.0.0.1" => "localhost",
        "localhost" => "127.0.0.1",
        _ => return None,
    };
    Origin::from_authority(own.scheme(), &format!("{alias}:{}", own.port()))
        .ok()
        .map(|alias| alias.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may_call(own: &str, page: &str) -> bool {
        PageOrigins::new(&Origin::parse(own).unwrap(), &[]).may_call(&HeaderValue::from_str(page).unwrap())
    }

    // Threats: ORG-02.
    #[test]
    fn both_names_of_the_loopback_address_are_our_own_at_our_port_only() {
        for (own, page) in [
            ("http://127.0.0.1:8780", "http://localhost:8780"),
            ("http://localhost:8780", "http://127.0.0.1:8780"),
            ("http://127.0.0.1:8780", "http://127.0.0.1:8780"),
        ] {
            assert!(may_call(own, page), "{own} {page}");
        }
        for (own, page) in [
            ("http://127.0.0.1:8780", "http://localhost:8781"),
            ("http://127.0.0.1:8780", "https://localhost:8780"),
            ("http://127.0.0.1:8780", "http://localhost.example:8780"),
            ("https://registry.example", "http://localhost:8780"),
        ] {
            assert!(!may_call(own, page), "{own} {page}");
        }
    }
}
