//! What a configuration allows and hardly anybody wants.

use dockpass_protocol::origin::Scheme;

use super::Settings;
use super::registry::is_near;

impl Settings {
    /// What is allowed and most likely not wanted, as sentences for the operator.
    pub fn warnings(&self) -> Vec<&'static str> {
        let in_clear = self
            .public_origin
            .as_ref()
            .is_some_and(|url| url.origin.scheme() == Scheme::Http && !is_near(&url.origin));
        let listens_to_all =
            self.public_origin.is_none() && self.scheme() == Scheme::Http && !self.listen.ip().is_loopback();
        let trusts_all = self.trusted_proxies.iter().any(|network| network.prefix_len() == 0);
        [
            (
                in_clear,
                "public_origin is http://: passwords and sessions cross the network unencrypted, and browsers store no \
                 session cookie; use https:// and put a reverse proxy with TLS in front, or configure tls",
            ),
            (
                listens_to_all,
                "listen is not a loopback address and there is no public_origin: passwords and sessions cross the network \
                 unencrypted; set public_origin, and put a reverse proxy with TLS in front or \
                 configure tls",
            ),
            (
                trusts_all,
                "trusted_proxies contains every address: any client can choose the address that its limits are counted by; \
                 list the addresses of your proxies",
            ),
            (
                self.any_registry,
                "any_registry is enabled: users can send credentials to any registry on the internet through this server",
            ),
        ]
        .into_iter()
        .filter_map(|(applies, warning)| applies.then_some(warning))
        .collect()
    }
}
