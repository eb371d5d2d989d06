//! Sealed sessions: only a genuine one opens.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dockpass_keyserver::fuzzing::session(input));
