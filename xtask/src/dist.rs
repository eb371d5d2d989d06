//! `cargo xtask dist`: builds the release artefacts.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::{process, util, wasm};

/// Writes the packed npm package and the key server to `target/dist`.
pub(crate) fn dist() -> Result<(), Failure> {
    wasm::wasm(true)?;
    let folder = util::target().join("dist");
    util::remove(&folder)?;
    let package = wasm::pack(&folder)?;
    let built = key_server()?;
    let server = folder.join("dockpass-keyserver");
    std::fs::copy(&built, &server).map_err(Failure::io("copy", &built))?;

    for path in [package, server] {
        let size = std::fs::metadata(&path).map_err(Failure::io("read", &path))?.len();
        println!("{:>12} bytes  {}", size, util::shown(&path));
    }
    Ok(())
}

/// Builds the key server with the release profile. On Linux with glibc it is linked statically, so that it runs on every
/// distribution and in an image without any other file.
pub(crate) fn key_server() -> Result<PathBuf, Failure> {
    let host = host()?;
    let mut cargo = process::cargo(&["build", "--release", "--package", "dockpass-keyserver"]);
    let mut folder = util::target();
    if host.ends_with("-linux-gnu") {
        // For this target only: build scripts and procedural macros cannot be linked statically.
        let variable = host.to_uppercase().replace('-', "_");
        cargo.args(["--target", &host]);
        cargo.env(format!("CARGO_TARGET_{variable}_RUSTFLAGS"), "-C target-feature=+crt-static");
        folder = folder.join(&host);
    }
    process::quiet("building the key server (release)", &mut cargo)?;
    Ok(folder.join("release/dockpass-keyserver"))
}

/// The target triple of this machine.
fn host() -> Result<String, Failure> {
    let text = process::output(process::command("rustc").arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Failure::Failed(format!("rustc does not tell its host:\n{text}")))
}
