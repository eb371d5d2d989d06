use axum::body::Body;
use dockpass_protocol::api;
use dockpass_protocol::code::ErrorCode;
use http::StatusCode;
use serde_json::Value;
use utoipa::OpenApi as _;

use crate::test_support::{TestServer, request};

async fn document(server: &TestServer) -> Value {
    let response = server.get("/openapi.json", &[]).await;
    assert_eq!(response.status, StatusCode::OK);
    response.json()
}

#[tokio::test]
async fn the_document_is_openapi_3_1_and_has_every_route() {
    let document = document(&TestServer::with(&[])).await;
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

#[tokio::test]
async fn every_documented_route_exists() {
    let server = TestServer::with(&[]);
    let document = document(&server).await;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let path = path.replace("{registry}", "evil.test").replace("{path}", "");
            let response = server.send(request(&method.to_uppercase(), &path, &[], Body::empty())).await;
            assert!(![404, 405].contains(&response.status.as_u16()), "{method} {path}: {response:?}");
        }
    }
}

#[tokio::test]
async fn the_schemas_match_the_types() {
    let document = document(&TestServer::with(&[])).await;
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
