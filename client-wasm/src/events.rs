//! What the client tells its listeners: steps, and that a session is over.

use std::cell::Cell;

use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::flow::StepRecord;
use js_sys::{Array, Date, Function, Object};
use wasm_bindgen::JsValue;

use crate::object;

/// The way to the listeners: a function of an event's type and detail.
#[derive(Debug)]
pub(crate) struct Events {
    dispatch: Option<Function>,
    tracing: Cell<bool>,
}

impl Events {
    /// Events that go to this function.
    pub(crate) fn new(dispatch: Function) -> Self {
        Self { dispatch: Some(dispatch), tracing: Cell::new(false) }
    }

    /// Events that nobody hears.
    pub(crate) fn silent() -> Self {
        Self { dispatch: None, tracing: Cell::new(false) }
    }

    /// From now on someone listens to steps.
    pub(crate) fn trace(&self) {
        self.tracing.set(true);
    }

    /// Whether someone listens to steps.
    pub(crate) fn is_traced(&self) -> bool {
        self.tracing.get()
    }

    /// The session is over.
    pub(crate) fn signed_out(&self, reason: &str) {
        let detail = Object::new();
        object::set(&detail, "reason", reason);
        self.send("signedout", &detail);
    }

    /// Steps that a flow took here.
    pub(crate) fn steps(&self, records: Vec<StepRecord>) {
        if !self.is_traced() {
            return;
        }
        for record in records {
            let detail = begin("page");
            object::set(&detail, "hop", object::hop(record.hop));
            object::set(&detail, "method", &*record.method);
            object::set(&detail, "url", record.target);
            object::set_some(&detail, "status", record.status);
            object::set_some(&detail, "sent", record.sent.as_deref());
            object::set(&detail, "decision", record.decision.as_str());
            object::set(&detail, "reason", &*record.reason);
            object::set_some(&detail, "code", record.code.map(ErrorCode::as_str));
            if !record.scopes.is_empty() {
                object::set(&detail, "scopes", object::list(record.scopes.iter().map(String::as_str)));
            }
            self.send("step", &detail);
        }
    }

    /// A request to the key server itself.
    pub(crate) fn key_server(&self, step: &KeyServerStep<'_>) {
        if !self.is_traced() {
            return;
        }
        let detail = begin("page");
        object::set(&detail, "hop", "key_server");
        object::set(&detail, "method", step.method);
        object::set(&detail, "url", step.path);
        object::set_some(&detail, "status", step.status);
        object::set(&detail, "decision", step.decision);
        object::set(&detail, "reason", step.reason);
        object::set_some(&detail, "code", step.code);
        self.send("step", &detail);
    }

    /// Steps that the key server took and told (`steps` of its answers): the fields that a step has, and no others.
    pub(crate) fn relayed(&self, steps: &Array) {
        if !self.is_traced() {
            return;
        }
        for step in steps.iter() {
            let detail = begin("key_server");
            for (theirs, ours) in [
                ("hop", "hop"),
                ("method", "method"),
                ("target", "url"),
                ("status", "status"),
                ("sent", "sent"),
                ("decision", "decision"),
                ("reason", "reason"),
                ("code", "code"),
            ] {
                let value = object::get(&step, theirs);
                if value.is_string() || value.as_f64().is_some() {
                    object::set(&detail, ours, value);
                }
            }
            let scopes = object::strings(&object::array(&step, "scopes"));
            if !scopes.is_empty() {
                object::set(&detail, "scopes", object::list(scopes.iter().map(String::as_str)));
            }
            self.send("step", &detail);
        }
    }

    fn send(&self, kind: &str, detail: &Object) {
        // A listener that throws is reported by the EventTarget; nothing of it reaches the client.
        if let Some(dispatch) = &self.dispatch {
            let _ = dispatch.call2(&JsValue::UNDEFINED, &kind.into(), detail);
        }
    }
}

/// A request to the key server and what came of it.
#[derive(Debug)]
pub(crate) struct KeyServerStep<'a> {
    /// HTTP method.
    pub(crate) method: &'a str,
    /// Path, without query.
    pub(crate) path: &'a str,
    /// HTTP status, if an answer came.
    pub(crate) status: Option<u16>,
    /// What was decided.
    pub(crate) decision: &'a str,
    /// Why.
    pub(crate) reason: &'a str,
    /// The code, if it failed.
    pub(crate) code: Option<&'a str>,
}

fn begin(kind: &str) -> Object {
    let detail = Object::new();
    object::set(&detail, "at", Date::now());
    object::set(&detail, "kind", kind);
    detail
}
