use super::*;

fn policy(registry: &str) -> RealmPolicy {
    RealmPolicy::new(Origin::parse(registry).unwrap())
}

fn admitted(registry: &str, realm: &str) -> Result<String, ErrorCode> {
    policy(registry).admit(realm).map(|realm| realm.to_string())
}

#[test]
fn a_registry_may_name_its_own_origin() {
    for (registry, realm, expected) in [
        ("https://ghcr.io", "https://ghcr.io/token", "https://ghcr.io/token"),
        (
            "https://reg.example:5000",
            "https://reg.example:5000/auth?x=%2fy",
            "https://reg.example:5000/auth?x=%2Fy",
        ),
        ("https://reg.example", "HTTPS://REG.example.:443", "https://reg.example/"),
        ("https://reg.example", "https://reg.example?a=1", "https://reg.example/?a=1"),
        ("https://reg.example", "/auth/token", "https://reg.example/auth/token"),
        ("https://reg.example", "/auth?", "https://reg.example/auth"),
        ("http://reg.example:5000", "http://reg.example:5000/auth", "http://reg.example:5000/auth"),
        ("https://[2001:db8::1]:5000", "https://[2001:DB8:0::1]:5000/t", "https://[2001:db8::1]:5000/t"),
    ] {
        assert_eq!(admitted(registry, realm).as_deref(), Ok(expected), "{registry} {realm}");
        assert_eq!(admitted(registry, expected).as_deref(), Ok(expected), "{registry} {realm}: idempotent");
    }
}

// Threats: RLM-04, RLM-05, RLM-06, RLM-07, RLM-08.
#[test]
fn foreign_realms_are_refused() {
    for (registry, realm) in [
        ("https://auth.example", "https://evil.example/t"),
        ("https://auth.example", "http://auth.example/t"),
        ("https://auth.example", "HTTP://auth.example/t"),
        ("https://auth.example", "//auth.example/t"),
        ("https://auth.example", "ftp://auth.example/t"),
        ("https://auth.example", "javascript:alert(1)"),
        ("https://auth.example", "https:auth.example/t"),
        ("https://auth.example:5000", "https://auth.example:9999/t"),
        ("https://auth.example", "https://auth.example.evil.example/t"),
        ("https://auth.example", "https://evilauth.example/t"),
        ("https://auth.example", "https://auth.example@evil.example/t"),
        ("https://auth.example", "https://auth.example\\@evil.example/t"),
        ("https://auth.example", "https://evil.example#@auth.example/t"),
        ("https://auth.example", "https://auth.example\\/t"),
        ("https://auth.example", "https://\u{430}uth.example/t"),
        ("https://auth.example", "https://auth%2eexample/t"),
        ("https://auth.example", "https://auth\t.example/t"),
        ("https://auth.example", "https://auth.example\n/t"),
        ("https://auth.example", "https://u:p@auth.example/t"),
        ("https://auth.example", "https://@auth.example/t"),
        ("https://auth.example", "https://auth.example/t#f"),
        ("https://auth.example", "https://auth.example/a/../t"),
        ("https://auth.example", "https://auth.example/a/%2e%2E/t"),
        ("https://auth.example", "https://auth.example/t x"),
        ("https://auth.example", "https://auth.example/t\u{e9}"),
        ("https://auth.example", "/t\\x"),
        ("https://victim.jfrog.io", "https://evil.jfrog.io/t"),
        ("https://registry", "https://metadata/t"),
        ("https://evil.example", "https://auth.docker.io/token"),
    ] {
        assert_eq!(admitted(registry, realm), Err(ErrorCode::RealmNotAllowed), "{registry} {realm}");
    }
    let long = format!("https://auth.example/{}", "a".repeat(MAX_REALM));
    assert_eq!(admitted("https://auth.example", &long), Err(ErrorCode::RealmNotAllowed));
}

#[test]
fn strings_that_are_not_urls_are_refused() {
    for realm in ["", "Registry", "token", "?x", "#x", "auth.example/token", " https://auth.example/t"] {
        assert_eq!(admitted("https://auth.example", realm), Err(ErrorCode::UpstreamInvalid), "{realm:?}");
    }
}

