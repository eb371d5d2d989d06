use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dockpass_protocol::credential::Credential;
use dockpass_protocol::flow::{LoginProof, RegistryAuth};
use secrecy::{ExposeSecret, SecretString};

use super::{SealedText, SessionError, Sessions, claims, jwe, keyring};
use crate::clock::{Clock, ManualClock, SystemRandomness};
use crate::config::Settings;
use crate::test_support::{NOW_MS, key_file};

/// The lifetime of sessions in these tests.
const LIFETIME: Duration = Duration::from_hours(8);

fn sessions_with(change: impl FnOnce(&mut Settings)) -> (Arc<Sessions>, Arc<ManualClock>) {
    let mut config = Settings::default();
    config.session.key_files = vec![key_file()];
    change(&mut config);
    let clock = Arc::new(ManualClock::at(NOW_MS));
    let sessions =
        Sessions::new(&config, Arc::clone(&clock) as Arc<dyn Clock>, Arc::new(SystemRandomness::default()))
            .unwrap();
    (Arc::new(sessions), clock)
}

fn proof(password: &str) -> LoginProof {
    LoginProof {
        auth: RegistryAuth::Basic,
        credential: Credential::Password {
            username: "ada".to_owned(),
            password: SecretString::from(password),
        },
    }
}

async fn seal(sessions: &Sessions, password: &str) -> SealedText {
    SealedText::new(&sessions.seal("reg.test", &proof(password), usize::MAX, LIFETIME).await.unwrap().text)
}

// Threats: INJ-04, INJ-05.
#[tokio::test]
async fn sessions_open_on_every_instance_with_the_key() {
    let (one, _) = sessions_with(|_| {});
    let (two, _) = sessions_with(|_| {});
    let sealed = seal(&one, "pässword\n\"{}").await;
    let (info, credential) = two.open(&sealed).await.unwrap();
    assert_eq!((info.registry.as_str(), info.username.as_str()), ("reg.test", "ada"));
    assert_eq!(info.expires_at_ms(), NOW_MS + 28_800_000);
    let Credential::Password { username, password } = credential else { panic!() };
    assert_eq!((username.as_str(), password.expose_secret()), ("ada", "pässword\n\"{}"));
    assert_eq!(two.private_operations(), 1);
}

#[tokio::test]
async fn session_info_costs_one_rsa_operation_and_none_later() {
    let (one, _) = sessions_with(|_| {});
    let (two, clock) = sessions_with(|_| {});
    let sealed = seal(&one, "p").await;
    one.info(&sealed).await.unwrap();
    assert_eq!(one.private_operations(), 0, "who sealed it knows it");
    let all = futures_util::future::join_all((0..50).map(|_| two.info(&sealed))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(two.private_operations(), 1);
    clock.advance_ms(28_800_000);
    assert_eq!(two.info(&sealed).await.unwrap_err(), SessionError::Expired);
    assert_eq!(two.open(&sealed).await.unwrap_err(), SessionError::Expired);
}

// Threats: JWE-16, JWE-20.
#[tokio::test]
async fn all_invalid_sessions_give_the_same_error() {
    let (one, _) = sessions_with(|_| {});
    let (other_key, _) = sessions_with(|config| config.session.key_files.clear());
    let (elsewhere, _) =
        sessions_with(|config| config.public_origin = Some("https://elsewhere.test".parse().unwrap()));
    let sealed = seal(&one, "p").await;
    for (sessions, operations) in [(&other_key, 0), (&elsewhere, 1)] {
        assert_eq!(sessions.info(&sealed).await.unwrap_err(), SessionError::Invalid);
        assert_eq!(sessions.private_operations(), operations);
    }
    assert_eq!(one.info(&SealedText::new("x.y.z")).await.unwrap_err(), SessionError::Invalid);
    assert_eq!(one.private_operations(), 0);
}

// Threats: CON-03.
#[tokio::test]
async fn a_revoked_session_stays_invalid() {
    let (sessions, _) = sessions_with(|_| {});
    let (sealed, kept) = (seal(&sessions, "p").await, seal(&sessions, "p").await);
    let info = sessions.info(&sealed).await.unwrap();
    sessions.revoke(&info).await.unwrap();
    assert_eq!(sessions.info(&sealed).await.unwrap_err(), SessionError::Invalid);
    assert_eq!(sessions.open(&sealed).await.unwrap_err(), SessionError::Invalid);
    sessions.info(&kept).await.unwrap();
}

// Threats: JWE-25, KEY-05.
#[tokio::test]
async fn keys_are_reloaded_and_kept_if_the_new_ones_are_invalid() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("a.pem"), folder.path().join("b.pem"));
    keyring::generate_file(&old, 2_048).unwrap();
    keyring::generate_file(&new, 2_048).unwrap();
    let active = folder.path().join("active.pem");
    std::fs::copy(&old, &active).unwrap();
    let (sessions, _) = sessions_with(|config| config.session.key_files = vec![active.clone()]);
    let sealed = seal(&sessions, "p").await;

    std::fs::write(&active, "broken").unwrap();
    sessions.reload().unwrap_err();
    sessions.info(&sealed).await.unwrap();
    sessions.open(&sealed).await.unwrap();

    std::fs::copy(&new, &active).unwrap();
    sessions.reload().unwrap();
    assert_eq!(
        sessions.info(&sealed).await.unwrap_err(),
        SessionError::Invalid,
        "what was remembered is forgotten too"
    );
    let again = seal(&sessions, "p").await;
    sessions.open(&again).await.unwrap();
}

