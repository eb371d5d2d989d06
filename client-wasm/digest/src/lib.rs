//! Digests of content that arrives in pieces: JavaScript bindings of `sha2`.
//!
//! Browsers hash only what is in memory as a whole. This is a module of its own, which a page loads with its first large
//! download or upload, so that the main module stays small. It is wrapped by `npm/lib/digest.js` and is not a public API.

use std::fmt::Write as _;

use sha2::{Digest, Sha256, Sha384, Sha512};
use wasm_bindgen::prelude::wasm_bindgen;

/// The digest of what was given so far.
#[wasm_bindgen]
#[derive(Clone, Debug)]
pub struct Hasher {
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

#[wasm_bindgen]
impl Hasher {
    /// Begins. The algorithms are those that the image specification registers ("Digests"), and SHA-384, by their number of
    /// bits: 256, 384 and 512; `None` for another.
    pub fn begin(bits: u32) -> Option<Hasher> {
        let state = match bits {
            256 => State::Sha256(Sha256::new()),
            384 => State::Sha384(Sha384::new()),
            512 => State::Sha512(Sha512::new()),
            _ => return None,
        };
        Some(Self { state })
    }

    /// Adds the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        match &mut self.state {
            State::Sha256(state) => state.update(piece),
            State::Sha384(state) => state.update(piece),
            State::Sha512(state) => state.update(piece),
        }
    }

    /// The digest of what was given so far, in lower-case hexadecimal digits. More can be given after this.
    pub fn hex(&self) -> String {
        match self.state.clone() {
            State::Sha256(state) => hex(&state.finalize()),
            State::Sha384(state) => hex(&state.finalize()),
            State::Sha512(state) => hex(&state.finalize()),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The version of this module. The loader compares it with its own.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// As in the main module.
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();
