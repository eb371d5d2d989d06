//! Finds or installs the programs that the commands need besides Rust.
//!
//! System packages are installed if possible (as root on Debian or Ubuntu). Otherwise all missing ones are listed at once.
//! Everything else is installed into the cache, in folders named by version, which are never changed. Several checkouts
//! can share the cache.

pub(crate) mod bindgen;
pub(crate) mod keycloak;
pub(crate) mod npm;
pub(crate) mod peers;
pub(crate) mod python;
pub(crate) mod rust_wasm;
pub(crate) mod system;

use crate::failure::Failure;
use crate::process;
use system::Requirement;

/// `cargo xtask tools`.
pub(crate) fn everything() -> Result<(), Failure> {
    system::require(&Requirement::ALL)?;
    let wasm = rust_wasm::toolchain()?;
    let bindgen = bindgen::generator()?;
    let test_runner = bindgen::test_runner()?;
    let wasm_opt = npm::wasm_opt()?;
    npm::packages()?;
    let peers = peers::folder()?;
    println!("browser module    {}", wasm.description());
    println!("wasm-bindgen      {}", bindgen.wait()?.display());
    println!("test runner       {}", test_runner.display());
    println!("wasm-opt          {}", wasm_opt.display());
    println!("peers             {}", peers.display());
    for need in Requirement::ALL {
        if let Some(path) = need.found() {
            println!("{:<17} {}", need.name(), path.display());
        }
    }
    versions()
}

/// Prints the versions of the programs that the tests run against.
pub(crate) fn versions() -> Result<(), Failure> {
    let said = |need: Requirement, arguments: &[&str]| {
        let program = need.found()?;
        process::output(process::command(program).args(arguments)).ok()
    };
    let first = |text: String| text.lines().next().unwrap_or_default().trim().to_owned();
    let mut table = vec![
        ("Chromium", said(Requirement::Chromium, &["--version"]).map(first)),
        ("docker-registry (Debian)", said(Requirement::Registry, &["--version"]).map(first)),
        ("redis-server", said(Requirement::Redis, &["--version"]).map(first)),
        ("skopeo", said(Requirement::Skopeo, &["--version"]).map(first)),
        ("Node.js", said(Requirement::Node, &["--version"]).map(first)),
    ];
    let built = peers::versions()?;
    table.extend(built.iter().map(|(name, version)| (name.as_str(), Some(version.clone()))));
    println!("Run against:");
    for (name, version) in table {
        println!("  {name:<26} {}", version.as_deref().unwrap_or("not installed"));
    }
    Ok(())
}
