use serde_json::{Value, json};

use super::{schema, schema_text};
use crate::test_support::committed;

/// The keywords of JSON Schema that [`check`] knows. The crate for all of them would compile some fifty more crates for
/// this one test.
const CHECKED: [&str; 9] = [
    "type",
    "enum",
    "minimum",
    "maximum",
    "properties",
    "additionalProperties",
    "items",
    "anyOf",
    "required",
];
/// Keywords that restrict nothing.
const NOTES: [&str; 5] = ["$schema", "title", "description", "default", "examples"];

/// Whether a value is valid; the first place where it is not.
fn check(schema: &Value, value: &Value, path: &str) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{path}: {what}"));
    for keyword in schema.as_object().unwrap().keys() {
        assert!(
            CHECKED.contains(&keyword.as_str()) || NOTES.contains(&keyword.as_str()),
            "{path}: the check does not know {keyword}"
        );
    }
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{other}"),
    };
    match &schema["type"] {
        Value::String(name) if !is(name) => return wrong("type"),
        Value::Array(names) if !names.iter().any(|name| is(name.as_str().unwrap())) => return wrong("type"),
        _ => {}
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        return wrong("enum");
    }
    if let Some(number) = value.as_u64() {
        let beyond = schema["maximum"].as_u64().is_some_and(|most| number > most);
        if beyond || schema["minimum"].as_u64().is_some_and(|least| number < least) {
            return wrong("range");
        }
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        check(&schema["items"], item, &format!("{path}[{index}]"))?;
    }
    if let Some(map) = value.as_object() {
        for key in schema["required"].as_array().into_iter().flatten() {
            if !map.contains_key(key.as_str().unwrap()) {
                return wrong("required");
            }
        }
        for (key, value) in map {
            match schema["properties"].get(key) {
                Some(schema) => check(schema, value, &format!("{path}.{key}"))?,
                None if schema["additionalProperties"] == json!(false) => {
                    return wrong("additionalProperties");
                }
                None => {}
            }
        }
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let valid = choices.iter().filter(|choice| check(choice, value, path).is_ok()).count();
        if valid == 0 {
            return wrong("anyOf");
        }
    }
    Ok(())
}

fn valid(text: &str) -> Result<(), String> {
    check(&schema(), &serde_saphyr::from_str::<Value>(text).unwrap(), "")
}

#[test]
fn the_committed_schema_is_the_one_of_the_code() {
    committed("docs/config.schema.json", &schema_text());
}

#[test]
fn the_example_follows_the_schema_that_it_names() {
    let example = include_str!("../../../../config.example.yaml");
    assert!(example.starts_with("# yaml-language-server: $schema=docs/config.schema.json\n"));
    valid(example).unwrap();
    // What the example shows of a registry in comments.
    let entry: String = example
        .lines()
        .skip_while(|line| !line.starts_with("  # - name: Ours"))
        .map_while(|line| line.strip_prefix("  # "))
        .fold("registries:\n".to_owned(), |text, line| format!("{text}  {line}\n"));
    assert_eq!(entry.lines().count(), 13, "{entry}");
    valid(&entry).unwrap();
    crate::Settings::parse(&entry, []).unwrap();
}

#[test]
fn the_schema_refuses_what_the_parser_refuses() {
    for (text, problem) in [
        ("lissen: x", ": additionalProperties"),
        ("listen: 1", ".listen: type"),
        ("session: {lifetime_seconds: 59}", ".session.lifetime_seconds: range"),
        ("limits: {rsa_queue: 100001}", ".limits.rsa_queue: range"),
        ("log: {format: xml}", ".log.format: enum"),
        ("gateway: {read_only: 1}", ".gateway.read_only: type"),
        ("trusted_proxies: [1]", ".trusted_proxies[0]: type"),
        ("registries: [{name: a}]", ".registries[0]: anyOf"),
        ("registries: [{host: a.test, relms: []}]", ".registries[0]: additionalProperties"),
    ] {
        assert_eq!(valid(text), Err(problem.to_owned()), "{text}");
        assert!(crate::Settings::parse(text, []).is_err(), "{text}");
    }
    for text in
        ["{}", "session:", "public_origin: null", "registries: []", "registries: [{host: a.test, url: null}]"]
    {
        valid(text).unwrap();
        crate::Settings::parse(text, []).unwrap();
    }
}
