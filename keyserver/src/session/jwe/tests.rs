use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs8::DecodePrivateKey;
use rsa::{BigUint, Oaep, RsaPrivateKey, RsaPublicKey};
use serde_json::json;

use super::{INNER_HEADER, MAX_LENGTH, fits, looks_like_one, open, parse, seal};
use crate::clock::{NoRandomness, Randomness, SystemRandomness};
use crate::session::keyring::{KeyRing, SealingKey};
use crate::test_support::key_file;

const CLAIMS: &[u8] = br#"{"any":"claims"}"#;

fn key() -> KeyRing {
    KeyRing::load(&[key_file()]).unwrap()
}

fn seal_with(key: &SealingKey) -> String {
    seal(CLAIMS, key, &SystemRandomness::default()).unwrap()
}

fn open_with(token: &str, key: &SealingKey) -> Option<Vec<u8>> {
    let parsed = parse(token)?;
    if parsed.kid != key.kid() || !fits(&parsed, key) {
        return None;
    }
    open(parsed, key, &SystemRandomness::default()).map(|claims| claims.to_vec())
}

/// The key by an implementation that shares nothing with ours.
fn independent() -> RsaPrivateKey {
    RsaPrivateKey::from_pkcs8_pem(&std::fs::read_to_string(key_file()).unwrap()).unwrap()
}

/// What anybody can do who has the public key: encrypt this text under it.
fn encrypt(
    header: &str,
    cek: &[u8],
    iv: [u8; 12],
    text: &[u8],
    jwk: &crate::session::keyring::Jwk,
) -> String {
    let number = |text: &str| BigUint::from_bytes_be(&URL_SAFE_NO_PAD.decode(text).unwrap());
    let public = RsaPublicKey::new(number(&jwk.n), number(&jwk.e)).unwrap();
    let encrypted =
        public.encrypt(&mut rsa::rand_core::OsRng, Oaep::new::<rsa::sha2::Sha256>(), cek).unwrap();
    let header = URL_SAFE_NO_PAD.encode(header);
    let mut padded = [0_u8; 32];
    padded[..cek.len().min(32)].copy_from_slice(&cek[..cek.len().min(32)]);
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &padded).unwrap());
    let mut text = text.to_vec();
    let tag = cipher
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(iv), Aad::from(header.as_bytes()), &mut text)
        .unwrap();
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    format!("{header}.{}.{}.{}.{}", part(&encrypted), part(&iv), part(&text), part(tag.as_ref()))
}

fn header(kid: &str) -> String {
    json!({"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": kid, "typ": "dockpass-session"}).to_string()
}

// Threats: JWE-22.
#[test]
fn sessions_round_trip_and_every_seal_differs() {
    let ring = key();
    let (one, two) = (seal_with(ring.current()), seal_with(ring.current()));
    assert_eq!(open_with(&one, ring.current()).unwrap(), CLAIMS);
    for (a, b) in one.split('.').zip(two.split('.')).skip(1) {
        assert_ne!(a, b, "key, nonce, text and tag are drawn anew");
    }
    assert!(looks_like_one(&one));
}

// Threats: SES-22.
#[test]
fn a_damaged_session_is_still_recognised_as_a_session() {
    let token = seal_with(key().current());
    for damaged in
        [token.replacen("eyJ", "!!!", 1), token.replacen("eyJ", "AAA", 1), token.get(1..).unwrap().to_owned()]
    {
        assert!(
            looks_like_one(&damaged),
            "it would leave for a registry: {}",
            damaged.chars().take(20).collect::<String>()
        );
        assert_eq!(open_with(&damaged, key().current()), None);
    }
    // Tokens of registries with dots in them are theirs.
    for other in ["a.b.c.d.e", "ya29.c.b0.x.y", "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"] {
        assert!(!looks_like_one(other), "{other}");
    }
}

