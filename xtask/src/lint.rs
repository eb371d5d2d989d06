//! `cargo xtask lint`: all checks that do not run the code.

mod circles;
mod deny;
mod javascript;
mod threats;
mod tidy;

use crate::failure::Failure;
use crate::fuzz;
use crate::process::{self, Step};
use crate::test::host_packages;
use crate::tools::{rust_wasm, system};
use crate::util;

/// The packages that are compiled for the browser.
const BROWSER_MODULES: [&str; 6] = [
    "--package",
    "dockpass-client-wasm",
    "--package",
    "dockpass-doctor-wasm",
    "--package",
    "dockpass-digest-wasm",
];

/// Runs all checks, and fails at the end if any of them failed. `fix` applies automatic fixes.
pub(crate) fn lint(fix: bool) -> Result<(), Failure> {
    system::require(&system::Requirement::BROWSER_MODULE)?;
    let mut failures = Vec::new();
    let mut step = |result: Result<(), Failure>| {
        if let Err(failure) = result {
            eprintln!("{failure}\n");
            failures.push(failure);
        }
    };
    step(format(fix));
    step(tidy::tidy());
    step(threats::threats());
    step(circles::circles());
    step(deny::deny());
    step(clippy(fix));
    step(browser_module(fix));
    step(fuzz_targets());
    step(documentation());
    javascript::javascript(fix).into_iter().for_each(step);
    match failures.len() {
        0 => Ok(()),
        count => Err(Failure::Failed(format!("{count} of the checks failed, see above"))),
    }
}

/// Formats the workspace, and the crates outside of it.
fn format(fix: bool) -> Result<(), Failure> {
    let fuzz = fuzz::FOLDERS.map(|folder| format!("{folder}/Cargo.toml"));
    let others = ["Cargo.toml".to_owned(), "xtask/bindgen/Cargo.toml".to_owned()];
    for manifest in others.iter().chain(&fuzz) {
        let mut cargo = process::cargo(&["fmt", "--all", "--manifest-path", manifest]);
        if !fix {
            cargo.arg("--check");
        }
        process::quiet(&format!("formatting ({manifest})"), &mut cargo)?;
    }
    Ok(())
}

/// Checks that the fuzz targets compile, which needs neither the nightly compiler nor libFuzzer.
fn fuzz_targets() -> Result<(), Failure> {
    fuzz::lock()?;
    for folder in fuzz::FOLDERS {
        let manifest = format!("{folder}/Cargo.toml");
        let mut cargo = process::cargo(&["clippy", "--manifest-path", &manifest, "--target-dir"]);
        cargo.arg(util::target()).args(["--", "-D", "warnings"]);
        // With this variable, the 40 C++ files of libFuzzer are not compiled.
        cargo.env("CUSTOM_LIBFUZZER_PATH", "/nowhere/libfuzzer.a");
        process::quiet(&format!("clippy for the fuzz targets ({folder})"), &mut cargo)?;
    }
    Ok(())
}

/// Checks all packages at once, as `documentation` does. With another set of packages, cargo would select other features
/// of shared dependencies and check those again.
fn every_package() -> Vec<&'static str> {
    let mut packages = host_packages();
    packages.extend(BROWSER_MODULES);
    packages
}

fn clippy(fix: bool) -> Result<(), Failure> {
    let mut cargo = process::cargo(&["clippy", "--all-targets"]);
    cargo.args(every_package()).args(fix_flags(fix)).args(["--", "-D", "warnings"]);
    process::quiet("clippy", &mut cargo)
}

/// Checks the code that is compiled for the browser only. Without clippy in that toolchain, the compiler's own lints run.
fn browser_module(fix: bool) -> Result<(), Failure> {
    // The toolchain of the tests: the module's own aborts on panics and cannot compile tests.
    let toolchain = rust_wasm::toolchain()?;
    if toolchain.has_clippy() {
        let mut cargo = toolchain.cargo(&["clippy", "--all-targets"]);
        cargo.args(BROWSER_MODULES).args(fix_flags(fix)).args(["--", "-D", "warnings"]);
        return process::quiet("clippy for the browser", &mut cargo);
    }
    let mut cargo = toolchain.cargo(&["check", "--all-targets"]);
    cargo.args(BROWSER_MODULES);
    // Not set by compiler flags: with other flags than the build's, everything would be compiled again.
    let printed = Step::start("checking the browser module for the browser", &mut cargo)?.wait()?;
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
    // Private items are documented, so that links to them resolve.
    let flags = "-D warnings -A rustdoc::private_intra_doc_links";
    process::quiet("documentation", cargo.args(every_package()).env("RUSTDOCFLAGS", flags))
}
