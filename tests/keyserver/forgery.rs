//! Forged sessions: the public key is enough to encrypt, but not to create a valid session.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::hmac;
use aws_lc_rs::rsa::{
    OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use dockpass_tests::demo::Kind;
use serde_json::{Value, json};

use crate::harness::{Stack, Upstream, problem};
use crate::server::shared_key;

/// The key of the test's server. An attacker can read its public part from `GET /v1/keys`.
fn key() -> PrivateDecryptingKey {
    let pem = std::fs::read_to_string(shared_key()).unwrap();
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    PrivateDecryptingKey::from_pkcs8(&STANDARD.decode(text).unwrap()).unwrap()
}

/// A JWE in compact form with this header and content, encrypted with the public key.
fn encrypt(header: &str, content: &[u8]) -> String {
    let (cek, nonce) = ([7_u8; 32], [9_u8; 12]);
    let public = OaepPublicEncryptingKey::new(key().public_key()).unwrap();
    let mut wrapped = vec![0; public.ciphertext_size()];
    let wrapped = public.encrypt(&OAEP_SHA256_MGF1SHA256, &cek, &mut wrapped, None).unwrap();
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &cek).unwrap());
    let mut text = content.to_vec();
    let sealing = Nonce::assume_unique_for_key(nonce);
    let tag = cipher.seal_in_place_separate_tag(sealing, Aad::from(header.as_bytes()), &mut text).unwrap();
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    format!("{header}.{}.{}.{}.{}", part(wrapped), part(&nonce), part(&text), part(tag.as_ref()))
}

/// A JWE with the tag that makes it a session: HMAC-SHA-256 under this key.
fn tagged(jwe: &str, key: &hmac::Key) -> String {
    format!("{jwe}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(key, jwe.as_bytes()).as_ref()))
}

/// The key of the tag, which only the owner of the private key can derive.
fn tag_key() -> hmac::Key {
    let der: Pkcs8V1Der<'static> = key().as_der().unwrap();
    let purpose: &[&[u8]] = &[b"dockpass session tag HMAC-SHA-256 v1"];
    let secret = Salt::new(HKDF_SHA256, &[]).extract(der.as_ref());
    hmac::Key::from(secret.expand(purpose, hmac::HMAC_SHA256).unwrap())
}

/// The header and the content of a session, as only the key's owner can read them.
fn decrypt(session: &str) -> (String, Vec<u8>) {
    let parts: Vec<&str> = session.split('.').collect();
    let bytes = |index: usize| URL_SAFE_NO_PAD.decode(parts[index]).unwrap();
    let private = OaepPrivateDecryptingKey::new(key()).unwrap();
    let mut cek = vec![0; private.min_output_size()];
    let cek = private.decrypt(&OAEP_SHA256_MGF1SHA256, &bytes(1), &mut cek, None).unwrap();
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, cek).unwrap());
    let mut text = [bytes(3), bytes(4)].concat();
    let nonce = Nonce::try_assume_unique_for_key(&bytes(2)).unwrap();
    let text = cipher.open_in_place(nonce, Aad::from(parts[0].as_bytes()), &mut text).unwrap();
    (parts[0].to_owned(), text.to_vec())
}

/// JWE-14, JWE-15: content without the key server's tag is refused, although it can be decrypted.
// Threats: AVL-03.
#[tokio::test]
async fn a_session_cannot_be_made_with_the_public_key() {
    let stack = Stack::of([Kind::Token]).await;
    let session = stack.login(Kind::Token, "bob").await;
    let (header, content) = decrypt(&session);
    let text = String::from_utf8_lossy(&content).into_owned();
    let claims = text.lines().next().unwrap();
    assert_eq!(serde_json::from_str::<Value>(claims).unwrap()["username"], "bob");

    // Control: the same content in a new envelope with a good tag opens, so the envelopes of this test are valid.
    let rewrapped = tagged(&encrypt(&header, &content), &tag_key());
    stack.keep_secret(&rewrapped);
    assert_eq!(stack.get(&stack.url("/v1/session"), Some(&rewrapped)).await.json()["username"], "bob");

    let forged = encrypt(&header, text.replace("\"bob\"", "\"ada\"").as_bytes());
    let keys = stack.get(&stack.url("/v1/keys"), None).await.json();
    let modulus = URL_SAFE_NO_PAD.decode(keys["keys"][0]["n"].as_str().unwrap()).unwrap();
    let kid = keys["keys"][0]["kid"].as_str().unwrap();
    let under = |secret: &[u8]| tagged(&forged, &hmac::Key::new(hmac::HMAC_SHA256, secret));
    let (_, tag_of_another) = session.rsplit_once('.').unwrap();
    let before = stack.server.rsa_operations();
    stack.reset();
    for session in [
        forged.clone(),
        format!("{forged}."),
        format!("{forged}.{tag_of_another}"),
        format!("{forged}.{}", "A".repeat(43)),
        under(&modulus),
        under(kid.as_bytes()),
        under(b"dockpass"),
        under(&[7; 32]),
        under(&[]),
    ] {
        problem(&stack.get(&stack.url("/v1/session"), Some(&session)).await, 401, "invalid_session");
        problem(
            &stack.ask(Some(&session), Kind::Token, &["registry:catalog:*"]).await,
            401,
            "invalid_session",
        );
    }
    assert_eq!(stack.server.rsa_operations(), before);
    assert_eq!(stack.upstream(Kind::Token), Upstream::NOTHING);

    // Content that is no session, even with a good tag.
    for content in [&b""[..], b"..", b"{}", b"[]\n", &[0; 200]] {
        let session = tagged(&encrypt(&header, content), &tag_key());
        problem(&stack.get(&stack.url("/v1/session"), Some(&session)).await, 401, "invalid_session");
    }
    stack.end().await;
}

