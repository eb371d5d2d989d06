use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, LineEnding};
use rsa::traits::PrivateKeyParts;

use super::{KeyError, KeyRing, SealingKey, generate_file};
use crate::test_support::key_file;

fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn pem() -> String {
    std::fs::read_to_string(key_file()).unwrap()
}

#[test]
fn keygen_writes_a_private_file_and_never_overwrites_one() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    for bits in [2_048_u32, 3_072] {
        let path = folder.path().join(format!("{bits}.pem"));
        let kid = generate_file(&path, bits).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let ring = KeyRing::load(std::slice::from_ref(&path)).unwrap();
        assert_eq!(ring.current().kid(), kid);
        assert_eq!(ring.current().size() * 8, usize::try_from(bits).unwrap());
        let before = std::fs::read(&path).unwrap();
        assert!(matches!(generate_file(&path, 2_048), Err(KeyError::Unwritable { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
    assert!(matches!(SealingKey::generate(1_024), Err(KeyError::Generation)));
}

// Threats: KEY-04.
#[test]
fn pkcs1_and_pkcs8_give_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    let key = RsaPrivateKey::from_pkcs8_pem(&pem()).unwrap();
    let pkcs1 = write(folder.path(), "1.pem", key.to_pkcs1_pem(LineEnding::LF).unwrap().as_bytes());
    let crlf = write(folder.path(), "8.pem", key.to_pkcs8_pem(LineEnding::CRLF).unwrap().as_bytes());
    let ring = KeyRing::load(&[key_file()]).unwrap();
    for path in [pkcs1, crlf] {
        let other = KeyRing::load(std::slice::from_ref(&path)).unwrap();
        assert_eq!(other.current().kid(), ring.current().kid());
        let tag = aws_lc_rs::hmac::sign(other.current().mac(), b"x");
        aws_lc_rs::hmac::verify(ring.current().mac(), b"x", tag.as_ref()).unwrap();
        assert!(matches!(KeyRing::load(&[key_file(), path]), Err(KeyError::Twice(_))));
    }
}

#[test]
fn the_first_key_seals_and_all_keys_open() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.pem");
    let kid = generate_file(&other, 2_048).unwrap();
    let ring = KeyRing::load(&[other, key_file()]).unwrap();
    assert_eq!(ring.current().kid(), kid);
    let kids: Vec<String> = ring.jwks().into_iter().map(|jwk| jwk.kid).collect();
    assert_eq!(kids.len(), 2);
    assert!(kids.iter().all(|kid| ring.find(kid).is_some()));
}

// Threats: KEY-02, KEY-03.
#[test]
fn unusable_key_files_are_refused_without_showing_their_content() {
    let folder = tempfile::tempdir().unwrap();
    let small = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 1_024).unwrap();
    let small = small.to_pkcs8_pem(LineEnding::LF).unwrap();
    let public = RsaPrivateKey::from_pkcs8_pem(&pem()).unwrap().to_public_key();
    let public = rsa::pkcs8::EncodePublicKey::to_public_key_pem(&public, LineEnding::LF).unwrap();
    let block = |label: &str, der: &[u8]| {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
    };
    for (name, text) in [
        ("empty", String::new()),
        ("text", "s3cret".to_owned()),
        ("small", small.to_string()),
        ("public", public),
        ("two", format!("{}{}", pem(), pem())),
        ("half", pem().get(..600).unwrap().to_owned()),
        ("certificate", block("CERTIFICATE", b"s3cret")),
        ("encrypted", block("ENCRYPTED PRIVATE KEY", b"s3cret")),
        ("ec", block("EC PRIVATE KEY", b"s3cret")),
        ("garbage", block("PRIVATE KEY", b"s3cret")),
        ("garbage1", block("RSA PRIVATE KEY", b"s3cret")),
    ] {
        let path = write(folder.path(), name, text);
        let error = KeyRing::load(std::slice::from_ref(&path)).unwrap_err();
        assert!(matches!(&error, KeyError::Unusable(file) if *file == path), "{name}: {error}");
        assert!(!error.to_string().contains("s3cret"));
    }
    let large = write(folder.path(), "large", vec![b'x'; 100_000]);
    assert!(matches!(KeyRing::load(&[large]), Err(KeyError::NotAKey(_))));
    assert!(matches!(KeyRing::load(&[folder.path().to_owned()]), Err(KeyError::NotAKey(_))));
    assert!(matches!(KeyRing::load(&["/dev/zero".into()]), Err(KeyError::NotAKey(_))));
    assert!(matches!(KeyRing::load(&[folder.path().join("missing")]), Err(KeyError::Unreadable { .. })));
}

// Threats: KEY-01, CFG-01.
#[test]
fn a_key_that_others_can_read_or_change_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "key.pem", pem());
    for (mode, good) in [
        (0o600, true),
        (0o400, true),
        (0o440, true),
        (0o640, true),
        (0o644, false),
        (0o660, false),
        (0o604, false),
        (0o666, false),
    ] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let loaded = KeyRing::load(std::slice::from_ref(&path));
        assert_eq!(loaded.is_ok(), good, "{mode:o}");
        assert!(good || matches!(loaded, Err(KeyError::Permissions(_))));
    }
}

// Threats: CFG-01, KEY-02.
#[test]
fn keys_with_a_small_exponent_or_too_many_bits_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let good = RsaPrivateKey::from_pkcs8_pem(&pem()).unwrap();
    let with_exponent = |exponent: u32| {
        let [p, q] = good.primes() else { panic!("two primes") };
        // Not every number has an inverse modulo these primes.
        RsaPrivateKey::from_p_q(p.clone(), q.clone(), rsa::BigUint::from(exponent)).ok()
    };
    let small: Vec<RsaPrivateKey> =
        [3, 5, 7, 11, 13, 17, 19, 23, 257].into_iter().filter_map(with_exponent).collect();
    assert!(!small.is_empty(), "these primes have no key with a small exponent");
    for key in small.iter().chain([&large_key()]) {
        let path = write(folder.path(), "key.pem", key.to_pkcs8_pem(LineEnding::LF).unwrap().as_bytes());
        let error = KeyRing::load(&[path]).unwrap_err();
        assert!(matches!(error, KeyError::Unusable(_)), "{error}");
        assert!(error.to_string().contains("2048 to 4096 bits"), "{error}");
    }
    let path = write(
        folder.path(),
        "same.pem",
        with_exponent(65_537).unwrap().to_pkcs8_pem(LineEnding::LF).unwrap().as_bytes(),
    );
    assert!(KeyRing::load(&[path]).is_ok());
}

/// A key of 4098 bits, from two primes with a pattern: quick to have, and of no use to anybody.
fn large_key() -> RsaPrivateKey {
    let prime = |above: u32| {
        let number = (rsa::BigUint::from(1_u32) << 2_048) + rsa::BigUint::from(above);
        assert_eq!(number.bits(), 2_049);
        number
    };
    RsaPrivateKey::from_p_q(prime(LARGE_PRIMES.0), prime(LARGE_PRIMES.1), rsa::BigUint::from(65_537_u32))
        .unwrap()
}

/// The first two primes above 2^2048, less 2^2048.
const LARGE_PRIMES: (u32, u32) = (981, 1617);
