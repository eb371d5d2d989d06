//! Registry tokens, from the key server.

use std::rc::Rc;

use dockpass_protocol::api;
use dockpass_protocol::challenge::BearerChallenge;
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::flow::{Decision, Hop, KnownAuth, TokenNeed};
use dockpass_protocol::jwt::inspect;
use dockpass_protocol::scope::{Answer, Scope, ScopeSet};
use js_sys::{Array, Date, Object};
use secrecy::{ExposeSecret, SecretString};
use wasm_bindgen::JsValue;

use super::Shared;
use crate::failure::Failure;
use crate::fetch::Abort;
use crate::key_server::Ask;
use crate::object;

/// A token that the key server gave.
#[derive(Clone, Debug)]
pub(super) struct Granted {
    pub(super) token: SecretString,
}

impl Shared {
    /// The token that a flow needs: from this tab's cache, from a request under way, or by a new one.
    pub(super) async fn token(self: &Rc<Self>, need: &TokenNeed, abort: &Abort) -> Result<Granted, Failure> {
        let BearerChallenge { realm, service, .. } = &need.challenge;
        self.token_for(&need.scopes, Some((realm.clone(), service.clone())), need.fresh, abort).await
    }

    async fn token_for(
        self: &Rc<Self>,
        scopes: &ScopeSet,
        challenge: Option<(String, Option<String>)>,
        fresh: bool,
        abort: &Abort,
    ) -> Result<Granted, Failure> {
        if !fresh && let Some(token) = self.tokens.borrow().get(scopes, Date::now()) {
            return Ok(Granted { token });
        }
        let key = format!("{}{scopes}", if fresh { "!" } else { "" });
        let flight = self.flights.join(&key, || {
            let (shared, scopes) = (Rc::clone(self), scopes.clone());
            async move { shared.ask_token(scopes, challenge, fresh).await }
        });
        abort.race(flight).await?
    }

    /// Asks the key server. No caller's signal ends this: others may wait for the same token.
    async fn ask_token(
        self: Rc<Self>,
        scopes: ScopeSet,
        challenge: Option<(String, Option<String>)>,
        fresh: bool,
    ) -> Result<Granted, Failure> {
        let epoch = self.epoch.get();
        let body = Object::new();
        object::set(&body, "registry", self.registry.as_str());
        let texts = scopes.to_strings();
        object::set(&body, "scopes", object::list(texts.iter().map(String::as_str)));
        if let Some((realm, service)) = challenge {
            let seen = Object::new();
            object::set(&seen, "realm", realm);
            object::set_some(&seen, "service", service);
            object::set(&body, "challenge", seen);
        }
        if fresh {
            object::set(&body, "fresh", true);
        }
        self.ask_for_trace(&body);
        let session = self.sealed_session();
        let ask = Ask {
            method: "POST",
            path: api::TOKEN,
            registry: None,
            body: Some(body),
            session: session.as_ref(),
            success: Decision::GotToken,
        };
        let answer = self.key_server.ask(ask, &Abort::none()).await?;
        self.events.relayed(&object::array(&answer, "steps"));
        let invalid = || Failure::at(ErrorCode::KeyServerInvalid, Hop::KeyServer);
        let token = object::string(&answer, "token").map(SecretString::from).ok_or_else(invalid)?;
        let seconds = object::number(&answer, "expires_in").ok_or_else(invalid)?;
        if self.epoch.get() == epoch {
            self.tokens.borrow_mut().put(scopes, token.clone(), Date::now(), seconds * 1000.0);
        }
        Ok(Granted { token })
    }

    /// What a token for all these scopes says of each.
    pub(super) async fn authorize(
        self: &Rc<Self>,
        texts: &[String],
        abort: &Abort,
    ) -> Result<JsValue, Failure> {
        let scopes =
            texts.iter().map(|text| text.parse::<Scope>()).collect::<Result<Vec<_>, _>>().map_err(|_| {
                Failure::input("ERR_SCOPE_SYNTAX", "A scope does not follow type:name:actions.")
            })?;
        let challenge = match &*self.known.borrow() {
            // Such registries give no tokens: only the real request will tell.
            Some(KnownAuth::Open | KnownAuth::Basic) => return Ok(answers(texts, |_| Answer::Unknown)),
            Some(KnownAuth::Bearer { realm, service }) => Some((realm.clone(), service.clone())),
            None => None,
        };
        let set: ScopeSet = scopes.iter().cloned().collect();
        match self.token_for(&set, challenge, false, abort).await {
            Ok(granted) => {
                let info = inspect(granted.token.expose_secret());
                Ok(answers(texts, |index| {
                    scopes.get(index).map_or(Answer::Unknown, |scope| info.answer(scope))
                }))
            }
            Err(failure) if failure.is(ErrorCode::BasicOnly) || failure.is(ErrorCode::RegistryOpen) => {
                Ok(answers(texts, |_| Answer::Unknown))
            }
            Err(failure) => Err(self.note(failure)),
        }
    }
}

fn answers(texts: &[String], of: impl Fn(usize) -> Answer) -> JsValue {
    let list = Array::new();
    for (index, text) in texts.iter().enumerate() {
        let entry = Object::new();
        object::set(&entry, "scope", text.as_str());
        object::set(&entry, "answer", of(index).as_str());
        list.push(&entry);
    }
    list.into()
}
