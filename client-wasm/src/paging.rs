//! The next page of a listing.

use dockpass_protocol::origin::Origin;
use dockpass_protocol::paging::{NextPage, next_page as next_page_of};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::boundary::{OutputLength, with_input, write_output};
use crate::json::Json;

/// The path of the next page of a list. The input is the `Link` line of the response, of `link` bytes, the registry's origin,
/// up to `origin`, and the path. Returns a string; `null` when this is the last page; `false` when there is a next page whose
/// link cannot be followed.
#[wasm_bindgen]
pub fn next_page(link: usize, origin: usize, length: usize) -> OutputLength {
    with_input(length, |text| {
        let next = || {
            let registry = Origin::parse(text.get(link..origin)?).ok()?;
            Some(next_page_of(text.get(..link), &registry, text.get(origin..)?))
        };
        let mut json = Json::with_capacity(128);
        match next() {
            Some(NextPage::Path(path)) => json.string(&path),
            Some(NextPage::Unusable) => json.raw("false"),
            Some(NextPage::None) | None => json.raw("null"),
        }
        write_output(json)
    })
}
