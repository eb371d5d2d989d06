//! The page, built into the binary.
//!
//! `build.rs` embeds every file that `cargo xtask dist` has put into `target/www`. This module knows nothing of what
//! the page is made of; it serves files with their type and a strong validator.

use std::collections::HashMap;
use std::sync::OnceLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Path without leading slash, bytes, and the same compressed where that is smaller.
type Embedded = (&'static str, &'static [u8], Option<&'static [u8]>);

include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// A file of the page.
#[derive(Debug)]
pub(crate) struct File {
    /// Its bytes.
    pub(crate) bytes: &'static [u8],
    /// The same, compressed, where that is smaller.
    pub(crate) gzip: Option<&'static [u8]>,
    /// Its media type.
    pub(crate) content_type: &'static str,
    /// A strong validator (RFC 9110 §8.8.3): its SHA-256.
    pub(crate) etag: String,
    /// The validator of the compressed form, which is other bytes and so another one.
    pub(crate) gzip_etag: String,
}

/// Whether there is a page in this binary.
pub(crate) fn is_built_in() -> bool {
    !FILES.is_empty()
}

/// The file at this path, which begins with `/`. A folder is its `index.html`.
pub(crate) fn find(path: &str) -> Option<&'static File> {
    static BY_PATH: OnceLock<HashMap<&'static str, File>> = OnceLock::new();
    let files = BY_PATH.get_or_init(|| FILES.iter().map(prepared).collect());
    let path = path.strip_prefix('/')?;
    if path.is_empty() || path.ends_with('/') {
        files.get(&*format!("{path}index.html"))
    } else {
        files.get(path)
    }
}

/// A file with its metadata.
fn prepared((path, bytes, gzip): &Embedded) -> (&'static str, File) {
    let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, bytes));
    let (etag, gzip_etag) = (format!("\"{hash}\""), format!("\"{hash}-gzip\""));
    (path, File { bytes, gzip: *gzip, content_type: content_type(path), etag, gzip_etag })
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}
