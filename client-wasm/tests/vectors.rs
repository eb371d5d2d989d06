//! Runs all vectors of `protocol/testdata` in WebAssembly, in Chromium and in Node.js. `npm/test` runs those that concern
//! exported functions through the package's JavaScript as well.
#![cfg(all(test, target_arch = "wasm32"))]

#[path = "../../protocol/tests/flow_vectors/files.rs"]
mod flow_vectors;
#[path = "../../protocol/tests/vectors/files.rs"]
mod vectors;

use wasm_bindgen_test::wasm_bindgen_test;

macro_rules! run {
    ($($module:ident::$file:ident),* $(,)?) => {$(
        #[wasm_bindgen_test]
        fn $file() {
            $module::$file();
        }
    )*};
}

run! {
    flow_vectors::addresses, flow_vectors::diagnoses, flow_vectors::flows, flow_vectors::links, flow_vectors::origins,
    flow_vectors::realms, flow_vectors::waits, vectors::challenges, vectors::endpoints,
    vectors::names_are_sentences_and_vectors_have_sources, vectors::references, vectors::scopes,
    vectors::token_responses, vectors::tokens,
}
