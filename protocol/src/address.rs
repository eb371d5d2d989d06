//! Which addresses may be dialled for names that someone else chose (threat SSRF-01).

use std::net::IpAddr;

/// Whether an address is on the public internet: not loopback, private, link-local, shared, multicast, unspecified,
/// documentation, benchmarking, reserved, nor one of these embedded in IPv6 (mapped, compatible, NAT64, 6to4).
pub fn is_public(address: IpAddr) -> bool {
    let _ = address;
    todo!()
}
