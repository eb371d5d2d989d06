//! Tokens: no panic, and broken tokens grant nothing.
#![no_main]

use dockpass_protocol::jwt::{Decoded, JwtProblem, Reading, grant as grant_of, inspect, read};
use dockpass_protocol::scope::{Grant, Scope};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // The bytes as a token, and as the claims of a token, because the fuzzer cannot produce base64.
    let text = String::from_utf8_lossy(data);
    check(&text);
    check(&format!("eyJhbGciOiJub25lIn0.{}.c2ln", base64url(data)));
});

fn check(token: &str) {
    let info = inspect(token);
    let requested = Scope::repository("a/b", &["pull"]);
    let grant = info.grant(&requested);
    let mut decoded = Decoded::default();
    let reading = read(token.as_bytes(), &mut decoded);
    assert_eq!(grant_of(&reading, &requested), grant);
    assert_eq!(matches!(reading, Reading::Jwt(_)), info.is_jwt());
    if let Reading::Jwt(jwt) = &reading {
        let [flags, claims_at, ..] = jwt.summary();
        assert_eq!((claims_at as usize, Some(jwt.header_json)), (jwt.header_json.len(), info.header_json()));
        assert_eq!(flags & 2 != 0, info.subject.as_deref().is_some_and(|subject| !subject.is_empty()));
        assert_eq!(flags & 12 != 0, !info.audience.is_empty());
    }
    match info.problem() {
        // The rest of the token is good, and its entries that are.
        Some(JwtProblem::Access) => assert!(info.is_jwt()),
        Some(_) => {
            assert!(!info.is_jwt());
            assert_eq!(grant, Grant::Denied);
        }
        None if !info.is_jwt() => assert_eq!(grant, Grant::Unknown),
        None => {}
    }
    if info.is_jwt() {
        let claims = info.claims_json().expect("claims of a JWT");
        assert!(serde_json::from_str::<serde::de::IgnoredAny>(claims).is_ok());
        // The range of JavaScript's dates, in milliseconds.
        assert!(info.expires_at.is_none_or(|time| time.unsigned_abs() <= 8_640_000_000_000_000));
    }
}

fn base64url(data: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in data.chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - chunk.len()));
        for at in 0..=chunk.len() {
            out.push(char::from(ALPHABET[(bits >> (18 - 6 * at) & 63) as usize]));
        }
    }
    out
}