/// JWE-01 (`alg`), JWE-02 (`enc`), JWE-03 (`zip`), JWE-04 (`p2c`), JWE-05 (other members), JWE-06 (`kid`): a header
/// that differs from the key server's is refused without a private-key operation.
#[tokio::test]
async fn other_headers_are_refused_before_any_rsa_work() {
    let stack = Stack::of([Kind::Token]).await;
    let session = stack.login(Kind::Token, "ada").await;
    let (header, content) = decrypt(&session);
    let fields: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(&header).unwrap()).unwrap();
    let with = |name: &str, value: Value| {
        let mut fields = fields.clone();
        fields[name] = value;
        fields.to_string()
    };
    let text = fields.to_string();
    let doubled = format!("{},\"alg\":\"RSA-OAEP-256\"}}", text.trim_end_matches('}'));
    let before = stack.server.rsa_operations();
    for header in [
        with("alg", json!("RSA-OAEP")),
        with("alg", json!("RSA1_5")),
        with("alg", json!("dir")),
        with("alg", json!("none")),
        with("alg", json!(["RSA-OAEP-256"])),
        with("enc", json!("A128GCM")),
        with("enc", json!("A256CBC-HS512")),
        with("zip", json!("DEF")),
        with("crit", json!(["exp"])),
        with("cty", json!("JWT")),
        with("p2c", json!(2_000_000_000)),
        with("jwk", json!({ "kty": "RSA" })),
        with("jku", json!("http://127.0.0.1:1/keys")),
        with("kid", json!("../../etc/passwd")),
        with("kid", Value::Null),
        doubled,
        json!([fields["alg"], fields["enc"], fields["kid"], fields["typ"]]).to_string(),
        "[]".to_owned(),
        "{".to_owned(),
        "a".repeat(9_000),
    ] {
        let session = tagged(&encrypt(&URL_SAFE_NO_PAD.encode(&header), &content), &tag_key());
        let response = stack.get(&stack.url("/v1/session"), Some(&session)).await;
        assert_eq!(response.status, 401, "{header}: {}", response.text());
        problem(&response, 401, "invalid_session");
    }
    assert_eq!(stack.server.rsa_operations(), before);
    stack.end().await;
}

/// JWE-07, JWE-13: a session has one encoding, and a change of any character is detected.
#[tokio::test]
async fn every_changed_character_of_a_session_is_detected() {
    let stack = Stack::of([Kind::Token]).await;
    let session = stack.login(Kind::Token, "ada").await;
    let parts: Vec<&str> = session.split('.').collect();
    let length = session.len();
    // The first and the last characters of each part, and some in between.
    let mut places = vec![];
    let mut start = 0;
    for part in &parts {
        places.extend([start, start + part.len() / 3, start + part.len() / 2, start + part.len() - 1]);
        start += part.len() + 1;
    }
    for place in places {
        let mut bytes = session.clone().into_bytes();
        bytes[place] = match bytes[place] {
            b'A' => b'Q',
            b'w' => b'x',
            _ => b'A',
        };
        let damaged = String::from_utf8(bytes).unwrap();
        let response = stack.get(&stack.url("/v1/session"), Some(&damaged)).await;
        assert_eq!(response.status, 401, "character {place} of {length} does not count");
    }
    for respelled in [
        format!("{session}="),
        format!("{session}."),
        format!(".{session}"),
        session.replace('-', "+").replace('_', "/"),
    ] {
        if respelled != session {
            let response = stack.get(&stack.url("/v1/session"), Some(&respelled)).await;
            assert_eq!(response.status, 401, "{}", response.text());
        }
    }
    stack.end().await;
}
