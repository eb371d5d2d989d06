use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs8::DecodePrivateKey;
use rsa::{BigUint, Oaep, RsaPrivateKey, RsaPublicKey};
use serde_json::json;

use zeroize::Zeroizing;

use super::{MAX_LENGTH, append_tag, looks_like_one, open, parse, seal};
use crate::clock::{NoRandomness, Randomness, SystemRandomness};
use crate::session::header::BEGIN;
use crate::session::keyring::{KeyRing, SealingKey};
use crate::test_support::key_file;

const CONTENT: &[u8] = br#"{"any":"content"}"#;

fn key() -> KeyRing {
    KeyRing::load(&[key_file()]).unwrap()
}

fn seal_with(key: &SealingKey) -> String {
    seal(Zeroizing::new(CONTENT.to_vec()), key, &SystemRandomness::default()).unwrap()
}

fn open_with(token: &str, ring: &KeyRing) -> Option<Vec<u8>> {
    open(parse(token, ring)?, &SystemRandomness::default()).map(|content| content.to_vec())
}

/// This JWE with a good tag: what comes before the tag is checked on its own.
fn tagged(jwe: &str, key: &SealingKey) -> String {
    let mut token = jwe.to_owned();
    append_tag(&mut token, key);
    token
}

/// A session without its tag.
fn jwe(token: &str) -> &str {
    token.rsplit_once('.').unwrap().0
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
    assert_eq!(open_with(&one, &ring).unwrap(), CONTENT);
    for (a, b) in one.split('.').zip(two.split('.')).skip(1) {
        assert_ne!(a, b, "key, nonce, text and tags are drawn anew");
    }
    assert!(looks_like_one(&one));
    assert!(one.starts_with(BEGIN));
}

// Threats: SES-22.
#[test]
fn a_damaged_session_is_still_recognised_as_a_session() {
    let token = seal_with(key().current());
    let without_header = token.split_once('.').unwrap().1;
    let reordered = URL_SAFE_NO_PAD.encode(r#"{"enc":"A256GCM","alg":"RSA-OAEP-256"}"#);
    let typed = URL_SAFE_NO_PAD.encode(r#"{"typ":"dockpass-session"}"#);
    for form in [
        token.replacen("eyJ", "!!!", 1),
        token.replacen("eyJ", "AAA", 1),
        token.get(1..).unwrap().to_owned(),
        without_header.to_owned(),
        jwe(&token).to_owned(),
        format!("{token}."),
        format!("{token}.x"),
        format!(".{token}"),
        format!("x.{token}"),
        format!("x~{token}=="),
        format!("{token}{token}"),
        format!("{reordered}.{without_header}"),
        format!("x.{reordered}.{without_header}"),
        format!("{typed}.x"),
    ] {
        let start: String = form.chars().take(20).collect();
        assert!(looks_like_one(&form), "it would leave for a registry: {start}");
        assert_eq!(open_with(&form, &key()), None, "{start}");
    }
    // Tokens of registries with dots in them are theirs.
    let long = "x".repeat(400);
    let dir = URL_SAFE_NO_PAD.encode(r#"{"alg":"dir","enc":"A256GCM"}"#);
    for other in [
        "",
        "opaque",
        "a.b.c.d.e",
        "ya29.c.b0.x.y",
        "eyJhbGciOiJSUzI1NiJ9.e30.c2ln",
        &format!("eyJhbGciOiJSUzI1NiJ9.{long}.{long}"),
        &format!("{dir}.{long}.a.{long}.b"),
        &long,
    ] {
        assert!(!looks_like_one(other), "{other}");
    }
}

// Threats: JWE-12.
#[test]
fn an_independent_implementation_opens_what_is_sealed_here() {
    let ring = key();
    let token = seal_with(ring.current());
    let parts: Vec<Vec<u8>> = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
    assert_eq!(parts.len(), 6);
    let fields: serde_json::Value = serde_json::from_slice(&parts[0]).unwrap();
    assert_eq!(
        fields,
        json!({"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": ring.current().kid(), "typ": "dockpass-session"})
    );
    let cek = independent().decrypt(Oaep::new::<rsa::sha2::Sha256>(), &parts[1]).unwrap();
    assert_eq!(cek.len(), 32);
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &cek).unwrap());
    let mut text = [parts[3].clone(), parts[4].clone()].concat();
    let nonce = Nonce::try_assume_unique_for_key(&parts[2]).unwrap();
    let aad = Aad::from(token.split('.').next().unwrap().as_bytes());
    assert_eq!(cipher.open_in_place(nonce, aad, &mut text).unwrap(), CONTENT);
}

// Threats: JWE-12.
#[test]
fn a_session_encrypted_by_another_implementation_opens_if_it_has_the_tag() {
    let ring = key();
    let foreign = encrypt(&header(ring.current().kid()), &[7; 32], [9; 12], CONTENT, &ring.current().jwk());
    assert_eq!(open_with(&tagged(&foreign, ring.current()), &ring).unwrap(), CONTENT);
}

// Threats: JWE-14, JWE-15, JWE-26.
#[test]
fn the_public_key_cannot_forge_a_session() {
    let ring = key();
    let jwk = ring.current().jwk();
    let forged = encrypt(&header(&jwk.kid), &[7; 32], [9; 12], CONTENT, &jwk);
    let mac = |secret: &[u8]| {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
        URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&key, forged.as_bytes()).as_ref())
    };
    let genuine = seal_with(ring.current());
    let (_, of_another) = genuine.rsplit_once('.').unwrap();
    for tag in [
        String::new(),
        mac(b""),
        mac(format!("{}.{}", jwk.n, jwk.e).as_bytes()),
        mac(jwk.n.as_bytes()),
        mac(jwk.kid.as_bytes()),
        mac(&[7; 32]),
        of_another.to_owned(),
        of_another.get(..40).unwrap().to_owned(),
        "A".repeat(43),
    ] {
        assert!(parse(&format!("{forged}.{tag}"), &ring).is_none(), "{tag}");
    }
    assert!(parse(&forged, &ring).is_none(), "without a tag");
}

