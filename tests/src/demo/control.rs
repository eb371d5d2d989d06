//! The control endpoint, for tests in other processes: `GET /journal`, `/violations` and `/counts`, `POST /script`
//! and `/reset`; all JSON. Loopback only, and only under its own address, so that no page can reach it by name.

use std::net::SocketAddr;
use std::sync::Arc;

use http::Method;
use http::header::HOST;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::answer::Answer;
use super::received::Received;
use super::script::Script;
use super::server;
use super::site::World;

/// Serves the control endpoint until told to stop.
pub(crate) async fn serve(
    listener: TcpListener,
    address: SocketAddr,
    world: Arc<World>,
    stop: watch::Receiver<bool>,
) {
    server::accept(listener, stop, || {
        let world = Arc::clone(&world);
        move |request| {
            let world = Arc::clone(&world);
            async move {
                let request = server::receive(request).await?;
                let answer = answer(&world, address, &request);
                answer.into_response(None).map_err(std::io::Error::other)
            }
        }
    })
    .await;
}

fn answer(world: &World, address: SocketAddr, request: &Received) -> Answer {
    let host = request.header(HOST.as_str()).unwrap_or_default();
    if host != address.to_string() && host != format!("localhost:{}", address.port()) {
        return problem(421, "the control endpoint answers under its own address only");
    }
    match (&request.method, request.path.as_str()) {
        (&Method::GET, "/journal") => list(serde_json::to_value(world.journal.records())),
        (&Method::GET, "/violations") => list(serde_json::to_value(world.journal.violations())),
        (&Method::GET, "/counts") => list(serde_json::to_value(world.journal.counts())),
        (&Method::POST, "/script") => match serde_json::from_slice::<Scripted>(&request.body) {
            Ok(Scripted::One(script)) => {
                world.scripts.push(*script);
                Answer::json(200, &json!({ "queued": 1 }))
            }
            Ok(Scripted::Many(scripts)) => {
                let queued = scripts.len();
                for script in scripts {
                    world.scripts.push(script);
                }
                Answer::json(200, &json!({ "queued": queued }))
            }
            Err(_) => match serde_json::from_slice::<Script>(&request.body) {
                // Says what is wrong with a single script, which the untagged reading cannot.
                Err(error) => problem(400, &error.to_string()),
                Ok(_) => problem(400, "not a script"),
            },
        },
        (&Method::POST, "/reset") => {
            world.journal.clear();
            world.scripts.clear();
            Answer::json(200, &json!({ "reset": true }))
        }
        _ => problem(404, "GET /journal, /violations, /counts; POST /script, /reset"),
    }
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Scripted {
    One(Box<Script>),
    Many(Vec<Script>),
}

fn list(value: serde_json::Result<Value>) -> Answer {
    match value {
        Ok(value) => Answer::json(200, &value),
        Err(error) => problem(500, &error.to_string()),
    }
}

fn problem(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({ "error": message }))
}
