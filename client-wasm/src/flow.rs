//! One request to a registry: `protocol::flow::ResourceFlow` with the cached tokens.

use std::cell::RefCell;
use std::rc::Rc;

use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::flow::{
    Authorization, FlowError, Hop, ResourceFlow, ResourceStep, ResponseHead, StepRecord, TransportError,
};
use secrecy::{ExposeSecret, SecretString};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::boundary::{OutputLength, table_get, with_input, write_output};
use crate::json::Json;
use crate::state::ClientState;
use crate::token_cache::Source;

/// A running flow. The driver calls [`step`](Flow::step) for the next action, performs it, reports the result, and repeats
/// this.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Flow {
    machine: ResourceFlow,
    state: Rc<RefCell<ClientState>>,
    /// The count of logins and logouts when the flow started.
    epoch: u32,
    /// The service of the last token, for a diagnosis after the registry has rejected it.
    service: Option<String>,
}

impl Flow {
    pub(crate) fn new(machine: ResourceFlow, state: Rc<RefCell<ClientState>>) -> Self {
        let epoch = state.borrow().epoch;
        Self { machine, state, epoch, service: None }
    }

    /// Sets the token that the cache has at `now`.
    fn advance(&mut self, now: f64) -> ResourceStep {
        loop {
            let step = self.machine.step();
            let ResourceStep::NeedToken(need) = &step else { return step };
            self.service.clone_from(&need.challenge.service);
            let cached = if need.fresh {
                None
            } else {
                {
                    let source = Source::new(&need.challenge.realm, need.challenge.service.as_deref());
                    self.state.borrow().tokens.get(&source, &need.scopes, now)
                }
            };
            match cached {
                Some(token) => {
                    self.machine.token(Ok(token));
                }
                None => return step,
            }
        }
    }
}

#[wasm_bindgen]
impl Flow {
    /// The next action at `now` (milliseconds since the epoch). Returns one of
    /// - `{do: "send", token?}`: send the request with this `Bearer` token;
    /// - `{do: "send", session: true}`: send it so that the gateway attaches the session's credentials;
    /// - `{do: "token", scopes, realm, service?, fresh}`: get a token from the key server;
    /// - `{do: "done"}`: the last response is the result;
    /// - `{do: "fail", code, message, step, status?, context?}`: the flow failed;
    ///
    /// each with `steps`, the records since the last call, if `traced` is set.
    pub fn step(&mut self, now: f64, traced: bool) -> OutputLength {
        let step = self.advance(now);
        let mut json = Json::with_capacity(512);
        json.open('{');
        json.name("do");
        match step {
            ResourceStep::Send(Authorization::Bearer(token)) => {
                json.string("send");
                json.name("token");
                json.string(token.expose_secret());
            }
            ResourceStep::Send(Authorization::None) => json.string("send"),
            // A page has no credentials; the key server attaches those of the session.
            ResourceStep::Send(Authorization::FromSession | Authorization::Basic { .. }) => {
                json.string("send");
                json.name("session");
                json.raw("true");
            }
            // Only a flow with a policy and a password needs this, and a page has neither.
            ResourceStep::Confirm(_) => {
                json.string("fail");
                write_error(&mut json, FlowError::new(ErrorCode::Internal, Hop::Registry));
            }
            ResourceStep::NeedToken(need) => {
                json.string("token");
                json.name("scopes");
                json.strings(need.scopes.to_strings().iter().map(String::as_str));
                json.name("realm");
                json.string(&need.challenge.realm);
                json.optional_string("service", need.challenge.service.as_deref());
                json.name("fresh");
                json.raw(if need.fresh { "true" } else { "false" });
            }
            ResourceStep::Done(outcome) => {
                json.string("done");
                let mut state = self.state.borrow_mut();
                if state.epoch == self.epoch
                    && let Some(auth) = outcome.auth
                {
                    state.auth = Some(auth);
                }
            }
            ResourceStep::Fail(error) => {
                json.string("fail");
                write_error(&mut json, error);
                // The driver adds the rest of what a diagnosis needs.
                if error.code == ErrorCode::TokenRejected {
                    json.name("context");
                    json.open('{');
                    json.optional_string("service", self.service.as_deref());
                    json.close('}');
                }
            }
        }
        let records = self.machine.take_records();
        if traced {
            json.name("steps");
            json.open('[');
            for record in &records {
                write_record(&mut json, record);
            }
            json.close(']');
        }
        json.close('}');
        write_output(json)
    }

