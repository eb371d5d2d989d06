//! The state of a client of one registry, and the flows that it starts.
//!
//! There is no I/O: `npm/lib/driver.js` sends the requests of a [`Flow`] and reports the responses. `protocol::flow` alone
//! decides what is sent, with which authorization, and what a response means (decision 0020).

use std::cell::RefCell;
use std::rc::Rc;

use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::flow::{RegistryAuth, ResourceFlow, ResourceRequest};
use dockpass_protocol::reference::RegistryName;
use dockpass_protocol::scope::{ScopeSet, scopes_for};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::boundary::{OutputLength, Refusal, table_get, with_input, write_output};
use crate::flow::Flow;
use crate::json::Json;
use crate::state::ClientState;
use crate::token_cache::Source;

/// A client of one registry, with its tokens. The tokens are deleted when the session ends.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Client {
    state: Rc<RefCell<ClientState>>,
}

#[wasm_bindgen]
impl Client {
    /// Creates a client without a session and without tokens.
    #[wasm_bindgen(constructor)]
    #[expect(clippy::new_without_default, reason = "JavaScript has no Default")]
    pub fn new() -> Self {
        Self { state: Rc::default() }
    }

    /// A user logged in. `auth` is how the registry authenticates: 0 open, 1 basic, 2 bearer. With bearer, the input contains
    /// the realm, of `realm` bytes, and then the service.
    pub fn identify(&self, auth: u8, realm: usize, length: usize) {
        let auth = with_input(length, |text| {
            Some(match auth {
                0 => RegistryAuth::Open,
                1 => RegistryAuth::Basic,
                _ => {
                    let (realm, service) = text.split_at_checked(realm).unwrap_or((text, ""));
                    let service = Some(service).filter(|service| !service.is_empty()).map(str::to_owned);
                    RegistryAuth::Bearer { realm: realm.to_owned(), service }
                }
            })
        });
        let mut state = self.state.borrow_mut();
        let epoch = state.epoch.wrapping_add(1);
        *state = ClientState { auth, identified: true, epoch, ..ClientState::default() };
    }

    /// The session ended. How the registry authenticates is kept.
    pub fn forget(&self) {
        let mut state = self.state.borrow_mut();
        let epoch = state.epoch.wrapping_add(1);
        *state = ClientState { auth: state.auth.take(), epoch, ..ClientState::default() };
    }

    /// Starts a flow for the request in the input: its method, a space, and its path from `/v2/` on with the query. After a
    /// line break, scopes that its token has as well, separated by spaces. `undefined` when the registry API has no such
    /// request.
    pub fn begin(&self, length: usize) -> Option<Flow> {
        with_input(length, |text| {
            let (request, more) = text.split_once('\n').unwrap_or((text, ""));
            let (method, path) = request.split_once(' ')?;
            let scopes = scopes_for(method, path).ok()?.union(&ScopeSet::parse(more).ok()?);
            let request = ResourceRequest { method: method.to_owned(), path: path.to_owned(), scopes };
            let state = self.state.borrow();
            let flow = ResourceFlow::new(request, state.auth.clone(), state.identified);
            Some(Flow::new(flow, Rc::clone(&self.state)))
        })
    }

    /// The token request for scopes that are separated by spaces, to find out what is granted. Returns
    /// `{scopes, token?, realm?, service?}`; `token` is a token that is cached at `now` (milliseconds since the epoch).
    /// Without `scopes`, this registry has no tokens.
    pub fn token_request(&self, length: usize, now: f64) -> OutputLength {
        with_input(length, |text| {
            let scopes = match ScopeSet::parse(text) {
                Ok(scopes) => scopes,
                Err(error) => return Refusal::of_scope(text, error).write_output(|_| {}),
            };
            let state = self.state.borrow();
            let mut json = Json::with_capacity(256);
            json.open('{');
            let source = match &state.auth {
                Some(RegistryAuth::Bearer { realm, service }) => Source::new(realm, service.as_deref()),
                _ => Source::default(),
            };
            if !matches!(state.auth, Some(RegistryAuth::Open | RegistryAuth::Basic)) {
                json.name("scopes");
                json.strings(scopes.to_strings().iter().map(String::as_str));
                if let Some(token) = state.tokens.get(&source, &scopes, now) {
                    json.name("token");
                    json.string(secrecy::ExposeSecret::expose_secret(&token));
                }
                if let Some(RegistryAuth::Bearer { realm, service }) = &state.auth {
                    json.name("realm");
                    json.string(realm);
                    json.optional_string("service", service.as_deref());
                }
            }
            json.close('}');
            write_output(json)
        })
    }

    /// Caches a token that was issued at `now` for `seconds`. The table holds the ends of five strings in the input: the
    /// scopes, separated by spaces; those of them that the token's claims grant; realm and service of the token service, each
    /// empty if unknown; the token.
    pub fn keep(&self, length: usize, seconds: f64, now: f64) {
        with_input(length, |text| {
            let part = |index: usize| {
                let start = if index == 0 { 0 } else { table_get(index - 1) as usize };
                text.get(start..table_get(index) as usize).unwrap_or_default()
            };
            if let Ok(scopes) = ScopeSet::parse_as_stated(part(0)) {
                let granted = ScopeSet::parse(part(1)).unwrap_or_default();
                let source = Source::new(part(2), Some(part(3)));
                let token = part(4).to_owned().into();
                self.state.borrow_mut().tokens.put(source, [scopes, granted], token, now, seconds * 1000.0);
            }
        });
    }
}

/// Whether a list of scopes can be parsed. Returns `null`, or the error.
#[wasm_bindgen]
pub fn check_scopes(length: usize) -> OutputLength {
    with_input(length, |text| match ScopeSet::parse(text) {
        Ok(_) => {
            let mut json = Json::default();
            json.raw("null");
            write_output(json)
        }
        Err(error) => Refusal::of_scope(text, error).write_output(|_| {}),
    })
}

/// The canonical name of a registry. Returns a string.
#[wasm_bindgen]
pub fn registry_name(length: usize) -> OutputLength {
    with_input(length, |text| match RegistryName::parse(text) {
        Ok(name) => {
            let mut json = Json::with_capacity(64);
            json.string(name.as_str());
            write_output(json)
        }
        Err(_) => Refusal {
            code: "ERR_INVALID_ARGUMENT",
            message: "registry is not host or host:port.".to_owned(),
            position: None,
        }
        .write_output(|_| {}),
    })
}

/// The sentence of an error code; `null` for an unknown code.
#[wasm_bindgen]
pub fn sentence(length: usize) -> OutputLength {
    with_input(length, |text| {
        let mut json = Json::with_capacity(160);
        match text.parse::<ErrorCode>() {
            Ok(code) => json.string(code.sentence()),
            Err(()) => json.raw("null"),
        }
        write_output(json)
    })
}
