//! What limits are counted by.

use std::net::IpAddr;

use aws_lc_rs::digest::{SHA256, digest};

/// A client, session or account, as a number: no allocation per request, and no name in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key(u128);

impl Key {
    /// Who is behind an address: it, or the IPv6 network that one customer gets.
    pub(super) fn client(address: IpAddr) -> Self {
        const IPV6: u128 = 1 << 64;
        Self(match address.to_canonical() {
            IpAddr::V4(address) => u32::from(address).into(),
            IpAddr::V6(address) => IPV6 | (u128::from(address) >> 64),
        })
    }

    /// A session, by its hash.
    pub(super) fn session(hash: &[u8; 32]) -> Self {
        Self::of_hash(hash)
    }

    /// Two texts.
    pub(super) fn text(first: &str, second: &str) -> Self {
        let text = format!("{}:{first}{second}", first.len());
        Self::of_hash(digest(&SHA256, text.as_bytes()).as_ref())
    }

    /// Both together.
    pub(super) fn and(self, other: Self) -> Self {
        let bytes = [self.0.to_be_bytes(), other.0.to_be_bytes()].concat();
        Self::of_hash(digest(&SHA256, &bytes).as_ref())
    }

    fn of_hash(hash: &[u8]) -> Self {
        Self(hash.first_chunk().map_or(0, |first| u128::from_be_bytes(*first)))
    }

    /// One of so many parts of a table.
    pub(super) fn spread(self, parts: usize) -> usize {
        // Addresses of one network differ in their last bits, hashes in all.
        usize::try_from(self.0 & 0xffff).unwrap_or_default() % parts
    }
}

/// Who is behind an address, for the log and for names of counters.
pub(crate) fn client_prefix(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    // Threats: BRU-03.
    #[test]
    fn a_client_is_an_ipv4_address_or_an_ipv6_64() {
        for (one, other, same) in [
            ("2001:db8::1", "2001:db8::ffff:1", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("::ffff:10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("::1", "0.0.0.1", false),
        ] {
            assert_eq!(Key::client(ip(one)) == Key::client(ip(other)), same, "{one} {other}");
            assert_eq!(client_prefix(ip(one)) == client_prefix(ip(other)), same, "{one} {other}");
        }
    }

    #[test]
    fn parts_of_a_key_do_not_run_into_each_other() {
        assert_ne!(Key::text("a", "bc"), Key::text("ab", "c"));
        let (a, b) = (Key::text("a", ""), Key::text("b", ""));
        assert_ne!(a.and(b), b.and(a));
    }
}
