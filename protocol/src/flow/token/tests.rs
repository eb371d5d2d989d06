//! What the scripts of `testdata/flows.json` cannot show.

use super::*;
use crate::doctor::{Context, DiagnosisCode, diagnose};
use crate::origin::Origin;

fn flow(credential: Credential) -> TokenFlow {
    let policy = RealmPolicy::new(Origin::parse("https://reg.example").unwrap());
    let scopes = "repository:a/b:pull".parse().unwrap();
    TokenFlow::new(
        policy.admit("/token").unwrap(),
        Some("s".to_owned()),
        scopes,
        credential,
        TokenOptions::default(),
    )
}

fn password() -> Credential {
    Credential::password("ada".to_owned(), SecretString::from("correct-horse")).unwrap()
}

#[test]
fn a_budget_of_one_allows_no_second_request() {
    let mut flow = flow(password()).with_budget(1);
    flow.response(&ResponseHead::new(401).with_challenges(&["Basic realm=\"r\""]), b"", 0);
    let TokenStep::Fail(error) = flow.step() else { panic!("no request is left") };
    assert_eq!(error.code, ErrorCode::LoginRequired);
    assert_eq!(flow.requests(), 1);
}

#[test]
fn a_budget_of_two_allows_no_nested_service() {
    let mut flow = flow(password()).with_budget(2);
    let nested = "Bearer realm=\"https://reg.example/other\"";
    flow.response(&ResponseHead::new(401).with_challenges(&[nested]), b"", 0);
    let TokenStep::Fail(error) = flow.step() else { panic!("two more requests would be needed") };
    assert_eq!(error.code, ErrorCode::NestedChallenge);
}

#[test]
fn an_unexpected_report_changes_nothing() {
    let mut flow = flow(Credential::Anonymous);
    flow.response(&ResponseHead::new(503), b"", 0);
    assert_eq!(flow.take_records().len(), 2);
    flow.response(&ResponseHead::new(200), br#"{"token":"t"}"#, 0);
    flow.transport_failed(TransportError::Timeout);
    let TokenStep::Fail(error) = flow.step() else { panic!("it has failed") };
    assert_eq!((error.code, flow.requests()), (ErrorCode::UpstreamFailed, 1));
    assert!(flow.take_records().is_empty());
}

#[test]
fn debug_shows_no_secret() {
    let refresh =
        Credential::RefreshToken { username: "ada".to_owned(), token: SecretString::from("correct-horse") };
    for credential in [password(), refresh] {
        let mut flow = flow(credential);
        flow.response(&ResponseHead::new(401).with_challenges(&["Basic realm=\"r\""]), b"", 0);
        assert!(!format!("{flow:?}{:?}", flow.step()).contains("horse"));
    }
}

#[test]
fn lifetimes_are_corrected_for_the_clock_of_the_service() {
    // 2026-09-21 14:13:20 UTC; the service's clock is an hour behind, and its token lives five minutes.
    let now_ms = 1_790_000_000_000;
    let mut flow = flow(Credential::Anonymous);
    let head = ResponseHead { date: Some("Mon, 21 Sep 2026 13:13:20 GMT"), ..ResponseHead::new(200) };
    flow.response(&head, br#"{"token":"t","expires_in":300,"issued_at":"2026-09-21T13:13:20Z"}"#, now_ms);
    let TokenStep::Done(grant) = flow.step() else { panic!("a token came") };
    assert_eq!(grant.expires_at_ms, now_ms + 300_000);
}

#[test]
fn records_and_diagnosis_name_the_member_that_is_wrong() {
    for (body, problem) in [
        (&br#"{"token":"t","expires_in":"300"}"#[..], "token_response_expires_in"),
        (br#"{"token":"t","expires_in":-1}"#, "token_response_expires_in"),
        (br#"{"token":7}"#, "token_response_type"),
    ] {
        let mut flow = flow(Credential::Anonymous);
        flow.response(&ResponseHead::new(200), body, 0);
        let steps = flow.take_records();
        assert_eq!(steps.last().and_then(|step| step.problem.as_deref()), Some(problem));
        let diagnosis = diagnose(&steps, &Context::of(flow.take_unusable().as_deref()));
        assert_eq!(diagnosis.code, DiagnosisCode::TokenServiceInvalid);
        assert!(diagnosis.evidence.iter().any(|item| (item.what, &*item.value) == ("problem", problem)));
    }
    for (body, problem) in [
        (&br#"{"token":"t","access_token":"u"}"#[..], "token_response_conflict"),
        (br#"{"token":"t","expires_in":300000000000}"#, "token_response_lifetime"),
    ] {
        let mut flow = flow(Credential::Anonymous);
        flow.response(&ResponseHead::new(200), body, 0);
        assert_eq!(flow.take_records().last().and_then(|step| step.problem.as_deref()), Some(problem));
        assert!(matches!(flow.step(), TokenStep::Done(_)), "noted, and not refused");
    }
}
