use super::*;

/// First and last address of every block that is refused, and its neighbours that are not part of a refused block.
#[test]
fn edges_of_ipv4_blocks_are_exact() {
    for (first, last) in [
        ("0.0.0.0", "0.255.255.255"),
        ("10.0.0.0", "10.255.255.255"),
        ("100.64.0.0", "100.127.255.255"),
        ("127.0.0.0", "127.255.255.255"),
        ("168.63.129.16", "168.63.129.16"),
        ("169.254.0.0", "169.254.255.255"),
        ("172.16.0.0", "172.31.255.255"),
        ("192.0.0.0", "192.0.0.255"),
        ("192.0.2.0", "192.0.2.255"),
        ("192.88.99.0", "192.88.99.255"),
        ("192.168.0.0", "192.168.255.255"),
        ("198.18.0.0", "198.19.255.255"),
        ("198.51.100.0", "198.51.100.255"),
        ("203.0.113.0", "203.0.113.255"),
        ("224.0.0.0", "255.255.255.255"),
    ] {
        let [first, last] = [first, last].map(|text| u32::from(text.parse::<Ipv4Addr>().unwrap()));
        for bits in [first, last, first + (last - first) / 2] {
            assert!(!is_public_v4(bits.into()), "{}", Ipv4Addr::from(bits));
        }
        for bits in [first.checked_sub(1), last.checked_add(1)].into_iter().flatten() {
            assert!(is_public_v4(bits.into()), "{}", Ipv4Addr::from(bits));
        }
    }
}

/// Compares with the standard library for every /16, and for every /24 of the mixed ones.
#[test]
fn ipv4_blocks_agree_with_the_standard_library() {
    for high in 0..=u16::MAX {
        for low in [0_u16, 1, 0x0200, 0x6310, 0x6400, 0x7100, 0xfeff, 0xffff] {
            let address = Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
            let std = address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_broadcast()
                || address.is_documentation()
                || address.is_multicast()
                || address.is_unspecified();
            assert!(!std || !is_public_v4(address), "{address}");
        }
    }
}

// Threats: SSRF-01.
#[test]
fn only_global_unicast_ipv6_is_public() {
    for text in [
        "::",
        "::1",
        "::2",
        "::7f00:1",
        "::8.8.8.8",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:10.0.0.1",
        "::ffff:0:8.8.8.8",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::8.8.8.8",
        "64:ff9b::1:0:0:1",
        "100::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:1::1",
        "2001:20::1",
        "2001:1ff:ffff::1",
        "2001:db8::",
        "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "2002:a00::1",
        "3fff::1",
        "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
        "4000::1",
        "5f00::1",
        "1fff:ffff::1",
        "e000::1",
        "fc00::1",
        "fd00:ec2::254",
        "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "ffff::1",
        "2606:4700::5efe:10.0.0.1",
        "2606:4700::200:5efe:127.0.0.1",
    ] {
        assert!(!is_public(text.parse().unwrap()), "{text}");
    }
    for text in [
        "2606:4700:4700::1111",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2001:db7:ffff::1",
        "2001:db9::1",
        "2000::1",
        "2a00:1450:4001:81b::200e",
        "3ffe::1",
        "3fff:1000::1",
        "2002:808:808::1",
        "64:ff9b::8.8.8.8",
        "::ffff:8.8.8.8",
        "2606:4700::5efe:8.8.8.8",
    ] {
        assert!(is_public(text.parse().unwrap()), "{text}");
    }
}

/// Every refused IPv4 block is refused in every embedded form as well.
#[test]
fn private_ipv4_addresses_embedded_in_ipv6_are_not_public() {
    for (first, length) in REFUSED_V4 {
        let first = u32::from_be_bytes(*first);
        let last = first | u32::MAX.checked_shr(*length).unwrap_or(0);
        for bits in [first, last] {
            let [a, b] = [bits >> 16, bits & 0xffff].map(|half| u16::try_from(half).unwrap());
            for segments in [
                [0, 0, 0, 0, 0, 0xffff, a, b],
                [0, 0, 0, 0, 0, 0, a, b],
                [0x64, 0xff9b, 0, 0, 0, 0, a, b],
                [0x2002, a, b, 0, 0, 0, 0, 1],
                [0x2a00, 0x1450, 0, 0, 0, 0x5efe, a, b],
            ] {
                let address = Ipv6Addr::from(segments);
                assert!(!is_public(address.into()), "{address} {}", Ipv4Addr::from(bits));
            }
        }
    }
}

#[test]
fn local_host_names_are_not_public() {
    for host in [
        "localhost",
        "foo.localhost",
        "printer.local",
        "metadata.google.internal",
        "nas.home.arpa",
        "internal",
    ] {
        assert!(!is_public_name(host), "{host}");
    }
    for host in
        ["registry.example", "notlocalhost", "local.example", "xinternal", "arpa", "localhost.example"]
    {
        assert!(is_public_name(host), "{host}");
    }
}
