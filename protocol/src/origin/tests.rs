use super::*;
use crate::reference::RegistryName;

fn printed(text: &str) -> Result<String, ErrorCode> {
    Origin::parse(text).map(|origin| origin.to_string())
}

#[test]
fn all_spellings_have_one_canonical_form() {
    for (text, expected) in [
        ("https://registry.example", "https://registry.example"),
        ("HTTPS://Registry.EXAMPLE/", "https://registry.example"),
        ("https://registry.example.", "https://registry.example"),
        ("https://registry.example:443", "https://registry.example"),
        ("http://registry.example:80/", "http://registry.example"),
        ("http://registry.example:443", "http://registry.example:443"),
        ("https://registry.example:5000", "https://registry.example:5000"),
        ("http://localhost:5000", "http://localhost:5000"),
        ("http://docker_auth:5001", "http://docker_auth:5001"),
        ("https://XN--BCHER-KVA.example", "https://xn--bcher-kva.example"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("http://[::1]:5000", "http://[::1]:5000"),
        ("https://[2001:DB8:0:0:0:0:0:1]", "https://[2001:db8::1]"),
        ("https://[::ffff:10.0.0.1]", "https://[::ffff:10.0.0.1]"),
        ("https://1.example", "https://1.example"),
        ("https://0x7f.example", "https://0x7f.example"),
    ] {
        assert_eq!(printed(text).as_deref(), Ok(expected), "{text}");
        assert_eq!(printed(expected).as_deref(), Ok(expected), "{text}: idempotent");
    }
}

#[test]
fn malformed_origins_are_refused() {
    for text in [
        "",
        "registry.example",
        "https://",
        "https:///",
        "ftp://registry.example",
        "https//registry.example",
        "https:registry.example",
        " https://registry.example",
        "https://registry.example ",
        "https://registry.example/v2/",
        "https://registry.example//",
        "https://registry.example?x",
        "https://registry.example#x",
        "https://user@registry.example",
        "https://user:password@registry.example",
        "https://registry.example\\@evil.example",
        "https://registry%2eexample",
        "https://registry example",
        "https://registry\t.example",
        "https://registry\n.example",
        "https://registry..example",
        "https://.example",
        "https://registry.example..",
        "https://-registry.example",
        "https://registry-.example",
        "https://registry.example:",
        "https://registry.example:0",
        "https://registry.example:00443",
        "https://registry.example:65536",
        "https://registry.example:+443",
        "https://registry.example: 443",
        "https://registry.example:443:443",
        "https://::1",
        "https://[::1",
        "https://[::1]x",
        "https://[::1]x:1",
        "https://[fe80::1%25eth0]",
        "https://[1.2.3.4]",
        "https://[]",
        "https://127.1",
        "https://127.0.0.1.",
        "https://0177.0.0.1",
        "https://0x7f000001",
        "https://0x7f.0.0.1",
        "https://2130706433",
        "https://1.2.3.4.5",
        "https://256.0.0.1",
        "https://registry.1",
        "https://registry.0x",
        "https://*.example",
    ] {
        assert_eq!(printed(text), Err(ErrorCode::InvalidRegistry), "{text}");
    }
    for text in [
        "https://r\u{435}gistry.example",
        "https://①②⑦.0.0.1",
        "https://127。0。0。1",
        "https://bücher.example",
    ] {
        assert_eq!(printed(text), Err(ErrorCode::NonAsciiHost), "{text}");
    }
}

#[test]
fn limits_of_dns_lengths_are_exact() {
    let label = "a".repeat(63);
    assert!(printed(&format!("https://{label}.example")).is_ok());
    assert!(printed(&format!("https://{label}a.example")).is_err());
    let name = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    assert_eq!(name.len(), 253);
    assert!(printed(&format!("https://{name}.")).is_ok());
    assert!(printed(&format!("https://{name}a")).is_err());
}

#[test]
fn ip_addresses_are_recognised() {
    let ip = |text: &str| Origin::parse(text).unwrap().ip();
    assert_eq!(ip("http://127.0.0.1:5000"), Some("127.0.0.1".parse().unwrap()));
    assert_eq!(ip("http://[::1]"), Some("::1".parse().unwrap()));
    assert_eq!(ip("http://localhost"), None);
}

#[test]
fn the_endpoint_of_a_registry_is_its_origin() {
    let of = |name: &str, scheme| name.parse::<RegistryName>().unwrap().origin(scheme).unwrap().to_string();
    assert_eq!(of("docker.io", Scheme::Https), "https://registry-1.docker.io");
    assert_eq!(of("Registry.Example:443", Scheme::Https), "https://registry.example");
    assert_eq!(of("localhost:5000", Scheme::Http), "http://localhost:5000");
}

#[test]
fn the_host_field_names_the_port_when_it_is_not_the_schemes_own() {
    let authority = |text: &str| Origin::parse(text).unwrap().authority();
    assert_eq!(authority("https://registry.example:443"), "registry.example");
    assert_eq!(authority("http://registry.example:443"), "registry.example:443");
    assert_eq!(authority("http://[::1]:5000"), "[::1]:5000");
}
