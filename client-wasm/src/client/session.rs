//! Login, logout, and what the key server knows without them.

use std::rc::Rc;

use dockpass_protocol::api;
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::flow::{Decision, Hop};
use dockpass_protocol::reference::RegistryName;
use js_sys::{Array, Object};
use wasm_bindgen::JsValue;

use super::{Shared, Way};
use crate::account::Account;
use crate::events::Events;
use crate::failure::Failure;
use crate::fetch::{Abort, Address, Cookies};
use crate::key_server::{Ask, KeyServer};
use crate::object;

impl Shared {
    /// Proves credentials and keeps the session. The password passes through as JavaScript's own string: it is never
    /// copied into this module's memory.
    pub(super) async fn login(
        self: &Rc<Self>,
        credentials: &JsValue,
        abort: &Abort,
    ) -> Result<JsValue, Failure> {
        let body = Object::new();
        object::set(&body, "registry", self.registry.as_str());
        let names: &[(&str, &str)] = if object::get(credentials, "identityToken").is_undefined() {
            &[("username", "username"), ("password", "password")]
        } else {
            &[("identityToken", "identity_token")]
        };
        for (ours, theirs) in names {
            let value = object::get(credentials, ours);
            if !value.is_string() {
                return Err(Failure::argument(
                    "Credentials are {username, password} or {identityToken}, all strings.",
                ));
            }
            object::set(&body, theirs, value);
        }
        object::set(&body, "carrier", if self.key_server.uses_cookie() { "cookie" } else { "bearer" });
        self.ask_for_trace(&body);
        let ask = Ask {
            method: "POST",
            path: api::SESSIONS,
            registry: None,
            body: Some(body),
            session: None,
            success: Decision::Proven,
        };
        let answer = self.key_server.ask(ask, abort).await?;
        self.events.relayed(&object::array(&answer, "steps"));
        let account = Account::read(&answer)
            .filter(|account| account.session.is_some() != self.key_server.uses_cookie())
            .ok_or(Failure::at(ErrorCode::KeyServerInvalid, Hop::KeyServer))?;
        Ok(self.keep(account))
    }

    /// Ends the session. The tab forgets it even when the key server cannot be told.
    pub(super) async fn logout(self: &Rc<Self>, abort: &Abort) -> Result<(), Failure> {
        let session = self.sealed_session();
        if !self.forget_session() {
            return Ok(());
        }
        let ask = Ask {
            method: "DELETE",
            path: api::SESSION,
            registry: Some(&self.registry),
            body: None,
            session: session.as_ref(),
            success: Decision::Accepted,
        };
        let result = self.key_server.ask(ask, abort).await;
        self.events.signed_out("logout");
        match result {
            Ok(_) => Ok(()),
            // It was over already.
            Err(failure)
                if failure.is(ErrorCode::InvalidSession) || failure.is(ErrorCode::SessionExpired) =>
            {
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    /// Picks up the session that the browser's cookie holds, if it does.
    pub(super) async fn resume(&self, abort: &Abort) -> Result<(), Failure> {
        let ask = Ask {
            method: "GET",
            path: api::SESSION,
            registry: Some(&self.registry),
            body: None,
            session: None,
            success: Decision::Accepted,
        };
        match self.key_server.ask(ask, abort).await {
            Ok(answer) if answer.is_undefined() => Ok(()),
            Ok(answer) => {
                let account =
                    Account::read(&answer).ok_or(Failure::at(ErrorCode::KeyServerInvalid, Hop::KeyServer))?;
                self.keep(account);
                Ok(())
            }
            // Nobody is logged in, and that is no failure.
            Err(failure) if failure.status == Some(401) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    fn keep(&self, account: Account) -> JsValue {
        self.forget_session();
        let session = account.to_session();
        self.known.replace(Some(account.auth.clone()));
        self.account.replace(Some(account));
        session
    }

    /// Forgets the session and everything that was got with it. Whether there was one.
    pub(super) fn forget_session(&self) -> bool {
        self.epoch.set(self.epoch.get().wrapping_add(1));
        self.tokens.borrow_mut().clear();
        self.flights.ground();
        self.account.take().is_some()
    }

    /// While someone listens, the key server tells its own steps.
    pub(super) fn ask_for_trace(&self, body: &Object) {
        if self.events.is_traced() {
            object::set(body, "trace", true);
        }
    }
}

/// The registries of a key server's configuration, as `RegistryInfo`s.
pub(super) async fn registries(options: &JsValue) -> Result<JsValue, Failure> {
    let events = Rc::new(Events::silent());
    let key_server = KeyServer::of(options, events)?;
    let list = ask_registries(&key_server, &Abort::of(options)?).await?;
    Ok(list.iter().collect::<Array>().into())
}

async fn ask_registries(key_server: &KeyServer, abort: &Abort) -> Result<Array, Failure> {
    let ask = Ask {
        method: "GET",
        path: api::REGISTRIES,
        registry: None,
        body: None,
        session: None,
        success: Decision::Accepted,
    };
    let answer = key_server.ask(ask, abort).await?;
    if !Array::is_array(&object::get(&answer, "registries")) {
        return Err(Failure::at(ErrorCode::KeyServerInvalid, Hop::KeyServer));
    }
    let list = Array::new();
    for entry in object::array(&answer, "registries").iter() {
        let info = Object::new();
        for name in ["registry", "name", "url", "gateway"] {
            let text = object::string(&entry, name)
                .ok_or(Failure::at(ErrorCode::KeyServerInvalid, Hop::KeyServer))?;
            object::set(&info, name, text);
        }
        list.push(&info);
    }
    Ok(list)
}

/// The way past the gateway: the registry's own address, which the key server's configuration knows.
pub(super) async fn direct_way(
    key_server: &KeyServer,
    registry: &RegistryName,
    abort: &Abort,
) -> Result<Way, Failure> {
    let list = ask_registries(key_server, abort).await?;
    let address = list
        .iter()
        .find(|info| object::string(info, "registry").as_deref() == Some(registry.as_str()))
        .and_then(|info| object::string(&info, "url"))
        .ok_or(Failure::at(ErrorCode::RegistryNotAllowed, Hop::KeyServer))?;
    let address =
        Address::parse(&address, None).ok_or(Failure::at(ErrorCode::KeyServerInvalid, Hop::KeyServer))?;
    Ok(Way {
        prefix: format!("{}{}", address.origin, address.path.trim_end_matches('/')),
        aliases: Vec::new(),
        gateway: false,
        cookies: Cookies::Omit,
    })
}
