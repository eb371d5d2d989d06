//! Project Wycheproof's vectors, which are attacks on known implementations, on the two algorithms of a session.

use aws_lc_rs::rsa::{OaepPrivateDecryptingKey, PrivateDecryptingKey};
use wycheproof::rsa_oaep::{TestName as Oaep, TestSet as OaepSet};
use wycheproof::{HashFunction, TestResult, aead};

use super::{decrypt_content, decrypt_key};

// Threats: JWE-12.
#[test]
fn rsa_oaep_decrypts_what_it_should_and_nothing_else() {
    let sets = [
        Oaep::Rsa2048Sha256Mgf1Sha256,
        Oaep::Rsa3072Sha256Mgf1Sha256,
        Oaep::Rsa4096Sha256Mgf1Sha256,
        Oaep::RsaMisc,
    ];
    let (mut valid, mut invalid) = (0, 0);
    for name in sets {
        for group in OaepSet::load(name).unwrap().test_groups {
            if group.hash != HashFunction::Sha2_256 || group.mgf_hash != HashFunction::Sha2_256 {
                continue;
            }
            // Keys of other sizes are none of a key ring.
            let Ok(key) = PrivateDecryptingKey::from_pkcs8(&group.pkcs8) else { continue };
            if !(2_048..=4_096).contains(&key.key_size_bits()) {
                continue;
            }
            let key = OaepPrivateDecryptingKey::new(key).unwrap();
            for test in group.tests {
                let mut buffer = vec![0; key.min_output_size()];
                let text = decrypt_key(&key, &test.ct, &mut buffer);
                // A session has no label.
                if test.result == TestResult::Valid && test.label.is_empty() {
                    assert_eq!(text, Some(&test.pt[..]), "{name:?} {}: {}", test.tc_id, test.comment);
                    valid += 1;
                } else if test.result == TestResult::Invalid || !test.label.is_empty() {
                    assert_eq!(text, None, "{name:?} {}: {}", test.tc_id, test.comment);
                    invalid += 1;
                }
            }
        }
    }
    assert!(valid >= 30 && invalid >= 60, "{valid} valid, {invalid} invalid");
}

// Threats: JWE-12.
#[test]
fn aes_gcm_decrypts_what_it_should_and_nothing_else() {
    let (mut valid, mut invalid) = (0, 0);
    for group in aead::TestSet::load(aead::TestName::AesGcm).unwrap().test_groups {
        for test in group.tests {
            // Other sizes do not parse as a session's.
            let (Ok(key), Ok(nonce), Ok(tag)) = (
                <&[u8; 32]>::try_from(&test.key[..]),
                <[u8; 12]>::try_from(&test.nonce[..]),
                <&[u8; 16]>::try_from(&test.tag[..]),
            ) else {
                continue;
            };
            let text = decrypt_content(key, nonce, &test.aad, test.ct.to_vec(), tag);
            if test.result == TestResult::Valid {
                assert_eq!(text.as_deref(), Some(&test.pt.to_vec()), "{}: {}", test.tc_id, test.comment);
                valid += 1;
            } else {
                assert_eq!(text, None, "{}: {}", test.tc_id, test.comment);
                invalid += 1;
            }
        }
    }
    assert!(valid >= 39 && invalid >= 27, "{valid} valid, {invalid} invalid");
}