// Threats: JWE-23.
#[tokio::test]
async fn the_length_of_a_session_does_not_reveal_that_of_the_password() {
    let (sessions, _) = sessions_with(|_| {});
    let mut lengths = std::collections::BTreeSet::new();
    for length in 1..=60 {
        let sealed_session =
            sessions.seal("reg.test", &proof(&"p".repeat(length)), usize::MAX, LIFETIME).await.unwrap();
        lengths.insert(sealed_session.text.len());
    }
    assert_eq!(lengths.len(), 1, "{lengths:?}");
    let mut long = vec![0_u8; 15_000];
    crate::clock::Randomness::fill(&SystemRandomness::default(), &mut long).unwrap();
    let long = URL_SAFE_NO_PAD.encode(&long);
    assert!(sessions.seal("reg.test", &proof(&long), usize::MAX, LIFETIME).await.is_err());
    let tight = sessions.seal("reg.test", &proof("p"), 100, LIFETIME).await;
    assert_eq!(tight.unwrap_err(), SessionError::TooLarge);
}

// Threats: INJ-05.
#[tokio::test]
async fn long_secrets_open_as_they_were() {
    let (sessions, _) = sessions_with(|_| {});
    let mut random = vec![0_u8; 4_096];
    let noise = SystemRandomness::default();
    crate::clock::Randomness::fill(&noise, &mut random).unwrap();
    let noise: String = random.iter().map(|byte| char::from(33 + byte % 94)).collect();
    let base64 = URL_SAFE_NO_PAD.encode(&random[..1_776]);
    for secret in
        ["p".repeat(511), "p".repeat(512), "\u{1}\"\\\n".repeat(1_024), "é漢".repeat(800), noise, base64]
    {
        let text = sessions.seal("reg.test", &proof(&secret), usize::MAX, LIFETIME).await.unwrap().text;
        // A third larger than what is in it, besides the claims and the encrypted key.
        assert!(text.len() < secret.len() / 3 * 4 + 1_400, "{}", text.len());
        let (_, credential) = sessions.open(&SealedText::new(&text)).await.unwrap();
        let Credential::Password { password, .. } = credential else { panic!() };
        assert!(password.expose_secret() == secret, "{} bytes", secret.len());
    }
}

// Threats: AVL-03.
#[tokio::test]
async fn invented_sessions_cost_no_rsa_operation() {
    let (sessions, _) = sessions_with(|_| {});
    let sealed = seal(&sessions, "p").await;
    let (jwe, tag) = sealed.text.rsplit_once('.').unwrap();
    let header = jwe.split('.').next().unwrap();
    for invented in [
        format!("{jwe}.{}", tag.chars().rev().collect::<String>()),
        format!("{jwe}.{}", "A".repeat(43)),
        format!("{header}.{}.AAAAAAAAAAAAAAAA.AAAA.{}.{}", "A".repeat(342), "A".repeat(22), "A".repeat(43)),
    ] {
        assert_eq!(sessions.open(&SealedText::new(&invented)).await.unwrap_err(), SessionError::Invalid);
    }
    assert_eq!(sessions.private_operations(), 0);
}

