//! Configuration files.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dockpass_keyserver::fuzzing::config(input));
