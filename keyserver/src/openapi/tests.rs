use dockpass_protocol::api;
use dockpass_protocol::code::ErrorCode;
use serde_json::Value;
use utoipa::OpenApi as _;

fn document() -> Value {
    serde_json::to_value(super::Document::openapi()).unwrap()
}

#[test]
fn the_document_is_openapi_3_1_and_has_every_route() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut routes: Vec<String> = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        routes.extend(
            methods.as_object().unwrap().keys().map(|method| format!("{} {path}", method.to_uppercase())),
        );
    }
    routes.sort();
    let mut expected: Vec<String> = [
        format!("POST {}", api::SESSIONS),
        format!("GET {}", api::SESSION),
        format!("PUT {}", api::SESSION),
        format!("DELETE {}", api::SESSION),
        format!("POST {}", api::TOKEN),
        format!("GET {}", api::REGISTRIES),
        format!("GET {}", api::KEYS),
        format!("GET {}{{registry}}/v2/{{path}}", api::GATEWAY),
        "GET /healthz".to_owned(),
        "GET /readyz".to_owned(),
    ]
    .into();
    expected.sort();
    assert_eq!(routes, expected);
}

#[test]
fn the_schemas_match_the_types() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let codes = schemas["ErrorCode"]["enum"].as_array().unwrap();
    let expected: Vec<Value> = ErrorCode::ALL.iter().map(|code| code.as_str().into()).collect();
    assert_eq!(*codes, expected);
    assert_eq!(schemas["LoginRequest"]["additionalProperties"], false);
    assert_eq!(schemas["LoginRequest"]["properties"]["password"]["format"], "password");
    for name in [
        "SessionResponse",
        "IssueTokenRequest",
        "IssuedToken",
        "RegistryList",
        "ProblemDocument",
        "StepRecord",
    ] {
        assert!(schemas[name].is_object(), "{name}");
    }
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas[name].is_object(), "{name} is referred to and not there");
    }
    assert!(document["components"]["securitySchemes"]["session"].is_object());
}

#[test]
fn the_committed_document_is_the_one_of_the_code() {
    let text = super::Document::openapi().to_pretty_json().unwrap();
    crate::test_support::committed("docs/openapi.json", &format!("{text}\n"));
}
