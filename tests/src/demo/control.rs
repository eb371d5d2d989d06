//! The control endpoint, for tests in other processes: `GET /journal`, `/violations` and `/counts`, `POST /script`
//! and `/reset`; all JSON. It accepts only its own loopback address as `Host`, so that no page can reach it by a name.

use std::net::SocketAddr;
use std::sync::Arc;

use http::Method;
use http::header::HOST;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::received::Received;
use super::response::DemoResponse;
use super::script::Script;
use super::server;
use super::site::DemoState;

/// Serves the control endpoint until it is stopped.
pub(crate) async fn serve(
    listener: TcpListener,
    address: SocketAddr,
    demo_state: Arc<DemoState>,
    stop: watch::Receiver<bool>,
) {
    server::accept(listener, stop, || {
        let demo_state = Arc::clone(&demo_state);
        move |request| {
            let demo_state = Arc::clone(&demo_state);
            async move {
                let request = server::receive(request).await?;
                let response = response(&demo_state, address, &request);
                response.into_response(None).map_err(std::io::Error::other)
            }
        }
    })
    .await;
}

fn response(demo_state: &DemoState, address: SocketAddr, request: &Received) -> DemoResponse {
    let host = request.header(HOST.as_str()).unwrap_or_default();
    if host != address.to_string() && host != format!("localhost:{}", address.port()) {
        return problem(421, "the control endpoint answers under its own address only");
    }
    match (&request.method, request.path.as_str()) {
        (&Method::GET, "/journal") => list(serde_json::to_value(demo_state.journal.records())),
        (&Method::GET, "/violations") => list(serde_json::to_value(demo_state.journal.violations())),
        (&Method::GET, "/counts") => list(serde_json::to_value(demo_state.journal.counts())),
        (&Method::POST, "/script") => match serde_json::from_slice::<ScriptInput>(&request.body) {
            Ok(ScriptInput::One(script)) => {
                demo_state.scripts.push(*script);
                DemoResponse::json(200, &json!({ "queued": 1 }))
            }
            Ok(ScriptInput::Many(scripts)) => {
                let queued = scripts.len();
                for script in scripts {
                    demo_state.scripts.push(script);
                }
                DemoResponse::json(200, &json!({ "queued": queued }))
            }
            Err(_) => match serde_json::from_slice::<Script>(&request.body) {
                // Parsed again as a single script, for a better error message.
                Err(error) => problem(400, &error.to_string()),
                Ok(_) => problem(400, "not a script"),
            },
        },
        (&Method::POST, "/reset") => {
            demo_state.journal.clear();
            demo_state.scripts.clear();
            DemoResponse::json(200, &json!({ "reset": true }))
        }
        _ => problem(404, "GET /journal, /violations, /counts; POST /script, /reset"),
    }
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum ScriptInput {
    One(Box<Script>),
    Many(Vec<Script>),
}

fn list(value: serde_json::Result<Value>) -> DemoResponse {
    match value {
        Ok(value) => DemoResponse::json(200, &value),
        Err(error) => problem(500, &error.to_string()),
    }
}

fn problem(status: u16, message: &str) -> DemoResponse {
    DemoResponse::json(status, &json!({ "error": message }))
}
