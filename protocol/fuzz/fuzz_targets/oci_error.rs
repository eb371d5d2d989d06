//! Error bodies of registries: no panic, and the limits hold.
#![no_main]

use dockpass_protocol::oci_error::{first_code, parse_errors};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let errors = parse_errors(body);
    let _ = first_code(body);
    assert!(errors.len() <= body.len());
});
