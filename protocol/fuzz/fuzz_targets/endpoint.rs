//! Request paths: no panic, and relayed paths are paths of the registry API.
#![no_main]

use dockpass_protocol::scope::{Endpoint, scopes_for};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let scopes = scopes_for(method, text);
        let path = text.split('?').next().unwrap_or_default();
        if Endpoint::parse(method, path).is_ok() {
            assert!(path.starts_with("/v2/") && path.is_ascii());
            assert!(!path.contains("..") || !path.split('/').any(|segment| segment == ".."));
            assert!(!path.contains(['%', '\\', '?', '#']));
        }
        if let Ok(scopes) = scopes {
            assert_eq!(scopes.to_string().parse().as_ref(), Ok(&scopes));
        }
    }
});
