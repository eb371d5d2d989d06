//! The key server's HTTP interface, as its client sees it (`protocol::api`).

use std::rc::Rc;

use dockpass_protocol::api;
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::flow::{Decision, Hop};
use js_sys::{JSON, Object};
use secrecy::{ExposeSecret, SecretString};
use wasm_bindgen::JsValue;

use crate::events::{Events, KeyServerStep};
use crate::failure::Failure;
use crate::fetch::{Abort, Address, Cookies, NoAnswer, Outgoing, Reply, Sender};
use crate::object;

/// One key server and how to reach it.
#[derive(Clone, Debug)]
pub(crate) struct KeyServer {
    /// Origin and path, without the last slash.
    base: String,
    /// What goes with every request.
    pub(crate) cookies: Cookies,
    sender: Sender,
    events: Rc<Events>,
}

/// A request to the key server.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    /// HTTP method.
    pub(crate) method: &'a str,
    /// One of the paths of `protocol::api`.
    pub(crate) path: &'a str,
    /// `registry=…`, where the path takes it.
    pub(crate) registry: Option<&'a str>,
    /// The body, an object.
    pub(crate) body: Option<Object>,
    /// The sealed session, with the bearer carrier.
    pub(crate) session: Option<&'a SecretString>,
    /// What to call it when it succeeds.
    pub(crate) success: Decision,
}

impl KeyServer {
    /// Reads `keyServer`, `carrier` and `fetch` of the options.
    ///
    /// # Errors
    /// `ERR_INVALID_ARGUMENT`.
    pub(crate) fn of(options: &JsValue, events: Rc<Events>) -> Result<Self, Failure> {
        let given = object::get(options, "keyServer");
        let text = given.as_string().or_else(|| object::string(&given, "href"));
        let page = Address::of_page();
        let address = text
            .and_then(|text| Address::parse(&text, page.as_deref()))
            .ok_or(Failure::argument("keyServer is no http or https address."))?;
        let page_origin = page.and_then(|page| Address::parse(&page, None)).map(|page| page.origin);
        let same_origin = page_origin.as_ref() == Some(&address.origin);
        let cookie = match object::get(options, "carrier").as_string().as_deref() {
            None if object::get(options, "carrier").is_undefined() => same_origin,
            Some("cookie") => true,
            Some("bearer") => false,
            _ => return Err(Failure::argument("carrier is neither 'cookie' nor 'bearer'.")),
        };
        Ok(Self {
            base: format!("{}{}", address.origin, address.path.trim_end_matches('/')),
            cookies: match (cookie, same_origin) {
                (false, _) => Cookies::Omit,
                (true, true) => Cookies::SameOrigin,
                (true, false) => Cookies::Include,
            },
            sender: Sender::of(options)?,
            events,
        })
    }

    /// Whether sessions travel in a cookie.
    pub(crate) fn uses_cookie(&self) -> bool {
        self.cookies != Cookies::Omit
    }

    /// What sends requests.
    pub(crate) fn sender(&self) -> &Sender {
        &self.sender
    }

    /// The address of a path.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Sends a request and reads the JSON of its answer; `undefined` where it has none.
    ///
    /// # Errors
    /// What the problem document says; `key_server_unreachable`, `key_server_invalid`, `aborted`.
    pub(crate) async fn ask(&self, ask: Ask<'_>, abort: &Abort) -> Result<JsValue, Failure> {
        let mut status = None;
        let (method, path, success) = (ask.method, ask.path, ask.success);
        let result = match abort.race(self.exchange(ask, abort, &mut status)).await {
            Ok(result) => result,
            Err(aborted) => Err(aborted),
        };
        let failed = result.as_ref().err();
        self.events.key_server(&KeyServerStep {
            method,
            path,
            status,
            decision: if failed.is_some() { Decision::GaveUp.as_str() } else { success.as_str() },
            reason: failed.map_or(success.reason(), |failure| failure.message),
            code: failed.map(|failure| failure.code),
        });
        result
    }

    async fn exchange(
        &self,
        ask: Ask<'_>,
        abort: &Abort,
        status: &mut Option<u16>,
    ) -> Result<JsValue, Failure> {
        let mut address = self.address(ask.path);
        if let Some(registry) = ask.registry {
            address.push_str("?registry=");
            address.push_str(&String::from(js_sys::encode_uri_component(registry)));
        }
        let body = ask.body.map(|body| JSON::stringify(&body).map(JsValue::from).unwrap_or_default());
        let request = Outgoing::new(ask.method, &address, self.cookies, body.as_ref(), abort)?;
        request.set_header("accept", "application/json")?;
        request.set_header(api::CSRF_HEADER, "1")?;
        if body.is_some() {
            request.set_header("content-type", "application/json")?;
        }
        if let Some(session) = ask.session {
            request.set_header("authorization", &format!("Bearer {}", session.expose_secret()))?;
        }
        let reply = match self.sender.send(&request).await {
            Ok(reply) => reply,
            Err(NoAnswer::Aborted(failure)) => return Err(failure),
            Err(NoAnswer::Transport(_)) => {
                return Err(Failure::at(ErrorCode::KeyServerUnreachable, Hop::KeyServer));
            }
        };
        *status = Some(reply.status());
        if reply.is_problem() {
            return Err(self.problem(&reply).await);
        }
        match reply.status() {
            204 => Ok(JsValue::UNDEFINED),
            200..=299 => Ok(reply.json().await),
            other => {
                reply.discard();
                Err(Failure {
                    status: Some(other),
                    ..Failure::at(ErrorCode::KeyServerInvalid, Hop::KeyServer)
                })
            }
        }
    }

    /// What a problem document says, with the steps that led to it told to the listeners.
    pub(crate) async fn problem(&self, reply: &Reply) -> Failure {
        let document = reply.json().await;
        self.events.relayed(&object::array(&document, "steps"));
        let code = object::string(&document, "code").and_then(|code| code.parse::<ErrorCode>().ok());
        let hop = object::string(&document, "step").and_then(|step| object::hop_of(&step));
        let request_id = object::string(&document, "request_id").filter(|id| {
            id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        });
        let wait =
            object::number(&document, "retry_after").filter(|&seconds| (0.0..=86_400.0).contains(&seconds));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a day")]
        let retry_after_ms = wait.map(|seconds| (seconds * 1000.0) as u64);
        Failure {
            status: Some(reply.status()),
            retry_after_ms,
            request_id,
            ..Failure::at(code.unwrap_or(ErrorCode::KeyServerInvalid), hop.unwrap_or(Hop::KeyServer))
        }
    }
}
