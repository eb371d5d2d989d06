use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

use super::{content_type, relink};
use crate::config::{Config, RegistryConfig};
use crate::registry::Registries;

#[test]
fn links_lead_through_the_gateway_or_nowhere() {
    let config =
        Config { registries: vec![RegistryConfig::by_url("R", "https://r.test:5000")], ..Config::default() };
    let registries = Registries::new(&config).unwrap();
    let registry = registries.iter().next().unwrap();
    for (link, expected) in [
        (
            "</v2/_catalog?n=2&last=b>; rel=\"next\"",
            Some("</r/r.test:5000/v2/_catalog?n=2&last=b>; rel=\"next\""),
        ),
        (
            "<https://r.test:5000/v2/a/tags/list?next_page=x>; rel=next",
            Some("</r/r.test:5000/v2/a/tags/list?next_page=x>; rel=next"),
        ),
        (
            "</v2/a/tags/list?n=1>; rel=\"next\", </v2/a/tags/list?n=2>; rel=\"last\"",
            Some(
                "</r/r.test:5000/v2/a/tags/list?n=1>; rel=\"next\", </r/r.test:5000/v2/a/tags/list?n=2>; rel=\"last\"",
            ),
        ),
        ("<https://r.test/v2/_catalog>; rel=\"next\"", None),
        ("<http://r.test:5000/v2/_catalog>; rel=\"next\"", None),
        ("<https://evil.test/v2/_catalog>; rel=\"next\"", None),
        ("<//evil.test/v2/_catalog>; rel=\"next\"", None),
        ("</admin>; rel=\"next\"", None),
        ("</v2/../admin>; rel=\"next\"", None),
        ("</v2/_catalog; rel=\"next\"", None),
        ("next", None),
        ("", None),
    ] {
        assert_eq!(relink(registry, link).as_deref(), expected, "{link}");
    }
}

// Threats: GW-26.
#[test]
fn only_types_of_data_keep_their_name() {
    for (sent, expected) in [
        ("application/json", "application/json"),
        ("application/json; charset=utf-8", "application/json; charset=utf-8"),
        ("application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.index.v1+json"),
        (
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
        ),
        ("text/html", "application/octet-stream"),
        ("TEXT/HTML; charset=utf-8", "application/octet-stream"),
        ("application/xhtml+xml", "application/octet-stream"),
        ("application/vnd.evil+xhtml", "application/octet-stream"),
        ("image/svg+xml", "application/octet-stream"),
        ("text/javascript", "application/octet-stream"),
        ("application/problem+json", "application/octet-stream"),
        ("", "application/octet-stream"),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(sent).unwrap());
        assert_eq!(content_type(&headers), expected, "{sent}");
    }
    assert_eq!(content_type(&HeaderMap::new()), "application/octet-stream");
}
