//! Responses of token services: no panic, and the token is a valid header value.
#![no_main]

use dockpass_protocol::jwt::inspect;
use dockpass_protocol::token::parse_token_response;
use libfuzzer_sys::fuzz_target;
use secrecy::ExposeSecret;

const NOW_MS: i64 = 1_790_000_000_000;

fuzz_target!(|body: &[u8]| {
    if let Ok(response) = parse_token_response(body, NOW_MS) {
        let token = response.token.expose_secret();
        assert!(!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()));
        // The default lifetime is one minute.
        if response.expires_in.is_none() && inspect(token).expires_at.is_none() {
            assert_eq!(response.expires_at_ms, NOW_MS + 60_000);
        }
        assert!(response.expires_in.is_none_or(|seconds| seconds > 0));
        // The token is not shown, unless a scope or the name of a field is the same string.
        let elsewhere = format!("{:?}", response.scope).contains(token);
        let names =
            format!("{:?}", parse_token_response(br#"{"token":"x","refresh_token":"x","scope":""}"#, NOW_MS));
        assert!(
            !format!("{response:?}").contains(token)
                || token.len() < 12
                || elsewhere
                || names.contains(token)
        );
    }
});
