//! Which addresses and host names may be connected to when a remote server chose them (SSRF protection).
//!
//! A name is checked when it is connected to, by every address that it resolves to. The tables are those of the IANA
//! special-purpose registries (RFC 6890 and its successors). For IPv6 they are an allow-list: only global unicast
//! addresses are public.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is on the public internet: not loopback, private, link-local, shared, multicast, unspecified,
/// documentation, benchmarking, reserved, nor one of these embedded in IPv6 (mapped, compatible, NAT64, 6to4).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Whether a host name may belong to the public internet. Names reserved for the local host or network do not
/// (`localhost`, `.localhost` RFC 6761, `.local` RFC 6762, `.home.arpa` RFC 8375, `.internal`). The name is lower case
/// without trailing dot, as [`Origin::host`](crate::origin::Origin::host) is.
pub fn is_public_name(host: &str) -> bool {
    !["localhost", "local", "internal", "home.arpa"]
        .iter()
        .any(|zone| host.strip_suffix(zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// First address of a block and the length of its prefix.
const REFUSED_V4: &[([u8; 4], u32)] = &[
    ([0, 0, 0, 0], 8),        // "this network", RFC 791
    ([10, 0, 0, 0], 8),       // private, RFC 1918
    ([100, 64, 0, 0], 10),    // shared (carrier NAT, Alibaba's metadata), RFC 6598
    ([127, 0, 0, 0], 8),      // loopback, RFC 1122
    ([168, 63, 129, 16], 32), // Azure's host agent: a public address that is reachable only from inside a virtual machine
    ([169, 254, 0, 0], 16),   // link-local (cloud metadata), RFC 3927
    ([172, 16, 0, 0], 12),    // private, RFC 1918
    ([192, 0, 0, 0], 24),     // protocol assignments, RFC 6890
    ([192, 0, 2, 0], 24),     // documentation, RFC 5737
    ([192, 88, 99, 0], 24),   // 6to4 relays, RFC 7526
    ([192, 168, 0, 0], 16),   // private, RFC 1918
    ([198, 18, 0, 0], 15),    // benchmarking, RFC 2544
    ([198, 51, 100, 0], 24),  // documentation, RFC 5737
    ([203, 0, 113, 0], 24),   // documentation, RFC 5737
    ([224, 0, 0, 0], 4),      // multicast, RFC 1112
    ([240, 0, 0, 0], 4),      // reserved and broadcast, RFC 1112 and RFC 919
];

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = u32::from(address);
    !REFUSED_V4.iter().any(|(first, length)| (bits ^ u32::from_be_bytes(*first)) >> (32 - length) == 0)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let [first, second, third, _, fifth, sixth, seventh, eighth] = segments;
    let tail = embedded(seventh, eighth);
    match segments {
        // IPv4-mapped (RFC 4291 §2.5.5.2) and NAT64 (RFC 6052): the network connects to the IPv4 address.
        [0, 0, 0, 0, 0, 0xffff, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => return is_public_v4(tail),
        // 6to4 (RFC 3056): the relay connects to the IPv4 address.
        [0x2002, ..] if !is_public_v4(embedded(second, third)) => return false,
        _ => {}
    }
    let global_unicast = first & 0xe000 == 0x2000; // 2000::/3, RFC 4291 §2.4: all other addresses are not public
    let protocol_assignments = first == 0x2001 && second & 0xfe00 == 0; // 2001::/23 with Teredo, RFC 2928
    let documentation = (first == 0x2001 && second == 0xdb8) || (first == 0x3fff && second & 0xf000 == 0); // RFC 3849, RFC 9637
    let isatap = fifth & 0xfdff == 0 && sixth == 0x5efe; // RFC 5214 §6.1: the tunnel connects to the IPv4 address
    global_unicast && !protocol_assignments && !documentation && (!isatap || is_public_v4(tail))
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
}

#[cfg(test)]
mod tests;
