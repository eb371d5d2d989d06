//! The selection of challenges. Further cases are in `testdata/challenges.json`.

use super::*;

#[test]
fn unusable_bearer_challenges_have_a_reason() {
    let codes =
        [BearerError::NotBearer, BearerError::NoRealm, BearerError::RealmNotAbsolute].map(BearerError::code);
    assert_eq!(codes, ["bearer_not_bearer", "bearer_no_realm", "bearer_realm_not_absolute"]);
    let cases = [
        ("Basic realm=\"https://h/t\"", BearerError::NotBearer),
        ("Bearer service=s", BearerError::NoRealm),
        ("Bearer realm=\"\"", BearerError::NoRealm),
        ("Bearer realm=\"token\"", BearerError::RealmNotAbsolute),
        ("Bearer realm=\"https://\"", BearerError::RealmNotAbsolute),
        ("Bearer realm=\"http:/h\"", BearerError::RealmNotAbsolute),
    ];
    for (text, expected) in cases {
        let challenge = parse(text).next().unwrap().unwrap();
        assert_eq!(BearerChallenge::try_from(&challenge), Err(expected), "{text}");
    }
}

#[test]
fn all_usable_bearer_challenges_are_candidates_in_order() {
    let list =
        parse_lines(["Bearer realm=\"https://evil/t\"", "Bearer realm=x, Bearer realm=\"https://good/t\""])
            .unwrap();
    let realms: Vec<_> = bearer_candidates(&list).map(|bearer| bearer.realm).collect();
    assert_eq!(realms, ["https://evil/t", "https://good/t"]);
}