// Threats: JWE-10.
#[test]
fn a_content_key_of_another_length_is_refused() {
    let ring = key();
    for length in [0_usize, 1, 16, 31, 33, 64] {
        let jwe =
            encrypt(&header(ring.current().kid()), &vec![7; length], [9; 12], CONTENT, &ring.current().jwk());
        assert_eq!(open_with(&tagged(&jwe, ring.current()), &ring), None, "{length}");
    }
}

// Threats: JWE-07.
#[test]
fn every_flipped_bit_is_detected() {
    let ring = key();
    let token = seal_with(ring.current());
    let parts: Vec<Vec<u8>> = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
    for (index, part) in parts.iter().enumerate() {
        for bit in 0..part.len() * 8 {
            let mut parts = parts.clone();
            parts[index][bit / 8] ^= 1 << (bit % 8);
            let flipped: Vec<String> = parts.iter().map(|part| URL_SAFE_NO_PAD.encode(part)).collect();
            let flipped = flipped.join(".");
            assert!(parse(&flipped, &ring).is_none(), "part {index} bit {bit}");
            // Were the tag good, what it covers would be refused as well. A share of the bits, because it takes RSA.
            if index < 5 && (index != 1 && index != 3 || bit % 29 == 0) {
                assert_eq!(open_with(&tagged(jwe(&flipped), ring.current()), &ring), None, "{index} {bit}");
            }
        }
    }
}

