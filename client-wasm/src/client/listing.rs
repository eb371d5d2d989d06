//! Listings, page by page.

use std::fmt::Write as _;
use std::rc::Rc;

use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::flow::Hop;
use dockpass_protocol::reference::Repository;
use js_sys::{Array, Object};
use wasm_bindgen::JsValue;

use super::Shared;
use crate::failure::Failure;
use crate::fetch::Abort;
use crate::object;

/// The most names that one page may be asked for; distribution refuses more with 400.
const MAX_PAGE: f64 = 1000.0;

impl Shared {
    /// One page: the first one of the repositories or of a repository's tags, or the one that an earlier page named.
    pub(super) async fn page(
        self: &Rc<Self>,
        repository: Option<&str>,
        next: Option<String>,
        options: &JsValue,
    ) -> Result<JsValue, Failure> {
        let abort = Abort::of(options)?;
        let path = match next {
            Some(next) => next,
            None => first(repository, &object::get(options, "n"))?,
        };
        let reply = self.get(path.clone(), "application/json", &abort).await?;
        super::expect_ok(&reply)?;
        let link = reply.header("link");
        let body = abort.race(reply.json()).await?;
        let field = if repository.is_some() { "tags" } else { "repositories" };
        let names = object::get(&body, field);
        // A repository without tags has `null` where others have a list.
        let list = if names.is_null() { Array::new() } else { list_of(&names)? };
        let page = Object::new();
        object::set(&page, "names", list);
        object::set_some(&page, "next", link.and_then(|link| self.next_page(&link, &path)));
        Ok(page.into())
    }
}

impl Shared {
    /// The path of the next page that a `Link` header names (RFC 8288), if it is this registry's.
    fn next_page(&self, link: &str, path: &str) -> Option<String> {
        let target =
            link.split(',').find(|entry| entry.contains("rel=\"next\"") || entry.contains("rel=next"))?;
        let target = target.split_once('<')?.1.split_once('>')?.0;
        let _ = path;
        self.way.resolve(target).ok().map(|(_, path)| path)
    }
}

/// The path of a first page.
fn first(repository: Option<&str>, n: &JsValue) -> Result<String, Failure> {
    let mut path = match repository {
        Some(name) => {
            let name = Repository::parse(name)
                .map_err(|_| Failure::input("ERR_REFERENCE_SYNTAX", "This is no name of a repository."))?;
            format!("/v2/{name}/tags/list")
        }
        None => "/v2/_catalog".to_owned(),
    };
    if !n.is_undefined() {
        let n = n
            .as_f64()
            .filter(|n| (1.0..=MAX_PAGE).contains(n) && n.fract() == 0.0)
            .ok_or(Failure::argument("n is no whole number between 1 and 1000."))?;
        // `write!` to a String cannot fail.
        let _ = write!(path, "?n={n}");
    }
    Ok(path)
}

/// An array of strings and nothing else.
fn list_of(names: &JsValue) -> Result<Array, Failure> {
    let list = Array::from(names);
    if Array::is_array(names) && list.iter().all(|name| name.is_string()) {
        Ok(list)
    } else {
        Err(Failure::at(ErrorCode::UpstreamInvalid, Hop::Registry))
    }
}
