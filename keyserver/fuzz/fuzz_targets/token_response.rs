//! Responses of token services, from the octets on the connection to the token.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dockpass_keyserver::fuzzing::token_response(input));