// Threats: JWE-12.
#[test]
fn an_independent_implementation_opens_what_is_sealed_here() {
    let ring = key();
    let token = seal_with(ring.current());
    let parts: Vec<Vec<u8>> = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
    let header: serde_json::Value = serde_json::from_slice(&parts[0]).unwrap();
    assert_eq!(
        header,
        json!({"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": ring.current().kid(), "typ": "dockpass-session"})
    );
    let cek = independent().decrypt(Oaep::new::<rsa::sha2::Sha256>(), &parts[1]).unwrap();
    assert_eq!(cek.len(), 32);
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &cek).unwrap());
    let mut text = [parts[3].clone(), parts[4].clone()].concat();
    let nonce = Nonce::try_assume_unique_for_key(&parts[2]).unwrap();
    let aad = Aad::from(token.split('.').next().unwrap().as_bytes());
    let jws = cipher.open_in_place(nonce, aad, &mut text).unwrap();
    let jws = std::str::from_utf8(jws).unwrap();
    let claims = jws.split('.').nth(1).unwrap();
    assert_eq!(URL_SAFE_NO_PAD.decode(claims).unwrap(), CLAIMS);
}

// Threats: JWE-12.
#[test]
fn a_session_encrypted_by_another_implementation_opens_if_it_is_signed_inside() {
    let ring = key();
    let token = seal_with(ring.current());
    // The inner JWS of a genuine session, wrapped anew by the other implementation.
    let parsed = parse(&token).unwrap();
    let inner = {
        let parts: Vec<Vec<u8>> =
            token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
        let cek = independent().decrypt(Oaep::new::<rsa::sha2::Sha256>(), &parts[1]).unwrap();
        let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &cek).unwrap());
        let mut text = [parts[3].clone(), parts[4].clone()].concat();
        let nonce = Nonce::try_assume_unique_for_key(&parts[2]).unwrap();
        cipher.open_in_place(nonce, Aad::from(parsed.header.as_bytes()), &mut text).unwrap().to_vec()
    };
    let again = encrypt(&header(ring.current().kid()), &[7; 32], [9; 12], &inner, &ring.current().jwk());
    assert_eq!(open_with(&again, ring.current()).unwrap(), CLAIMS);
}

