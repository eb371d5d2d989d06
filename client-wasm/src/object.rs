//! JavaScript's own objects and JSON, read and written without a copy of them in Rust.

use dockpass_protocol::flow::Hop;
use js_sys::{Array, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

/// Sets a property. The objects are our own and plain, so that it cannot fail.
pub(crate) fn set(target: &Object, name: &str, value: impl Into<JsValue>) {
    let _ = Reflect::set(target, &name.into(), &value.into());
}

/// Sets a property if there is a value.
pub(crate) fn set_some(target: &Object, name: &str, value: Option<impl Into<JsValue>>) {
    if let Some(value) = value {
        set(target, name, value);
    }
}

/// A property; `undefined` when there is none or `source` is no object.
pub(crate) fn get(source: &JsValue, name: &str) -> JsValue {
    Reflect::get(source, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

/// A property that is a string.
pub(crate) fn string(source: &JsValue, name: &str) -> Option<String> {
    get(source, name).as_string()
}

/// A property that is a finite number.
pub(crate) fn number(source: &JsValue, name: &str) -> Option<f64> {
    get(source, name).as_f64().filter(|number| number.is_finite())
}

/// A property that is an array; empty when it is none.
pub(crate) fn array(source: &JsValue, name: &str) -> Array {
    get(source, name).dyn_into().unwrap_or_default()
}

/// The strings of an array; what is no string is left out.
pub(crate) fn strings(list: &Array) -> Vec<String> {
    list.iter().filter_map(|item| item.as_string()).collect()
}

/// An array of these strings.
pub(crate) fn list<'a>(items: impl IntoIterator<Item = &'a str>) -> Array {
    items.into_iter().map(JsValue::from).collect()
}

/// The word for a hop.
pub(crate) fn hop(hop: Hop) -> &'static str {
    match hop {
        Hop::Registry => "registry",
        Hop::TokenService => "token_service",
        Hop::KeyServer => "key_server",
    }
}

/// The hop of a word.
pub(crate) fn hop_of(word: &str) -> Option<Hop> {
    [Hop::Registry, Hop::TokenService, Hop::KeyServer].into_iter().find(|&known| hop(known) == word)
}
