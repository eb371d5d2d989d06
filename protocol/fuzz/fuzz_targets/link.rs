//! `Link` lines: no panic, and every next page is a path of the registry API.
#![no_main]

use dockpass_protocol::origin::Origin;
use dockpass_protocol::paging::{NextPage, next_page};
use dockpass_protocol::uri::{relative, resolve};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let registry = Origin::parse("https://reg.example").expect("an origin");
    if let NextPage::Path(next) = next_page(text.split('\n'), &registry, "/v2/a/tags/list?n=1") {
        assert!(next.starts_with("/v2/") && next.bytes().all(|byte| byte.is_ascii_graphic()));
        let path = next.split('?').next().unwrap_or_default();
        assert!(!path.contains("//") && !path.split('/').any(|segment| segment == ".."));
        let again = format!("<{next}>; rel=\"next\"");
        assert_eq!(
            next_page([again.as_str()], &registry, "/v2/a/tags/list?n=1"),
            NextPage::Path(next.clone())
        );
        // A reference written by the gateway resolves to the same target under every prefix.
        let written = relative("/v2/a/tags/list", &next);
        let read = resolve(&written, &registry, "/v2/a/tags/list?n=1").expect("a reference");
        assert_eq!(read.path_and_query, next);
    }
});
