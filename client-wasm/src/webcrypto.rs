//! Digests, computed by the browser. The only module that names `SubtleCrypto`.

use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::flow::Hop;
use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use wasm_bindgen_futures::JsFuture;

use crate::failure::Failure;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = ["globalThis", "crypto", "subtle"], js_name = digest)]
    fn subtle_digest(algorithm: &str, data: &Uint8Array) -> Result<Promise, JsValue>;
}

/// `algorithm:hex` of these bytes, with the algorithm of `like` (or SHA-256 when there is nothing to compare with).
///
/// # Errors
/// `ERR_NO_WEBCRYPTO` outside secure contexts; `upstream_invalid` for an algorithm that nobody knows.
pub(crate) async fn digest(bytes: &Uint8Array, like: Option<&str>) -> Result<String, Failure> {
    let algorithm =
        like.and_then(|digest| digest.split_once(':')).map_or("sha256", |(algorithm, _)| algorithm);
    let name = match algorithm {
        "sha256" => "SHA-256",
        "sha384" => "SHA-384",
        "sha512" => "SHA-512",
        _ => return Err(Failure::at(ErrorCode::UpstreamInvalid, Hop::Registry)),
    };
    let missing = || {
        Failure::input(
            "ERR_NO_WEBCRYPTO",
            "Digests need WebCrypto, which browsers offer to https and localhost pages only.",
        )
    };
    let promise = subtle_digest(name, bytes).map_err(|_| missing())?;
    let hash = JsFuture::from(promise).await.map_err(|_| missing())?;
    let mut text = format!("{algorithm}:");
    for byte in Uint8Array::new(&hash).to_vec() {
        for nibble in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(nibble.into(), 16));
        }
    }
    Ok(text)
}