// Threats: JWE-21.
#[tokio::test]
async fn a_flood_is_refused_as_overloaded() {
    let (sessions, _) = sessions_with(|config| {
        config.limits.rsa_concurrency = std::num::NonZeroUsize::new(1);
        config.limits.rsa_queue = 4;
    });
    let sealed = seal(&sessions, "p").await;
    let all = futures_util::future::join_all((0..50).map(|_| sessions.open(&sealed))).await;
    let refused = all.iter().filter(|result| matches!(result, Err(SessionError::Overloaded))).count();
    assert!(refused > 0 && refused < 50, "{refused}");
    sessions.open(&sealed).await.unwrap();
}

#[tokio::test]
async fn debug_shows_no_secret() {
    let (sessions, _) = sessions_with(|_| {});
    let sealed_session =
        sessions.seal("reg.test", &proof("s3cret-canary"), usize::MAX, LIFETIME).await.unwrap();
    let text = format!(
        "{sessions:?} {sealed_session:?} {:?} {:?}",
        SealedText::new(&sealed_session.text),
        proof("s3cret-canary")
    );
    assert!(!text.contains("s3cret") && !text.contains(sealed_session.text.get(200..240).unwrap()), "{text}");
}

// Threats: JWE-15, JWE-16, JWE-17, TIM-01, TIM-02.
#[test]
fn claims_of_other_forms_are_refused() {
    let key = keyring::KeyRing::load(&[key_file()]).unwrap();
    let expected = claims::Expected { audience: "dockpass".to_owned(), max_lifetime_s: 600 };
    let now_s = NOW_MS / 1_000;
    let good = serde_json::json!({
        "iss": "dockpass-keyserver", "aud": "dockpass", "jti": "j", "iat": now_s, "exp": now_s + 600, "registry": "r",
        "auth": "basic", "username": "u", "secret": "password",
    });
    let decode_bytes = |text: &[u8]| claims::decode(text, key.current().kid(), &expected, now_s);
    let decode = |text: &str| decode_bytes(&[text.as_bytes(), b"\n\0\0\x01\0\x01p"].concat());
    assert!(decode(&good.to_string()).is_some());
    let with = |name: &str, value: serde_json::Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims.to_string()
    };
    let mut bad: Vec<String> = Vec::new();
    for time in [
        "9e9",
        "1.5",
        "-1",
        "1e999",
        "null",
        "true",
        "[]",
        "{}",
        "\"1\"",
        "18446744073709551615",
        "9007199254740993",
        "0",
        "2147483648",
        "4294967296",
        "9223372036854775808",
    ] {
        for name in ["exp", "iat"] {
            bad.push(
                good.to_string()
                    .replace(&format!("\"{name}\":{}", good[name]), &format!("\"{name}\":{time}")),
            );
        }
    }
    for (name, value) in [
        ("iss", "x".into()),
        ("aud", "x".into()),
        ("aud", serde_json::json!(["dockpass"])),
        ("auth", "none".into()),
        ("auth", 1.into()),
        ("username", serde_json::Value::Null),
        ("secret", serde_json::Value::Null),
        ("secret", "other".into()),
        ("password", "p".into()),
        ("extra", 1.into()),
        ("iat", (now_s + 61).into()),
        ("exp", (now_s + 601).into()),
        ("exp", (now_s - 1).into()),
    ] {
        bad.push(with(name, value));
    }
    for name in ["iss", "aud", "jti", "iat", "exp", "registry", "auth", "username", "secret"] {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        bad.push(claims.to_string());
    }
    bad.push(good.to_string().replacen('{', "{\"jti\":\"k\",", 1));
    bad.extend(["", "[]", "null", "{}", "x"].map(str::to_owned));
    bad.push("[".repeat(10_000));
    for text in bad {
        assert!(decode(&text).is_none(), "{text}");
    }
    // The secret after them: form, stored length, original length.
    for rest in [
        &b""[..],
        b"\n",
        b"\n\0\0\x01\0",
        b"\n\0\0\x01\0\x01",
        b"\n\0\0\x01\0\x02p",
        b"\n\0\0\x01\0\0p",
        b"\n\x02\0\x01\0\x01p",
        b"\n\x01\0\x01\0\x01p",
        b"\n\0\0\x01\0\x01\xff",
    ] {
        assert!(decode_bytes(&[good.to_string().as_bytes(), rest].concat()).is_none(), "{rest:?}");
    }
    assert!(jwe::parse(&good.to_string(), &key).is_none());
}
