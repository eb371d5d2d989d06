//! What the scripts of `testdata/flows.json` cannot show.

use super::*;

const CHALLENGE: &str = r#"Bearer realm="https://reg.example/token",service="s""#;

fn flow(method: &str, known: Option<RegistryAuth>) -> ResourceFlow {
    let request = ResourceRequest {
        method: method.to_owned(),
        path: "/v2/a/b/tags/list?n=2&last=x".to_owned(),
        scopes: "repository:a/b:pull".parse().unwrap(),
    };
    ResourceFlow::new(request, known, false)
}

#[test]
fn a_failed_flow_keeps_the_token_service() {
    let mut flow = flow("GET", None);
    assert_eq!(flow.known(), None);
    flow.response(&ResponseHead::new(401).with_challenges(&[CHALLENGE]));
    flow.token(Err(FlowError::new(ErrorCode::LoginRequired, Hop::TokenService)));
    assert!(matches!(flow.step(), ResourceStep::Fail(_)));
    let service = Some("s".to_owned());
    assert_eq!(
        flow.known(),
        Some(RegistryAuth::Bearer { realm: "https://reg.example/token".to_owned(), service })
    );
}

#[test]
fn calling_step_twice_gives_the_same_step() {
    let mut flow = flow("GET", None);
    flow.response(&ResponseHead::new(401).with_challenges(&[CHALLENGE]));
    for _ in 0..2 {
        let ResourceStep::NeedToken(need) = flow.step() else { panic!("a token is needed") };
        assert_eq!(need.scopes.to_string(), "repository:a/b:pull");
    }
    flow.token(Ok(SecretString::from("T")));
    for _ in 0..2 {
        assert!(matches!(flow.step(), ResourceStep::Send(Authorization::Bearer(_))));
    }
}

#[test]
fn records_hold_the_method_and_no_query_and_are_taken_once() {
    let mut flow = flow("HEAD", None);
    flow.response(&ResponseHead::new(200));
    let records = flow.take_records();
    assert_eq!(records.len(), 2);
    for record in &records {
        assert_eq!((record.method.as_ref(), record.target.as_str()), ("HEAD", "/v2/a/b/tags/list"));
        assert_eq!(record.scopes, ["repository:a/b:pull"]);
        assert_eq!(record.reason, record.decision.reason());
    }
    assert!(flow.take_records().is_empty());
}

#[test]
fn debug_shows_no_token() {
    let mut flow = flow("GET", None);
    flow.response(&ResponseHead::new(401).with_challenges(&[CHALLENGE]));
    flow.token(Ok(SecretString::from("correct-horse")));
    assert!(!format!("{flow:?}{:?}", flow.step()).contains("horse"));
}