// Threats: JWE-01, JWE-02, JWE-03, JWE-04, JWE-05, JWE-26, JSN-01.
#[test]
fn a_header_counts_octet_by_octet() {
    let ring = key();
    let token = seal_with(ring.current());
    let kid = ring.current().kid();
    let rest = jwe(&token).split_once('.').unwrap().1;
    let good = json!({"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": kid, "typ": "dockpass-session"});
    let with = |name: &str, value: serde_json::Value| {
        let mut header = good.clone();
        header[name] = value;
        header.to_string()
    };
    // The test of the test: a good header and a good tag open.
    let same = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(good.to_string()));
    assert_eq!(open_with(&tagged(&same, ring.current()), &ring).unwrap(), CONTENT);
    let mut bad = Vec::new();
    for alg in ["RSA1_5", "RSA-OAEP", "RSA-OAEP-384", "dir", "A256KW", "ECDH-ES", "none", "rsa-oaep-256", ""]
    {
        bad.push(with("alg", json!(alg)));
    }
    for enc in ["A128GCM", "A192GCM", "A256CBC-HS512", "C20P", "a256gcm", ""] {
        bad.push(with("enc", json!(enc)));
    }
    for value in [json!(null), json!(0), json!([]), json!({}), json!(true)] {
        for name in ["alg", "enc", "kid", "typ"] {
            bad.push(with(name, value.clone()));
        }
    }
    for (name, value) in [
        ("zip", json!("DEF")),
        ("zip", json!(null)),
        ("crit", json!(["exp"])),
        ("jku", json!("https://evil.test")),
        ("jwk", json!({})),
        ("x5c", json!([])),
        ("cty", json!("JWT")),
        ("b64", json!(false)),
        ("p2c", json!(2_147_483_648_u64)),
        ("typ", json!("JWT")),
    ] {
        bad.push(with(name, value));
    }
    // The same members in another order, as an array, with a space, twice.
    let (one, two) = (r#""alg":"RSA-OAEP-256""#, r#""enc":"A256GCM""#);
    bad.push(format!(r#"{{{two},{one},"kid":"{kid}","typ":"dockpass-session"}}"#));
    bad.push(json!(["RSA-OAEP-256", "A256GCM", kid, "dockpass-session"]).to_string());
    bad.push(good.to_string().replacen(':', ": ", 1));
    bad.push(good.to_string().replacen('{', "{\"alg\":\"RSA-OAEP-256\",", 1));
    bad.extend(["[]", "\"x\"", "", "{}", "{", "null"].map(str::to_owned));
    for header in bad {
        let jwe = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(&header));
        assert!(parse(&tagged(&jwe, ring.current()), &ring).is_none(), "{header}");
    }
    for missing in ["alg", "enc", "kid", "typ"] {
        let mut header = good.clone();
        header.as_object_mut().unwrap().remove(missing);
        let jwe = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()));
        assert!(parse(&tagged(&jwe, ring.current()), &ring).is_none(), "{missing}");
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
    assert!(parse(&token, &ring).is_none());
    let rest = token.split_once('.').unwrap().1;
    let relabelled = format!("{}.{rest}", ring.current().header());
    assert!(parse(&relabelled, &ring).is_none());
    assert_eq!(open_with(&tagged(jwe(&relabelled), ring.current()), &ring), None);
}

// Threats: JWE-08, JWE-09, JWE-11, JWE-13, JWE-24.
#[test]
fn other_serializations_are_refused_before_any_rsa_operation() {
    let ring = key();
    let token = seal_with(ring.current());
    let mut bad = vec![
        String::new(),
        ".".repeat(1_000_000),
        ".....".to_owned(),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}="),
        format!("{token}.x"),
        jwe(&token).to_owned(),
        format!(" {token}"),
        format!("{token}\n"),
        "x".repeat(MAX_LENGTH + 1),
    ];
    // Shapes that a good tag does not make better.
    let parts: Vec<&str> = jwe(&token).split('.').collect();
    let with = |index: usize, text: &str| {
        let mut parts = parts.clone();
        parts[index] = text;
        tagged(&parts.join("."), ring.current())
    };
    let tag = URL_SAFE_NO_PAD.decode(parts[4]).unwrap();
    bad.push(tagged(&token, ring.current()));
    bad.push(tagged(&parts[..4].join("."), ring.current()));
    bad.push(tagged(&format!("{}.", jwe(&token)), ring.current()));
    bad.push(with(4, &format!("{}=", parts[4])));
    bad.push(with(2, ""));
    bad.push(with(3, "+/+/"));
    bad.push(with(4, &URL_SAFE_NO_PAD.encode([tag.clone(), tag.clone()].concat())));
    bad.extend((0..16).map(|length| with(4, &URL_SAFE_NO_PAD.encode(&tag[..length]))));
    bad.extend([0, 8, 11, 13, 16].map(|length| with(2, &URL_SAFE_NO_PAD.encode(vec![0; length]))));
    bad.extend([0, 1, 255, 257, 512].map(|length| with(1, &URL_SAFE_NO_PAD.encode(vec![1; length]))));
    // The last character of 16 bytes has four bits that mean nothing; only zeros are accepted there.
    let last = parts[4].chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let next = alphabet.chars().nth(alphabet.find(last).unwrap() + 1).unwrap();
    bad.push(with(4, &format!("{}{next}", parts[4].get(..parts[4].len() - 1).unwrap())));
    for token in bad {
        assert!(parse(&token, &ring).is_none(), "{}", token.chars().take(80).collect::<String>());
    }
    // As long as the key, and at least as large as its modulus.
    assert_eq!(open_with(&with(1, &URL_SAFE_NO_PAD.encode([0xff; 256])), &ring), None);
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
    let content = Zeroizing::new(CONTENT.to_vec());
    assert!(seal(content, key().current(), &Dry).is_none());
}

// Threats: KEY-04.
#[test]
fn the_thumbprint_is_that_of_rfc_7638() {
    let jwk = key().current().jwk();
    let text = format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, jwk.e, jwk.n);
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    assert_eq!(jwk.kid, URL_SAFE_NO_PAD.encode(hash));
}