// Threats: JWE-14, JWE-15, JWE-26.
#[test]
fn the_public_key_cannot_forge_a_session() {
    let ring = key();
    let jwk = ring.current().jwk();
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let claims = part(r#"{"registry":"10.0.0.1","exp":4102444800}"#);
    let public_pem = format!("{}.{}", jwk.n, jwk.e);
    let hmac = |secret: &[u8], text: &str| {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
        URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&key, text.as_bytes()).as_ref())
    };
    let signed = format!("{}.{claims}", part(INNER_HEADER));
    for inner in [
        r#"{"registry":"10.0.0.1"}"#.to_owned(),
        String::new(),
        "[]".to_owned(),
        format!("{}.{claims}.", part(r#"{"alg":"none"}"#)),
        format!("{signed}."),
        format!("{signed}.{}", hmac(b"", &signed)),
        format!("{signed}.{}", hmac(public_pem.as_bytes(), &signed)),
        format!("{signed}.{}", hmac(jwk.kid.as_bytes(), &signed)),
    ] {
        let token = encrypt(&header(&jwk.kid), &[7; 32], [9; 12], inner.as_bytes(), &jwk);
        assert_eq!(open_with(&token, ring.current()), None, "{inner}");
    }
}

// Threats: JWE-10.
#[test]
fn a_content_key_of_another_length_is_refused() {
    let ring = key();
    for length in [0_usize, 1, 16, 31, 33, 64] {
        let token = encrypt(
            &header(ring.current().kid()),
            &vec![7; length],
            [9; 12],
            b"x.y.z",
            &ring.current().jwk(),
        );
        assert_eq!(open_with(&token, ring.current()), None, "{length}");
    }
}

// Threats: JWE-07.
#[test]
fn every_flipped_bit_is_detected() {
    let ring = key();
    let token = seal_with(ring.current());
    let parts: Vec<Vec<u8>> = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
    for (index, part) in parts.iter().enumerate() {
        // Every bit of what costs no RSA operation to refuse, and of the parts that are short; a share of the rest.
        let step = if index == 1 || index == 3 { 29 } else { 1 };
        for bit in (0..part.len() * 8).step_by(step) {
            let mut parts = parts.clone();
            parts[index][bit / 8] ^= 1 << (bit % 8);
            let flipped: Vec<String> = parts.iter().map(|part| URL_SAFE_NO_PAD.encode(part)).collect();
            assert_eq!(open_with(&flipped.join("."), ring.current()), None, "part {index} bit {bit}");
        }
    }
}

// Threats: JWE-01, JWE-02, JWE-03, JWE-04, JWE-05, JWE-26.
#[test]
fn other_headers_are_refused_before_any_rsa_work() {
    let ring = key();
    let token = seal_with(ring.current());
    let kid = ring.current().kid();
    let rest = token.split_once('.').unwrap().1;
    let good = |name: &str, value: serde_json::Value| {
        let mut header =
            json!({"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": kid, "typ": "dockpass-session"});
        header[name] = value;
        header.to_string()
    };
    let mut bad = Vec::new();
    for alg in [
        "RSA1_5",
        "RSA-OAEP",
        "RSA-OAEP-384",
        "RSA-OAEP-512",
        "dir",
        "A256KW",
        "A256GCMKW",
        "PBES2-HS256+A128KW",
        "ECDH-ES",
        "none",
        "None",
        "rsa-oaep-256",
        "RSA-OAEP-256 ",
        "RSA-OAEP-256\0",
        "",
    ] {
        bad.push(good("alg", json!(alg)));
    }
    for enc in ["A128GCM", "A192GCM", "A256CBC-HS512", "C20P", "a256gcm", ""] {
        bad.push(good("enc", json!(enc)));
    }
    for value in [json!(null), json!(0), json!([]), json!({}), json!(true)] {
        for name in ["alg", "enc", "kid", "typ"] {
            bad.push(good(name, value.clone()));
        }
    }
    for (name, value) in [
        ("zip", json!("DEF")),
        ("zip", json!(null)),
        ("zip", json!("")),
        ("crit", json!(["exp"])),
        ("jku", json!("https://evil.test")),
        ("x5u", json!("https://evil.test")),
        ("jwk", json!({})),
        ("x5c", json!([])),
        ("epk", json!({})),
        ("cty", json!("JWT")),
        ("b64", json!(false)),
        ("p2c", json!(2_147_483_648_u64)),
        ("typ", json!("JWT")),
    ] {
        bad.push(good(name, value));
    }
    bad.push(good("alg", json!("RSA-OAEP-256")).replacen('{', "{\"alg\":\"RSA-OAEP-256\",", 1));
    bad.extend(["[]", "\"x\"", "", "{}", "{", "null"].map(str::to_owned));
    bad.push(format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)));
    for header in bad {
        assert!(parse(&format!("{}.{rest}", URL_SAFE_NO_PAD.encode(&header))).is_none(), "{header}");
    }
    for missing in ["alg", "enc", "kid", "typ"] {
        let mut header =
            json!({"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": kid, "typ": "dockpass-session"});
        header.as_object_mut().unwrap().remove(missing);
        assert!(
            parse(&format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))).is_none(),
            "{missing}"
        );
    }
}

// Threats: JWE-06.
#[test]
fn a_session_under_another_key_id_does_not_open() {
    let ring = key();
    let other = SealingKey::generate(2_048).unwrap();
    let token = seal_with(&other);
    for kid in ["", "unknown", "../../etc/passwd", "' OR 1", "__proto__", "k\0.pem"] {
        assert!(ring.find(kid).is_none());
    }
    let rest = token.split_once('.').unwrap().1;
    let relabelled = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header(ring.current().kid())));
    assert_eq!(open_with(&relabelled, ring.current()), None);
}

