//! The client of one registry: drives `protocol::flow` with `fetch`, and gets its tokens from the key server.

mod content;
mod listing;
mod session;
mod tokens;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use dockpass_protocol::api;
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::flow::{Authorization, Hop, KnownAuth, ResourceFlow, ResourceRequest, ResourceStep};
use dockpass_protocol::reference::RegistryName;
use dockpass_protocol::scope::scopes_for;
use js_sys::{Function, Promise};
use secrecy::{ExposeSecret, SecretString};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::future_to_promise;

use crate::account::Account;
use crate::events::Events;
use crate::failure::Failure;
use crate::fetch::{Abort, Address, Cookies, NoAnswer, Outgoing, Reply, Sender, address_of};
use crate::flight::Flights;
use crate::key_server::KeyServer;
use crate::object;
use crate::token_cache::TokenCache;
use tokens::Granted;

/// One registry, through one key server. `npm/lib/client.js` makes a `RegistryClient` of it.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Client(Rc<Shared>);

/// What the calls of a client share.
#[derive(Debug)]
struct Shared {
    registry: String,
    key_server: KeyServer,
    way: Way,
    events: Rc<Events>,
    account: RefCell<Option<Account>>,
    /// How the registry authenticates, by its last answer or the login.
    known: RefCell<Option<KnownAuth>>,
    tokens: RefCell<TokenCache>,
    flights: Flights<Result<Granted, Failure>>,
    /// Counts logins and logouts, so that what was asked for before is not kept after.
    epoch: Cell<u32>,
}

/// The way to the registry.
#[derive(Debug)]
struct Way {
    /// What stands before `/v2/`.
    prefix: String,
    /// Other ways to write the same.
    aliases: Vec<String>,
    /// Whether it leads through the key server.
    gateway: bool,
    cookies: Cookies,
}

#[wasm_bindgen]
impl Client {
    /// Prepares a client; `dispatch` is called with the type and the detail of each event. See `RegistryClient.connect`.
    pub fn connect(options: JsValue, dispatch: Function) -> Promise {
        future_to_promise(async move {
            let client = Self(Rc::new(Shared::connect(&options, dispatch).await?));
            Ok(client.into())
        })
    }

    /// The registries that a key server knows. See `RegistryClient.registries`.
    pub fn registries(options: JsValue) -> Promise {
        future_to_promise(async move { Ok(session::registries(&options).await?) })
    }

    /// Canonical name of the registry.
    #[wasm_bindgen(getter)]
    pub fn registry(&self) -> String {
        self.0.registry.clone()
    }

    /// Who is logged in, or `null`.
    #[wasm_bindgen(getter)]
    pub fn session(&self) -> JsValue {
        self.0.account.borrow().as_ref().map_or(JsValue::NULL, Account::to_session)
    }

    /// From now on someone listens to `step` events.
    pub fn trace(&self) {
        self.0.events.trace();
    }

    /// See `RegistryClient.login`.
    pub fn login(&self, credentials: JsValue, options: JsValue) -> Promise {
        let shared = Rc::clone(&self.0);
        future_to_promise(async move { Ok(shared.login(&credentials, &Abort::of(&options)?).await?) })
    }

