//! Methods, paths and queries of the gateway.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dockpass_keyserver::fuzzing::gateway_path(input));
