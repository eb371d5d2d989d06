//! IPv6 addresses as text (RFC 5952).
//!
//! The same text as that of the standard library, whose formatting code is 2 kB of the page's module, more than the rest of
//! what reads an origin (decision 0022).

use std::net::Ipv6Addr;

use crate::text::push_decimal;

/// Appends an address in its one canonical form: lower-case digits without leading zeros, the first longest run of two or more
/// zero groups as `::`, and an IPv4-mapped address with the IPv4 address in decimal.
pub(super) fn push(out: &mut String, address: &Ipv6Addr) {
    let segments = address.segments();
    if let [0, 0, 0, 0, 0, 0xffff, ..] = segments {
        out.push_str("::ffff");
        for (index, byte) in address.octets().into_iter().skip(12).enumerate() {
            out.push(if index == 0 { ':' } else { '.' });
            push_decimal(out, byte.into());
        }
        return;
    }
    let (start, length) = longest_zeros(segments);
    for (index, segment) in segments.into_iter().enumerate() {
        if (start..start + length).contains(&index) {
            if index == start {
                out.push_str("::");
            }
            continue;
        }
        if index > 0 && index != start + length {
            out.push(':');
        }
        push_hex(out, segment);
    }
}

/// Where the first longest run of at least two zeros starts, and its length; the length is 0 when there is none.
fn longest_zeros(segments: [u16; 8]) -> (usize, usize) {
    let (mut best, mut run) = ((8, 0), (0, 0));
    for (index, segment) in segments.into_iter().enumerate() {
        run = if segment == 0 { (run.0, run.1 + 1) } else { (index + 1, 0) };
        if run.1 > best.1.max(1) {
            best = run;
        }
    }
    best
}

fn push_hex(out: &mut String, segment: u16) {
    let digits = 4 - (segment.leading_zeros() / 4).min(3);
    for place in (0..digits).rev() {
        out.extend(char::from_digit(u32::from(segment >> (4 * place)) & 15, 16));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(address: Ipv6Addr) -> String {
        let mut out = String::new();
        push(&mut out, &address);
        out
    }

    /// Every pattern of zero, small and large groups, and digits of every length.
    #[test]
    fn is_the_text_of_the_standard_library() {
        let groups = [0, 1, 0xffff];
        for pattern in 0..3_u32.pow(8) {
            let mut rest = pattern;
            let segments: [u16; 8] = std::array::from_fn(|_| {
                let group = groups[rest as usize % 3];
                rest /= 3;
                group
            });
            let address = Ipv6Addr::from(segments);
            assert_eq!(text(address), address.to_string());
        }
        for bits in
            [0_u128, u128::MAX, 0xffff_0102_0304, 0xffff_ff00_fe0a, 0x2001_0db8_00a0_0bcd << 64 | 0x10a0]
        {
            assert_eq!(text(bits.into()), Ipv6Addr::from(bits).to_string());
        }
    }
}