#[test]
fn built_in_pairs_are_admitted() {
    for (registry, realm) in [
        ("https://registry-1.docker.io", "https://auth.docker.io/token"),
        ("https://registry.gitlab.com", "https://gitlab.com/jwt/auth"),
        ("https://nvcr.io", "https://authn.nvidia.com/token"),
    ] {
        assert_eq!(admitted(registry, realm).as_deref(), Ok(realm));
        let other_path = realm.replace("/token", "/other").replace("/jwt/auth", "/users/sign_in");
        assert_eq!(admitted(registry, &other_path), Err(ErrorCode::RealmNotAllowed), "{other_path}");
        assert_eq!(admitted(&format!("{registry}:444"), realm), Err(ErrorCode::RealmNotAllowed));
        assert_eq!(admitted(&registry.replace("https", "http"), realm), Err(ErrorCode::RealmNotAllowed));
    }
}

#[test]
fn a_configured_pair_is_a_path_or_a_whole_origin() {
    let one = policy("https://reg.example").allow("https://kc.example/realms/r/auth").unwrap();
    assert!(one.admit("https://kc.example/realms/r/auth?x=1").is_ok());
    assert!(one.admit("https://kc.example/realms/s/auth").is_err());
    assert!(one.admit("https://kc.example:8443/realms/r/auth").is_err());
    let all = policy("https://reg.example").allow("https://kc.example").unwrap();
    assert!(all.admit("https://kc.example/realms/s/auth").is_ok());
    assert!(
        policy("http://127.0.0.1:5000")
            .allow("http://127.0.0.1:5001/auth")
            .unwrap()
            .admit("http://127.0.0.1:5001/auth")
            .is_ok()
    );
}

#[test]
fn invalid_pairs_are_refused() {
    for realm in [
        "http://kc.example/t",
        "https://kc.example/t?x=1",
        "https://kc.example/t#f",
        "https://u@kc.example/t",
    ] {
        assert_eq!(
            policy("https://reg.example").allow(realm).err(),
            Some(ErrorCode::RealmNotAllowed),
            "{realm}"
        );
    }
    assert_eq!(policy("https://reg.example").allow("kc.example").err(), Some(ErrorCode::UpstreamInvalid));
}

#[test]
fn the_parts_of_a_realm() {
    let realm = policy("https://reg.example").admit("/auth?a=b;scope=x").unwrap();
    assert_eq!((realm.path(), realm.query()), ("/auth", "a=b%3Bscope=x"));
    assert_eq!(realm.path_and_query(), "/auth?a=b%3Bscope=x");
    assert_eq!(realm.origin().to_string(), "https://reg.example");
}

/// Found by fuzzing: a semicolon takes three bytes when it is canonical.
#[test]
fn an_admitted_realm_is_admitted_again_at_the_limit() {
    let at_the_limit = format!("https://auth.example/{};", "a".repeat(MAX_REALM - 4));
    let admitted = admitted("https://auth.example", &at_the_limit).unwrap();
    assert_eq!(self::admitted("https://auth.example", &admitted).as_ref(), Ok(&admitted));
    let beyond = format!("https://auth.example/{};;", "a".repeat(MAX_REALM - 4));
    assert_eq!(self::admitted("https://auth.example", &beyond), Err(ErrorCode::RealmNotAllowed));
}

#[test]
fn all_spellings_of_a_realm_have_one_canonical_form() {
    for (a, b) in [
        ("https://h.example/t", "HTTPS://H.example:443/t"),
        ("https://h.example", "https://h.example./?"),
        ("/t", "/t"),
        ("https://h.example/t?x=%2f", "https://h.example/t?x=%2F"),
    ] {
        assert!(is_same(a, b) && is_same(b, a), "{a} {b}");
    }
    for (a, b) in [
        ("https://h.example/t", "http://h.example/t"),
        ("https://h.example/t", "https://h.example/T"),
        ("https://h.example/t", "https://h.example/t?x"),
        ("https://h.example/t", "/t"),
        ("https://h.example/t#a", "https://h.example/t#b"),
    ] {
        assert!(!is_same(a, b), "{a} {b}");
    }
}
