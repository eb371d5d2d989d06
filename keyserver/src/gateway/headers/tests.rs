use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LINK};

use super::{content_type, exposed_headers, links, request_headers, upstream};
use crate::config::Settings;
use crate::gateway::Target;
use crate::registry::Registries;
use crate::test_support::registry_settings;

/// The `Link` and the `Registry-Link` lines that are relayed for a `Link` line of the registry, in a response to a
/// request for `target` that the registry answered at `path`.
fn relayed_links(target: &str, path: &str, line: &str) -> (Vec<String>, Vec<String>) {
    let config =
        Settings { registries: vec![registry_settings("https://r.test:5000")], ..Settings::default() };
    let names = crate::resolver::HostResolver::system().unwrap();
    let registries = Registries::new(&config, &config.own_origin().unwrap(), &names).unwrap();
    let registry = registries.iter().next().unwrap();
    let (mut from, mut to) = (HeaderMap::new(), HeaderMap::new());
    from.insert(LINK, HeaderValue::from_str(line).unwrap());
    links(registry, path, &Target::parse_target("GET", target).unwrap(), &from, &mut to);
    let lines =
        |name: &str| to.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect();
    (lines("link"), lines("registry-link"))
}

// Threats: SSRF-15.
#[test]
fn links_are_relative_to_the_request() {
    const CATALOG: &str = "/v2/_catalog?n=2";
    const TAGS: &str = "/v2/a/tags/list";
    for (target, line, expected) in [
        (CATALOG, "</v2/_catalog?n=2&last=b>; rel=\"next\"", "<?n=2&last=b>; rel=\"next\""),
        (CATALOG, "<_catalog?n=2&last=b>; rel=\"next\"", "<?n=2&last=b>; rel=\"next\""),
        (CATALOG, "<?n=2&last=b>; rel=next", "<?n=2&last=b>; rel=\"next\""),
        (TAGS, "<https://r.test:5000/v2/a/tags/list?next_page=x>; rel=next", "<?next_page=x>; rel=\"next\""),
        // Of a link to another path, scheme or prefix, what names the page.
        (TAGS, "</v2/b/tags/list?last=x>; rel=next", "<?last=x>; rel=\"next\""),
        (TAGS, "<http://r.test/p/v2/a/tags/list?last=x>; rel=next", "<?last=x>; rel=\"next\""),
        (TAGS, "/v2/a/tags/list?last=x; rel=next", "<?last=x>; rel=\"next\""),
        (TAGS, "</v2/a/tags/list?n=2>; rel=\"last\"; title=\"x\"", "<?n=2>; rel=\"last\"; title=\"x\""),
    ] {
        assert_eq!(relayed_links(target, target, line), (vec![expected.to_owned()], vec![]), "{line}");
    }
    // Both, and the next page last.
    let both = "</v2/a/tags/list?n=1>; rel=\"next\", </v2/a/tags/list?n=2>; rel=\"last\"";
    let expected = ["<?n=2>; rel=\"last\"", "<?n=1>; rel=\"next\""].map(str::to_owned);
    assert_eq!(relayed_links(TAGS, TAGS, both), (expected.to_vec(), vec![]));
    // The registry redirected within itself: its reference is relative to where it redirected to.
    let moved = relayed_links(TAGS, "/v2/b/tags/list", "<?last=x>; rel=\"next\"");
    assert_eq!(moved, (vec!["<../../b/tags/list?last=x>; rel=\"next\"".to_owned()], vec![]));
}

// Threats: SSRF-15.
#[test]
fn a_next_page_that_cannot_be_requested_is_relayed_under_another_name() {
    for line in [
        "<https://r.test:9999/v2/_catalog?n=2>; rel=\"next\"",
        "<https://evil.test/v2/_catalog?n=2>; rel=\"next\"",
        "<//evil.test/v2/_catalog?n=2>; rel=\"next\"",
        "</admin>; rel=\"next\"",
        "</v2/../admin>; rel=\"next\"",
        "</v2/a/unknown/list>; rel=\"next\"",
        "</v2/_catalog>; rel=\"next\"",
    ] {
        assert_eq!(
            relayed_links("/v2/_catalog", "/v2/_catalog", line),
            (vec![], vec![line.to_owned()]),
            "{line}"
        );
    }
    for line in ["<https://evil.test/>; rel=\"last\"", "next", ""] {
        assert_eq!(relayed_links("/v2/_catalog", "/v2/_catalog", line), (vec![], vec![]), "{line}");
    }
}

#[test]
fn cors_allows_and_exposes_the_relayed_headers() {
    let exposed: Vec<HeaderName> = exposed_headers().collect();
    for name in
        ["link", "registry-link", "www-authenticate", "registry-challenge", "location", "ratelimit-limit"]
    {
        assert!(exposed.contains(&HeaderName::from_static(name)), "{name}");
    }
    assert!(!exposed.contains(&http::header::SET_COOKIE));
    let mut from = HeaderMap::new();
    for name in request_headers().chain([http::header::COOKIE]) {
        from.insert(name, HeaderValue::from_static("x"));
    }
    let upstream = upstream(&from);
    let own = [http::header::AUTHORIZATION, HeaderName::from_static("x-dockpass")];
    assert!(request_headers().all(|name| upstream.contains_key(&name) != own.contains(&name)));
    assert!(!upstream.contains_key("cookie"));
}

// Threats: GW-26.
#[test]
fn only_data_media_types_are_relayed() {
    for (sent, expected) in [
        ("application/json", "application/json"),
        ("application/json; charset=utf-8", "application/json"),
        ("application/json;,text/html", "application/octet-stream"),
        ("application/json, text/html", "application/octet-stream"),
        ("application/json;a=\"b\",text/html", "application/octet-stream"),
        ("application/vnd.x;y=z", "application/vnd.x"),
        ("application/vnd.x+xml", "application/octet-stream"),
        ("application/vnd.x y", "application/octet-stream"),
        ("application/vnd.x/y", "application/octet-stream"),
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
