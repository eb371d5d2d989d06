//! Loads vectors and compares results with their expectations.

use std::panic::{AssertUnwindSafe, catch_unwind};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dockpass_protocol::scope::Scope;
use serde_json::{Map, Value, json};

/// The files of vectors of this runner.
pub(crate) const FILES: [&str; 6] = [
    "challenges.json",
    "scopes.json",
    "endpoints.json",
    "tokens.json",
    "token_responses.json",
    "references.json",
];

/// Members of a case that are not expectations.
const INPUT_MEMBERS: [&str; 11] =
    ["name", "source", "input", "op", "method", "url", "token", "jwt", "body", "receivedAt", "expect"];

/// One case: its input, and the expectations that have not been compared yet.
pub(crate) struct Case {
    pub(crate) input: Value,
    expected: Map<String, Value>,
}

/// The cases of a file.
pub(crate) fn load(file: &str) -> Vec<Value> {
    let text = match file {
        "challenges.json" => include_str!("../../testdata/challenges.json"),
        "scopes.json" => include_str!("../../testdata/scopes.json"),
        "endpoints.json" => include_str!("../../testdata/endpoints.json"),
        "tokens.json" => include_str!("../../testdata/tokens.json"),
        "token_responses.json" => include_str!("../../testdata/token_responses.json"),
        "references.json" => include_str!("../../testdata/references.json"),
        other => panic!("no vectors are called {other}"),
    };
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Runs all cases of a file and reports all failures. Fails if there are fewer than `least` cases.
pub(crate) fn run(file: &str, least: usize, check: impl Fn(&mut Case)) {
    let cases = load(file);
    let mut failed = Vec::new();
    assert!(cases.len() >= least, "{file} has only {} cases", cases.len());
    for value in cases {
        let name = value["name"].as_str().expect("a name").to_owned();
        for member in value.as_object().expect("an object").keys() {
            assert!(INPUT_MEMBERS.contains(&member.as_str()), "{file}: {name}: unknown member {member}");
        }
        let expected = value["expect"].as_object().expect("expectations").clone();
        let mut case = Case { input: value, expected };
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            check(&mut case);
            let left: Vec<_> = case.expected.keys().collect();
            assert!(left.is_empty(), "not compared: {left:?}");
        }));
        if outcome.is_err() {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "{file}: {} failed: {failed:#?}", failed.len());
}

impl Case {
    /// Compares one expectation; an absent one means that the value must be absent.
    pub(crate) fn expect(&mut self, member: &str, actual: impl Into<Option<Value>>) {
        let expected = self.expected.remove(member);
        assert_eq!(actual.into(), expected, "{}: {member}", self.input["name"]);
    }

    /// Compares one expectation, if the case has it.
    pub(crate) fn expect_if_given(&mut self, member: &str, actual: impl FnOnce() -> Value) {
        if let Some(expected) = self.expected.remove(member) {
            assert_eq!(actual(), expected, "{}: {member}", self.input["name"]);
        }
    }

    /// A string of the input.
    pub(crate) fn string(&self, member: &str) -> String {
        self.input[member].as_str().unwrap_or_else(|| panic!("{member} is no string")).to_owned()
    }

    /// A list of the input.
    pub(crate) fn list(&self, member: &str) -> Vec<Value> {
        self.input[member].as_array().unwrap_or_else(|| panic!("{member} is no list")).clone()
    }

    /// The members of an expectation that is an object. It counts as compared.
    pub(crate) fn take_object(&mut self, member: &str) -> Map<String, Value> {
        match self.expected.remove(member) {
            Some(Value::Object(map)) => map,
            None => Map::new(),
            Some(other) => panic!("{member}: {other}"),
        }
    }

    /// Replaces a mark in all expected strings.
    pub(crate) fn replace_in_expectations(&mut self, mark: &str, text: &str) {
        for value in self.expected.values_mut() {
            if let Value::String(expected) = value {
                *expected = expected.replace(mark, text);
            }
        }
    }
}

/// A text: a string or a repetition.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(parts) => {
            let part = |name: &str| parts.get(name).and_then(Value::as_str).unwrap_or_default();
            let times = parts["times"].as_u64().and_then(|times| usize::try_from(times).ok()).expect("times");
            format!("{}{}{}", part("prefix"), part("repeat").repeat(times), part("suffix"))
        }
        other => panic!("no text: {other}"),
    }
}

/// Encodes a token.
pub(crate) fn jwt(parts: &Value) -> String {
    let part = |name: &str| {
        let json = match &parts[name] {
            Value::String(text) => text.clone(),
            value @ Value::Object(map) if map.contains_key("repeat") => text(value),
            value => value.to_string(),
        };
        URL_SAFE_NO_PAD.encode(json)
    };
    let signature = parts.get("signature").map_or("c2ln", |signature| signature.as_str().expect("a string"));
    format!("{}.{}.{signature}", part("header"), part("claims"))
}

/// A scope in the form of the JavaScript API.
pub(crate) fn scope_json(scope: &Scope) -> Value {
    let mut json = json!({"type": scope.resource_type, "name": scope.name, "actions": scope.actions});
    if let Some(class) = &scope.class {
        json["class"] = json!(class);
    }
    json
}

/// The entries of `access` in the form of the JavaScript API.
pub(crate) fn access_json(entries: &[Scope]) -> Value {
    entries.iter().map(scope_json).collect()
}
