use axum::body::Body;

use crate::api::{TestServer, request};

#[tokio::test]
async fn every_documented_route_exists() {
    let server = TestServer::with(&[]);
    let document = server.get("/openapi.json", &[]).await.json();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let path = path.replace("{registry}", "evil.test").replace("{path}", "");
            let response = server.send(request(&method.to_uppercase(), &path, &[], Body::empty())).await;
            assert!(![404, 405].contains(&response.status.as_u16()), "{method} {path}: {response:?}");
        }
    }
}
