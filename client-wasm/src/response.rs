//! What few calls need of the fields of a response.

use dockpass_protocol::flow::ResponseHead;
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

/// How far a server's clock is ahead, in milliseconds, by the `Date` in the input of its response at `now` (milliseconds since
/// the epoch). 0 when the clocks agree, and when the date cannot be read.
#[wasm_bindgen]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "JavaScript's times are whole numbers below 2^53"
)]
pub fn clock_skew(length: usize, now: f64) -> f64 {
    with_input(length, |date| {
        let head = ResponseHead { date: Some(date), ..ResponseHead::new(0) };
        head.skew_ms(now as i64) as f64
    })
}