    /// Reports the response to the request. The table holds the ends of three strings in the input: `WWW-Authenticate`,
    /// `Registry-Challenge` and `Content-Type`; each is empty where the header is absent. The driver reads `Retry-After`.
    pub fn response(&mut self, status: u16, length: usize) {
        with_input(length, |text| {
            let part = |index: usize| {
                let start = if index == 0 { 0 } else { table_get(index - 1) as usize };
                text.get(start..table_get(index) as usize).filter(|part| !part.is_empty())
            };
            let challenges: Vec<&str> = [part(0), part(1)].into_iter().flatten().collect();
            self.machine.response(&ResponseHead {
                challenges: &challenges,
                content_type: part(2),
                ..ResponseHead::new(status)
            });
        });
    }

    /// Reports a token from the key server.
    pub fn token(&mut self, length: usize) {
        let token = with_input(length, |text| SecretString::from(text));
        self.machine.token(Ok(token));
    }

    /// Reports that the key server issued no token. The input contains the error code, of `code` bytes, and the hop that failed.
    pub fn token_failed(&mut self, code: usize, length: usize, status: u16) {
        let error = with_input(length, |text| {
            let (code, hop) = text.split_at_checked(code).unwrap_or_default();
            let hops = [Hop::Registry, Hop::TokenService, Hop::KeyServer];
            let hop = hops.into_iter().find(|&candidate| word(candidate) == hop).unwrap_or(Hop::KeyServer);
            Some(FlowError::new(code.parse().unwrap_or(ErrorCode::KeyServerInvalid), hop))
        });
        let error = error.unwrap_or(FlowError::new(ErrorCode::KeyServerInvalid, Hop::KeyServer));
        let status = Some(status).filter(|&status| status > 0);
        self.machine.token(Err(FlowError { status, ..error }));
    }

    /// Reports that the request failed without a response.
    pub fn unreachable(&mut self) {
        self.machine.transport_failed(TransportError::Unreachable);
    }
}

fn write_error(json: &mut Json, error: FlowError) {
    json.name("code");
    json.string(error.code.as_str());
    json.name("message");
    json.string(error.code.sentence());
    json.name("step");
    json.string(word(error.hop));
    json.optional_number("status", error.status.map(i64::from));
}

/// A step, as the detail of an event.
fn write_record(json: &mut Json, record: &StepRecord) {
    json.open('{');
    json.name("kind");
    json.string("page");
    json.name("hop");
    json.string(word(record.hop));
    json.name("method");
    json.string(&record.method);
    json.name("url");
    json.string(&record.target);
    json.optional_number("status", record.status.map(i64::from));
    json.optional_string("sent", record.sent.as_deref());
    json.name("decision");
    json.string(record.decision.as_str());
    json.name("reason");
    json.string(&record.reason);
    json.optional_string("code", record.code.map(ErrorCode::as_str));
    json.optional_string("problem", record.problem.as_deref());
    json.optional_string("place", record.place.as_deref());
    if !record.scopes.is_empty() {
        json.name("scopes");
        json.strings(record.scopes.iter().map(String::as_str));
    }
    json.close('}');
}

/// The hop of that name.
fn word(hop: Hop) -> &'static str {
    match hop {
        Hop::Registry => "registry",
        Hop::TokenService => "token_service",
        Hop::KeyServer => "key_server",
    }
}
