//! What the scripts of `testdata/flows.json` cannot show.

use super::*;
use crate::origin::Origin;

fn flow() -> LoginFlow {
    let policy = RealmPolicy::new(Origin::parse("https://reg.example").unwrap());
    let credential = Credential::password("ada".to_owned(), SecretString::from("correct-horse")).unwrap();
    let probe =
        ProbeCredential { username: "nobody".to_owned(), password: SecretString::from("made-up-horse") };
    LoginFlow::new(policy, credential, probe)
}

#[test]
fn calling_step_twice_gives_the_same_step() {
    let mut flow = flow();
    for _ in 0..2 {
        let LoginStep::SendToRegistry(request) = flow.step() else { panic!("the registry is asked first") };
        assert_eq!((request.method, request.target.as_str()), ("GET", "/v2/"));
        assert!(matches!(request.authorization, Authorization::None));
    }
    let challenge = r#"Bearer realm="https://reg.example/token",service="s""#;
    flow.response(&ResponseHead::new(401).with_challenges(&[challenge]), b"", 0);
    for _ in 0..2 {
        let LoginStep::SendToTokenService(request) = flow.step() else { panic!("then the token service") };
        assert!(matches!(request.authorization, Authorization::Basic { .. }));
    }
}

#[test]
fn the_realm_of_the_proof_is_admitted_and_canonical() {
    let mut flow = flow();
    let challenge = r#"Bearer realm="HTTPS://REG.example:443/token",service="s""#;
    flow.response(&ResponseHead::new(401).with_challenges(&[challenge]), b"", 0);
    // {"alg":"RS256"} . {"sub":"ada","aud":"s"}
    let body = br#"{"token":"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEiLCJhdWQiOiJzIn0.c2ln"}"#;
    flow.response(&ResponseHead::new(200), body, 0);
    let LoginStep::Done(proof) = flow.step() else { panic!("the token names the user") };
    assert_eq!(proof.auth.realm(), Some("https://reg.example/token"));
    assert_eq!(proof.credential.username(), Some("ada"));
    flow.transport_failed(TransportError::Timeout);
    assert!(matches!(flow.step(), LoginStep::Done(_)));
}

#[test]
fn debug_shows_no_secret() {
    let mut flow = flow();
    flow.response(&ResponseHead::new(401).with_challenges(&["Basic realm=\"r\""]), b"", 0);
    assert!(!format!("{flow:?}{:?}", flow.step()).contains("horse"));
    flow.response(&ResponseHead::new(200), b"", 0);
    assert!(!format!("{flow:?}{:?}", flow.step()).contains("horse"));
}
