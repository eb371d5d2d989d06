//! Tests of base64url. Tokens are tested in `dockpass-protocol`.

use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn base64url_is_that_of_the_base64_crate(bytes in prop::collection::vec(any::<u8>(), 0..40), text in "[A-Za-z0-9_=+/ -]{0,12}") {
        let decode = |text: &str| {
            let mut out = [0x55; 64];
            let (read, written) = base64url::decode(text.as_bytes(), &mut out)?;
            Some((read, out[..written].to_vec()))
        };
        let encoded = URL_SAFE_NO_PAD.encode(&bytes);
        prop_assert_eq!(decode(&encoded), Some((encoded.len(), bytes.clone())));
        prop_assert_eq!(decode(&format!("{encoded}.{text}")), Some((encoded.len(), bytes.clone())));
        let expected = URL_SAFE_NO_PAD.decode(&text).ok();
        prop_assert_eq!(decode(&text).filter(|(read, _)| *read == text.len()).map(|(_, bytes)| bytes), expected.clone());
        let mut small = vec![0; bytes.len().saturating_sub(1)];
        prop_assert_eq!(base64url::decode(encoded.as_bytes(), &mut small).is_none(), !bytes.is_empty());
        prop_assert_eq!(base64url::is_valid(text.as_bytes()), expected.is_some());
        let padded = URL_SAFE.encode(&bytes);
        prop_assert_eq!(base64url::is_valid(padded.as_bytes()), !padded.contains('='));
    }
}

#[test]
fn decoding_agrees_with_the_base64_crate() {
    let whole = URL_SAFE_NO_PAD.encode((0..60_u8).map(|octet| octet.wrapping_mul(37)).collect::<Vec<_>>());
    for length in 0..whole.len() {
        let mut text = whole.as_bytes()[..length].to_vec();
        for place in [None, Some(0), length.checked_sub(1), length.checked_sub(2), length.checked_div(2)] {
            let good = place.and_then(|place| Some((place, *text.get(place)?)));
            for octet in 0..=255 {
                if let Some((place, _)) = good {
                    text[place] = octet;
                }
                let expected = URL_SAFE_NO_PAD.decode(&text).ok();
                assert_eq!(base64url::is_valid(&text), expected.is_some(), "{text:?}");
                let mut out = [0; 128];
                let decoded = base64url::decode(&text, &mut out).filter(|(read, _)| *read == text.len());
                assert_eq!(decoded.map(|(_, written)| &out[..written]), expected.as_deref(), "{text:?}");
                if good.is_none() {
                    break;
                }
            }
            if let Some((place, octet)) = good {
                text[place] = octet;
            }
        }
    }
}

#[test]
fn invalid_octets_in_two_blocks_do_not_cancel_out() {
    for wrong in ["!", "=", "\u{7f}", "."] {
        for block in [8, 16] {
            let text = format!("{wrong}{}", "A".repeat(block - 1)).repeat(2);
            assert!(!base64url::is_valid(text.as_bytes()), "{text}");
        }
    }
}

#[test]
fn debug_shows_no_claims() {
    let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
    let token = format!("{}.{}.c2ln", part(r#"{"alg":"RS256"}"#), part(r#"{"sub":"canary-of-the-claims"}"#));
    let mut decoded = Decoded::default();
    let Reading::Jwt(jwt) = read(token.as_bytes(), &mut decoded) else { panic!("a JWT") };
    let shown = format!("{jwt:?}");
    assert!(shown.starts_with("Jwt") && !shown.contains("canary"), "{shown}");
    let shown = format!("{decoded:?}");
    assert!(shown.starts_with("Decoded") && !shown.contains("canary"), "{shown}");
}
