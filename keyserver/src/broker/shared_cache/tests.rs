use std::sync::Arc;

use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::flow::{FlowError, Hop};
use secrecy::{ExposeSecret, SecretString};

use super::{CachedToken, Entry, KeptResponse, decode, encode};

fn token() -> Entry {
    Entry::Token(Arc::new(CachedToken {
        token: SecretString::from("a \"registry\" token"),
        expires_at_ms: 5_000,
        is_jwt: true,
        granted: vec!["repository:a:pull".to_owned()],
        denied: vec!["repository:b:pull".to_owned()],
        unknown: Vec::new(),
        obtained_at_ms: 1_000,
        keep_until_ms: 4_000,
        response: KeptResponse::default(),
    }))
}

fn refusal(code: ErrorCode, status: Option<u16>) -> Entry {
    let error = FlowError { status, ..FlowError::new(code, Hop::TokenService) };
    Entry::Refused { error, obtained_at_ms: 1_000, keep_until_ms: 4_000 }
}

#[test]
fn entries_round_trip() {
    match decode(&encode(&token()).unwrap()).unwrap() {
        Entry::Token(read) => {
            assert_eq!(read.token.expose_secret(), "a \"registry\" token");
            assert_eq!((read.expires_at_ms, read.obtained_at_ms, read.keep_until_ms), (5_000, 1_000, 4_000));
            assert_eq!(
                (read.is_jwt, read.granted.len(), read.denied.len(), read.unknown.len()),
                (true, 1, 1, 0)
            );
        }
        Entry::Refused { .. } => panic!("a token became a refusal"),
    }
    match decode(&encode(&refusal(ErrorCode::ScopeDenied, Some(403))).unwrap()).unwrap() {
        Entry::Refused { error, obtained_at_ms: 1_000, keep_until_ms: 4_000 } => {
            assert_eq!(
                (error.code, error.hop, error.status),
                (ErrorCode::ScopeDenied, Hop::TokenService, Some(403))
            );
        }
        other => panic!("{other:?}"),
    }
}

// Threats: CCH-09, CCH-11.
#[test]
fn malformed_entries_are_misses() {
    // Sealed by an instance of another version, or one with a bug: only clear refusals are refusals.
    for entry in [
        refusal(ErrorCode::UpstreamFailed, Some(503)),
        refusal(ErrorCode::ScopeDenied, None),
        refusal(ErrorCode::RateLimited, Some(429)),
    ] {
        assert!(decode(&encode(&entry).unwrap()).is_none(), "{entry:?}");
    }
    let good = String::from_utf8(encode(&token()).unwrap().to_vec()).unwrap();
    for bad in [
        String::new(),
        "{}".to_owned(),
        "[]".to_owned(),
        r#"{"obtained_at_ms":1,"keep_until_ms":2}"#.to_owned(),
        good.replace("\"is_jwt\":true", "\"is_jwt\":true,\"more\":1"),
        good.replace("\"is_jwt\":true,", ""),
        good.replace("5000", "\"5000\""),
        format!("{good} more"),
        good.chars().take(good.len() / 2).collect(),
    ] {
        assert!(decode(bad.as_bytes()).is_none(), "{bad}");
    }
}
