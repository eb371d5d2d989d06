//! base64url. What tokens say is tested in `dockpass-protocol`.

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
