use super::*;
use crate::flow::FlowError;

#[test]
fn names_are_what_serde_writes_and_unique() {
    let mut names: Vec<_> = DiagnosisCode::ALL.iter().map(|code| code.as_str()).collect();
    for code in DiagnosisCode::ALL {
        assert_eq!(serde_json::to_string(code).unwrap(), format!("\"{code}\""));
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), DiagnosisCode::ALL.len());
}

#[test]
fn every_fix_is_one_sentence() {
    for code in DiagnosisCode::ALL {
        let fix = code.fix();
        assert!(fix.ends_with('.') && !fix.trim_end_matches('.').contains(". "), "{code}: {fix}");
        assert!(fix.starts_with(|first: char| first.is_ascii_uppercase()), "{code}: {fix}");
    }
}

#[test]
fn every_error_code_has_a_diagnosis() {
    for code in ErrorCode::ALL {
        for hop in [Hop::Registry, Hop::TokenService, Hop::KeyServer] {
            let step =
                StepRecord::new(hop, "GET", "/v2/", Decision::GaveUp).failed(FlowError::new(*code, hop));
            let diagnosis = diagnose(&[step], &Context::default());
            assert!(
                !matches!(diagnosis.code, DiagnosisCode::Healthy | DiagnosisCode::NothingRecorded),
                "{code} at {hop}"
            );
            assert_eq!(diagnosis.hop, Some(hop));
        }
    }
}

#[test]
fn values_are_short_and_visible() {
    let evidence = Evidence::new("audience", &format!("a\n\u{1b}[31m{}", "x".repeat(500)));
    assert_eq!(evidence.value.chars().count(), MAX_VALUE);
    assert!(evidence.value.starts_with("a??[31mx"));
}