// Threats: JWE-08, JWE-09, JWE-11, JWE-13, JWE-24.
#[test]
fn other_serializations_are_refused_before_any_rsa_operation() {
    let ring = key();
    let token = seal_with(ring.current());
    let parts: Vec<&str> = token.split('.').collect();
    let with = |index: usize, text: &str| {
        let mut parts = parts.clone();
        parts[index] = text;
        parts.join(".")
    };
    let tag = URL_SAFE_NO_PAD.decode(parts[4]).unwrap();
    let short = |length: usize| URL_SAFE_NO_PAD.encode(&tag[..length]);
    let mut bad = vec![
        String::new(),
        ".".repeat(1_000_000),
        "....".to_owned(),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}="),
        format!("{token}.x"),
        parts[..4].join("."),
        format!(" {token}"),
        format!("{token}\n"),
        with(4, &format!("{}=", parts[4])),
        with(2, ""),
        with(3, "+/+/"),
        with(4, &URL_SAFE_NO_PAD.encode([tag.clone(), tag.clone()].concat())),
        "x".repeat(MAX_LENGTH + 1),
        with(2, &URL_SAFE_NO_PAD.encode([0; 16])),
    ];
    bad.extend((0..16).map(|length| with(4, &short(length))));
    bad.extend([0, 8, 11, 13].map(|length| with(2, &URL_SAFE_NO_PAD.encode(vec![0; length]))));
    for token in bad {
        let parsed = parse(&token);
        assert!(parsed.is_none(), "{}", token.chars().take(80).collect::<String>());
    }
    for length in [0, 1, 255, 257, 512] {
        let token = with(1, &URL_SAFE_NO_PAD.encode(vec![1; length]));
        assert!(!parse(&token).is_some_and(|parsed| fits(&parsed, ring.current())), "{length}");
    }
    // As long as the key, and at least as large as its modulus.
    assert_eq!(open_with(&with(1, &URL_SAFE_NO_PAD.encode([0xff; 256])), ring.current()), None);
    // The last character of 16 bytes has four bits that mean nothing; only zeros are accepted there.
    let last = parts[4].chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let next = alphabet.chars().nth(alphabet.find(last).unwrap() + 1).unwrap();
    let loose = with(4, &format!("{}{next}", parts[4].get(..parts[4].len() - 1).unwrap()));
    assert!(parse(&loose).is_none());
}

// Threats: FLT-07.
#[test]
fn sealing_fails_without_randomness() {
    #[derive(Debug)]
    struct Dry;
    impl Randomness for Dry {
        fn fill(&self, _buffer: &mut [u8]) -> Result<(), NoRandomness> {
            Err(NoRandomness)
        }
    }
    assert!(seal(CLAIMS, key().current(), &Dry).is_none());
}

#[test]
fn sessions_are_distinguished_from_registry_tokens() {
    let token = seal_with(&SealingKey::generate(2_048).unwrap());
    assert!(looks_like_one(&token));
    let (_, rest) = token.split_once('.').unwrap();
    let old = URL_SAFE_NO_PAD.encode(r#"{"alg":"RSA-OAEP-256","enc":"A256GCM"}"#);
    assert!(looks_like_one(&format!("{old}.{rest}")));
    let dir = URL_SAFE_NO_PAD.encode(r#"{"alg":"dir","enc":"A256GCM"}"#);
    for other in ["", "opaque", "a.b.c", "a.b.c.d.e", &format!("{dir}.{rest}"), &"x".repeat(100)] {
        assert!(!looks_like_one(other), "{other}");
    }
}

// Threats: KEY-04.
#[test]
fn the_thumbprint_is_that_of_rfc_7638() {
    let jwk = key().current().jwk();
    let text = format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, jwk.e, jwk.n);
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    assert_eq!(jwk.kid, URL_SAFE_NO_PAD.encode(hash));
}
