//! `cargo xtask lint`: everything that is checked without running the code.

mod tidy;

use crate::failure::Failure;
use crate::process;
use crate::test::host_packages;
use crate::tools::{rust_wasm, system};

/// Checks everything, and fails at the end if anything did; `fix` repairs what machines can repair.
pub(crate) fn lint(fix: bool) -> Result<(), Failure> {
    system::require(&[system::Need::RustWasm])?;
    // The key server embeds the page where there is one; linting must not depend on it.
    let mut failures = Vec::new();
    let mut step = |result: Result<(), Failure>| {
        if let Err(failure) = result {
            eprintln!("{failure}\n");
            failures.push(failure);
        }
    };
    step(format(fix));
    step(tidy::tidy());
    step(clippy(fix));
    step(browser_module(fix));
    step(documentation());
    match failures.len() {
        0 => Ok(()),
        count => Err(Failure::Failed(format!("{count} of the checks failed, see above"))),
    }
}

fn format(fix: bool) -> Result<(), Failure> {
    let mut cargo = process::cargo(&["fmt", "--all"]);
    if !fix {
        cargo.arg("--check");
    }
    process::quiet("formatting", &mut cargo)
}

fn clippy(fix: bool) -> Result<(), Failure> {
    let mut cargo = process::cargo(&["clippy"]);
    cargo.args(host_packages()).arg("--all-targets").args(fix_flags(fix)).args(["--", "-D", "warnings"]);
    process::quiet("clippy", &mut cargo)
}

/// The browser module is checked for the browser: most of it is not even compiled for anything else. Where that
/// toolchain has no clippy, clippy sees what compiles on the host, and the compiler's own lints see the rest.
fn browser_module(fix: bool) -> Result<(), Failure> {
    let toolchain = rust_wasm::toolchain()?;
    let package = ["--package", "dockpass-client-wasm"];
    if toolchain.has_clippy() {
        let mut cargo = toolchain.cargo(&["clippy"]);
        cargo.args(package).arg("--all-targets").args(fix_flags(fix)).args(["--", "-D", "warnings"]);
        return process::quiet("clippy for the browser", &mut cargo);
    }
    let mut cargo = process::cargo(&["clippy"]);
    cargo.args(package).arg("--all-targets").args(fix_flags(fix)).args(["--", "-D", "warnings"]);
    process::quiet("clippy of the browser module, on the host", &mut cargo)?;
    let mut cargo = toolchain.cargo(&["check", "--all-targets"]);
    // Not by flags of the compiler: with others than the build's, everything would be compiled again.
    let printed = process::printed("checking the browser module for the browser", cargo.args(package))?;
    if printed.lines().any(|line| line.starts_with("warning: ")) {
        Err(Failure::Failed(printed))
    } else {
        Ok(())
    }
}

fn fix_flags(fix: bool) -> &'static [&'static str] {
    if fix { &["--fix", "--allow-dirty", "--allow-staged"] } else { &[] }
}

fn documentation() -> Result<(), Failure> {
    let mut cargo = process::cargo(&["doc", "--no-deps", "--document-private-items"]);
    cargo.args(host_packages()).args(["--package", "dockpass-client-wasm"]);
    process::quiet("documentation", cargo.env("RUSTDOCFLAGS", "-D warnings"))
}
