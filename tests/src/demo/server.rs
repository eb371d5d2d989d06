//! Listeners: each request is read, recorded and checked; the response may be changed by a script.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::checks;
use super::clock::http_date;
use super::content::Body;
use super::journal::Role;
use super::received::Received;
use super::registry;
use super::response::DemoResponse;
use super::rules::BrokenRule;
use super::script::{Action, Script};
use super::site::{ServiceNames, Site};
use super::token_service;

/// The maximum length of a request body. Bodies are forms, and uploads that a read-only registry refuses.
const BODY_LIMIT: usize = 1 << 20;

/// Serves one role of one registry until it is stopped.
pub(crate) async fn serve(listener: TcpListener, site: Arc<Site>, role: Role, stop: watch::Receiver<bool>) {
    accept(listener, stop, || {
        let connection = site.demo_state.journal.connection();
        let site = Arc::clone(&site);
        move |request| handle(Arc::clone(&site), role, connection, request)
    })
    .await;
}

/// Accepts connections, each with its own handler, and ends all of them when stopped.
pub(crate) async fn accept<N, H, F>(listener: TcpListener, mut stop: watch::Receiver<bool>, handler: N)
where
    N: Fn() -> H,
    H: Fn(Request<Incoming>) -> F + Send + 'static,
    F: Future<Output = io::Result<Response<Body>>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            _ = stop.changed() => return,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = stream else {
            // Probably out of file descriptors: other connections must end first.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let handle = handler();
        connections.spawn(async move {
            // The client disconnected or sent invalid HTTP.
            // No `Date` of this machine: tests have clocks of their own.
            let _ = http1::Builder::new()
                .auto_date_header(false)
                .serve_connection(TokioIo::new(stream), service_fn(handle))
                .await;
        });
    }
}

async fn handle(
    site: Arc<Site>,
    listener: Role,
    connection: u64,
    request: Request<Incoming>,
) -> io::Result<Response<Body>> {
    let request = receive(request).await?;
    let role = site.role_for(listener, &request.path);
    let journal = &site.demo_state.journal;
    let seq = journal.arrived(site.kind, role, connection, &request);
    let script = site.demo_state.scripts.take(site.kind, role, &request);
    if let Some(Script { delay_ms, .. }) = script {
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    }
    let action = script.as_ref().map(|script| &script.action);
    let response = match response(&site, role, &request, action) {
        Ok(response) => response,
        Err(broken) => {
            journal.violated(seq, site.kind, role, &broken);
            DemoResponse::violation(&broken)
        }
    };
    if matches!(action, Some(Action::Close)) {
        journal.responded(seq, None, true);
        return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "closed by script"));
    }
    journal.responded(seq, Some(response.status), script.is_some());
    // The demo's clock, so that a client that corrects for skew sees one clock.
    let dated = response.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("date"));
    let response =
        if dated { response } else { response.header("date", http_date(site.demo_state.config.clock.now())) };
    response.into_response(action.and_then(Action::pace)).map_err(io::Error::other)
}

/// The response to a request: first the rules, then a script, then the normal response.
fn response(
    site: &Site,
    role: Role,
    request: &Received,
    action: Option<&Action>,
) -> Result<DemoResponse, BrokenRule> {
    checks::check(site, role, request)?;
    if let Some(response) = action.and_then(Action::instead) {
        return Ok(response);
    }
    let mut response = match role {
        Role::Registry => registry::response(site, request, &named(site, action))?,
        Role::TokenService => token_service::response(site, request)?,
        Role::Cdn => registry::cdn(site, request)?,
    };
    if let Some(Action::AddHeaders { headers }) = action {
        response.headers.extend(headers.iter().cloned());
    }
    Ok(response)
}

fn named(site: &Site, action: Option<&Action>) -> ServiceNames {
    let mut named = site.named();
    if let Some(Action::Realm { realm, service }) = action {
        if let Some(realm) = realm {
            named.realm.clone_from(realm);
        }
        if let Some(service) = service {
            named.service.clone_from(service);
        }
    }
    named
}

/// Reads a whole request.
pub(crate) async fn receive(request: Request<Incoming>) -> io::Result<Received> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, BODY_LIMIT).collect().await.map_err(io::Error::other)?.to_bytes();
    Ok(Received {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        headers: parts.headers,
        body,
    })
}
