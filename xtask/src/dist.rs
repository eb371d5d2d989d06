//! `cargo xtask dist`: builds the release artefacts.

use crate::failure::Failure;
use crate::{process, util, wasm};

/// Writes the packed npm package and the key server to `target/dist`.
pub(crate) fn dist() -> Result<(), Failure> {
    wasm::wasm(true)?;
    let folder = util::target().join("dist");
    util::remove(&folder)?;
    let package = wasm::pack(&folder)?;

    let mut cargo = process::cargo(&["build", "--release", "--package", "dockpass-keyserver"]);
    process::quiet("building the key server (release)", &mut cargo)?;
    let server = folder.join("dockpass-keyserver");
    let built = util::target().join("release/dockpass-keyserver");
    std::fs::copy(&built, &server).map_err(Failure::io("copy", &built))?;

    for path in [package, server] {
        let size = std::fs::metadata(&path).map_err(Failure::io("read", &path))?.len();
        println!("{:>12} bytes  {}", size, util::shown(&path));
    }
    Ok(())
}