    /// See `RegistryClient.logout`.
    pub fn logout(&self, options: JsValue) -> Promise {
        let shared = Rc::clone(&self.0);
        future_to_promise(async move {
            shared.logout(&Abort::of(&options)?).await?;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// See `RegistryClient.fetch`.
    pub fn fetch(&self, input: JsValue, init: JsValue) -> Promise {
        let shared = Rc::clone(&self.0);
        future_to_promise(async move { Ok(shared.fetch(&input, &init).await?.into_response()) })
    }

    /// See `RegistryClient.authorize`; the scopes are strings.
    pub fn authorize(&self, scopes: Vec<String>, options: JsValue) -> Promise {
        let shared = Rc::clone(&self.0);
        future_to_promise(async move { Ok(shared.authorize(&scopes, &Abort::of(&options)?).await?) })
    }

    /// One page of a listing: of the repositories, or of the tags of one. `next` is what an earlier page gave.
    /// Answers with `{names, next?}`.
    pub fn page(&self, repository: Option<String>, next: Option<String>, options: JsValue) -> Promise {
        let shared = Rc::clone(&self.0);
        future_to_promise(async move { Ok(shared.page(repository.as_deref(), next, &options).await?) })
    }

    /// See `RegistryClient.manifest`.
    pub fn manifest(&self, repository: String, reference: String, options: JsValue) -> Promise {
        let shared = Rc::clone(&self.0);
        future_to_promise(async move { Ok(shared.manifest(&repository, &reference, &options).await?) })
    }

    /// See `RegistryClient.blob`.
    pub fn blob(&self, repository: String, digest: String, options: JsValue) -> Promise {
        let shared = Rc::clone(&self.0);
        future_to_promise(async move { Ok(shared.blob(&repository, &digest, &Abort::of(&options)?).await?) })
    }
}

impl Shared {
    async fn connect(options: &JsValue, dispatch: Function) -> Result<Self, Failure> {
        let events = Rc::new(Events::new(dispatch));
        let key_server = KeyServer::of(options, Rc::clone(&events))?;
        let registry = object::string(options, "registry")
            .and_then(|name| RegistryName::parse(&name).ok())
            .ok_or(Failure::argument("registry is not host or host:port."))?;
        let transport = object::get(options, "transport");
        let direct = match transport.as_string().as_deref() {
            None if transport.is_undefined() => false,
            Some("gateway") => false,
            Some("direct") => true,
            _ => return Err(Failure::argument("transport is neither 'gateway' nor 'direct'.")),
        };
        let abort = Abort::of(options)?;
        let way = if direct {
            session::direct_way(&key_server, &registry, &abort).await?
        } else {
            Way {
                prefix: key_server.address(&format!("{}{}", api::GATEWAY, registry.as_str())),
                aliases: vec![
                    format!("https://{}", registry.endpoint()),
                    format!("https://{}", registry.as_str()),
                ],
                gateway: true,
                cookies: key_server.cookies,
            }
        };
        let shared = Self {
            registry: registry.as_str().to_owned(),
            key_server,
            way,
            events,
            account: RefCell::default(),
            known: RefCell::default(),
            tokens: RefCell::default(),
            flights: Flights::default(),
            epoch: Cell::new(0),
        };
        if shared.key_server.uses_cookie() {
            shared.resume(&abort).await?;
        }
        Ok(shared)
    }

    fn sender(&self) -> &Sender {
        self.key_server.sender()
    }

    /// The sealed session, with the bearer carrier.
    fn sealed_session(&self) -> Option<SecretString> {
        self.account.borrow().as_ref().and_then(|account| account.session.clone())
    }

    /// A failure of the key server that ends the session ends it here, too.
    fn note(&self, failure: Failure) -> Failure {
        let over = failure.is(ErrorCode::InvalidSession) || failure.is(ErrorCode::SessionExpired);
        if over && failure.step == Some(Hop::KeyServer) && self.forget_session() {
            self.events.signed_out(failure.code);
        }
        failure
    }

    /// What a caller of `fetch` wants, through every challenge.
    async fn fetch(self: &Rc<Self>, input: &JsValue, init: &JsValue) -> Result<Reply, Failure> {
        let given =
            address_of(input).ok_or(Failure::argument("The first argument is no path, URL or Request."))?;
        let (address, path) = self.way.resolve(&given)?;
        let request = Outgoing::from_fetch(input, init, &address, self.way.cookies, !self.way.gateway)?;
        self.send(request, path).await
    }

    /// A request of our own for a path from `/v2/` on.
    async fn get(self: &Rc<Self>, path: String, accept: &str, abort: &Abort) -> Result<Reply, Failure> {
        let (address, path) = self.way.resolve(&path)?;
        let request = Outgoing::get(&address, self.way.cookies, !self.way.gateway, abort)?;
        request.set_header("accept", accept)?;
        self.send(request, path).await
    }

    /// Drives the flow.
    async fn send(self: &Rc<Self>, request: Outgoing, path: String) -> Result<Reply, Failure> {
        let method = request.method();
        let scopes =
            scopes_for(&method, &path).map_err(|_| Failure::at(ErrorCode::InvalidPath, Hop::Registry))?;
        // The client says who asks; a header of the caller's would be sent in vain or to the wrong one.
        request.delete_header("authorization");
        if self.way.gateway {
            request.set_header(api::CSRF_HEADER, "1")?;
        }
        let abort = request.abort();
        let known = self.known.borrow().clone();
        let identified = self.account.borrow().is_some();
        let mut flow = ResourceFlow::new(ResourceRequest { method, path, scopes }, known, identified);
        let mut last: Option<Reply> = None;
        // Where the key server itself was the one that failed, it said more than a flow keeps.
        let mut behind = None;
        loop {
            self.events.steps(flow.take_records());
            match flow.step() {
                ResourceStep::Send(authorization) => {
                    if let Some(unused) = last.take() {
                        unused.discard();
                    }
                    let attempt = request.again()?;
                    self.authorize_attempt(&attempt, &authorization)?;
                    match self.sender().send(&attempt).await {
                        Ok(reply) if self.way.gateway && reply.is_problem() => {
                            return Err(self.note(self.key_server.problem(&reply).await));
                        }
                        Ok(reply) => {
                            reply.head().with(|head| flow.response(head));
                            last = Some(reply);
                        }
                        Err(NoAnswer::Aborted(failure)) => return Err(failure),
                        Err(NoAnswer::Transport(_)) if self.way.gateway => {
                            return Err(Failure::at(ErrorCode::KeyServerUnreachable, Hop::KeyServer));
                        }
                        Err(NoAnswer::Transport(error)) => flow.transport_failed(error),
                    }
                }
                ResourceStep::NeedToken(need) => match self.token(&need, &abort).await {
                    Ok(granted) => flow.token(Ok(granted.token)),
                    Err(failure) if failure.is(ErrorCode::Aborted) => return Err(failure),
                    Err(failure) => {
                        let failure = self.note(failure);
                        flow.token(Err(failure.to_flow()));
                        behind = Some(failure);
                    }
                },
                ResourceStep::Done(answered) => {
                    self.known.replace(Some(answered.auth));
                    return last.ok_or(Failure::at(ErrorCode::Internal, Hop::Registry));
                }
                ResourceStep::Fail(error) => {
                    if let Some(unused) = last {
                        unused.discard();
                    }
                    let failure = Failure::from(error);
                    return Err(match behind {
                        Some(behind) if behind.code == failure.code => behind,
                        _ => failure,
                    });
                }
            }
        }
    }

    /// Attaches what the flow wants. Only ever called with a request whose address [`Way::resolve`] gave.
    fn authorize_attempt(&self, attempt: &Outgoing, authorization: &Authorization) -> Result<(), Failure> {
        let bearer = |token: &SecretString| {
            attempt.set_header("authorization", &format!("Bearer {}", token.expose_secret()))
        };
        match authorization {
            Authorization::None => Ok(()),
            Authorization::Bearer(token) => bearer(token),
            // The gateway attaches the credentials; the session says whose, in the cookie or here.
            Authorization::FromSession if self.way.gateway => match self.sealed_session() {
                Some(session) => bearer(&session),
                None => Ok(()),
            },
            // There are no credentials in a page to send to a registry.
            Authorization::FromSession | Authorization::Basic { .. } => {
                Err(Failure::at(ErrorCode::BasicOnly, Hop::Registry))
            }
        }
    }
}

impl Way {
    /// The address to send to, and its path from `/v2/` on with the query.
    ///
    /// # Errors
    /// `ERR_OTHER_ORIGIN` when it leads elsewhere, `ERR_INVALID_ARGUMENT` when it is no address.
    fn resolve(&self, given: &str) -> Result<(String, String), Failure> {
        let elsewhere =
            Failure::input("ERR_OTHER_ORIGIN", "This address is not the registry's; no token is sent there.");
        // `//host/…` is an address without scheme, not a path.
        let text = if given.starts_with('/') && !given.starts_with("//") {
            format!("{}{given}", self.prefix)
        } else {
            given.to_owned()
        };
        let address = Address::parse(&text, None)
            .ok_or(Failure::argument("This is no path from /v2/ on and no http or https address."))?;
        let whole = format!("{}{}{}", address.origin, address.path, address.query);
        // The browser has resolved `..` by now, so that a prefix is a prefix.
        let path = std::iter::once(&self.prefix)
            .chain(&self.aliases)
            .find_map(|prefix| whole.strip_prefix(prefix.as_str()).filter(|path| path.starts_with("/v2")));
        match path {
            Some("/v2") => Ok((format!("{}/v2/", self.prefix), "/v2/".to_owned())),
            Some(path) if path.starts_with("/v2/") => Ok((format!("{}{path}", self.prefix), path.to_owned())),
            _ => Err(elsewhere),
        }
    }
}

/// Whether there is an answer to read.
///
/// # Errors
/// `missing`, `upstream_failed`, `upstream_invalid`, by the status.
fn expect_ok(reply: &Reply) -> Result<(), Failure> {
    let status = reply.status();
    let code = match status {
        200 => return Ok(()),
        404 => ErrorCode::Missing,
        500.. => ErrorCode::UpstreamFailed,
        _ => ErrorCode::UpstreamInvalid,
    };
    reply.discard();
    Err(Failure { status: Some(status), ..Failure::at(code, Hop::Registry) })
}
