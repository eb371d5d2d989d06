//! Runs the cases of each file: natively from `../flow_vectors.rs`, and in WebAssembly from the tests of `client-wasm`.

#[path = "script.rs"]
mod script;

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use dockpass_protocol::address::{is_public, is_public_name};
use dockpass_protocol::doctor::{Context, TokenSummary, diagnose};
use dockpass_protocol::flow::Wait;
use dockpass_protocol::jwt::inspect;
use dockpass_protocol::origin::Origin;
use dockpass_protocol::paging::{NextPage, next_page};
use serde_json::{Map, Value, json};

/// Runs all cases of a file and reports all failures. Fails if there are fewer than `least` cases.
fn run(file: &str, text: &str, least: usize, check: impl Fn(&Value) -> Value) {
    let cases: Vec<Map<String, Value>> =
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{file}: {error}"));
    assert!(cases.len() >= least, "{file} has only {} cases", cases.len());
    let mut names = HashSet::new();
    let mut failed = Vec::new();
    for case in &cases {
        let name = case["name"].as_str().expect("a name");
        assert!(names.insert(name), "{file}: two cases are called {name}");
        assert!(
            case["source"].as_str().is_some_and(|source| !source.is_empty()),
            "{file}: {name}: no source"
        );
        assert_eq!(case.len(), 4, "{file}: {name}: name, source, input, expect");
        match catch_unwind(AssertUnwindSafe(|| check(&case["input"]))) {
            Ok(actual) if actual == case["expect"] => {}
            Ok(actual) => failed.push(format!("{name}\n  expected {}\n    actual {actual}", case["expect"])),
            Err(_) => failed.push(format!("{name}\n  panicked")),
        }
    }
    assert!(failed.is_empty(), "{file}: {} of {} failed:\n{}", failed.len(), cases.len(), failed.join("\n"));
}

fn string<'a>(input: &'a Value, member: &str) -> &'a str {
    input[member].as_str().unwrap_or_else(|| panic!("{member} is no string"))
}

pub(crate) fn origins() {
    run("origins.json", include_str!("../../testdata/origins.json"), 30, |input| {
        match Origin::parse(input.as_str().expect("a string")) {
            Ok(origin) => {
                let printed = origin.to_string();
                assert_eq!(
                    Origin::parse(&printed).as_ref(),
                    Ok(&origin),
                    "canonical form of a canonical form"
                );
                json!({"origin": printed, "host": origin.host(), "port": origin.port()})
            }
            Err(code) => json!({"error": code}),
        }
    });
}

pub(crate) fn realms() {
    run("realms.json", include_str!("../../testdata/realms.json"), 45, |input| {
        let policy = script::policy(input);
        match policy.admit(string(input, "realm")) {
            Ok(realm) => {
                let printed = realm.to_string();
                assert_eq!(policy.admit(&printed).as_ref(), Ok(&realm), "canonical form of a canonical form");
                json!({"realm": printed})
            }
            Err(code) => json!({"error": code}),
        }
    });
}

pub(crate) fn addresses() {
    run("addresses.json", include_str!("../../testdata/addresses.json"), 40, |input| {
        let text = input.as_str().expect("a string");
        match text.parse() {
            Ok(address) => json!({"public": is_public(address)}),
            Err(_) => json!({"public": is_public_name(text), "name": true}),
        }
    });
}

pub(crate) fn flows() {
    run("flows.json", include_str!("../../testdata/flows.json"), 100, |input| {
        let outcome = script::run(input);
        let records: Vec<_> = outcome.records.iter().map(script::show_record).collect();
        // In every case: no secret and no query in the records.
        let shown = serde_json::to_string(&outcome.records).expect("records are JSON");
        for secret in ["hunter2", "xyzzy", "refresh-1", "refresh-2", "T1", "T2", "eyJ", "?", "c2ln"] {
            assert!(!shown.contains(secret), "{secret} is in the records: {shown}");
        }
        json!({"sent": outcome.sent, "records": records, "end": outcome.end})
    });
}

pub(crate) fn links() {
    run("links.json", include_str!("../../testdata/links.json"), 25, |input| {
        let registry = Origin::parse(string(input, "registry")).expect("an origin");
        let lines: Vec<_> =
            input["lines"].as_array().expect("lines").iter().filter_map(Value::as_str).collect();
        match next_page(lines, &registry, string(input, "path")) {
            NextPage::None => json!({"next": null}),
            NextPage::Path(path) => json!({"next": path}),
            NextPage::Unusable => json!({"next": false}),
        }
    });
}

pub(crate) fn waits() {
    run("waits.json", include_str!("../../testdata/waits.json"), 25, |input| {
        let wait = Wait::parse(string(input, "retryAfter"), input.get("date").and_then(Value::as_str));
        json!({"wait": wait.and_then(|wait| wait.millis(Some(script::NOW_MS)))})
    });
}

pub(crate) fn diagnoses() {
    run("diagnoses.json", include_str!("../../testdata/diagnoses.json"), 45, |input| {
        let steps: Vec<_> = input["steps"].as_array().expect("steps").iter().map(script::record).collect();
        let token = input.get("token").map(|token| inspect(&script::token_of(token)));
        let context = Context {
            token: token.as_ref().map(TokenSummary::from),
            registry: input.get("registry").and_then(Value::as_str).map(str::to_owned),
            service: input.get("service").and_then(Value::as_str).map(str::to_owned),
            trusted_issuer: input.get("trustedIssuer").and_then(Value::as_str).map(str::to_owned),
            now_ms: Some(script::NOW_MS),
            skew_ms: input.get("skewMs").and_then(Value::as_i64),
            browser: input
                .get("browser")
                .map(|failure| serde_json::from_value(failure.clone()).expect("a browser's failure")),
        };
        for member in input.as_object().expect("an object").keys() {
            let known = ["steps", "token", "service", "trustedIssuer", "skewMs", "browser", "registry"];
            assert!(known.contains(&member.as_str()), "unknown member {member}");
        }
        let diagnosis = diagnose(&steps, &context);
        assert_eq!(diagnosis.fix, diagnosis.code.fix());
        let evidence: Vec<_> =
            diagnosis.evidence.iter().map(|item| format!("{}: {}", item.what, item.value)).collect();
        json!({"code": diagnosis.code, "hop": diagnosis.hop, "evidence": evidence})
    });
}
