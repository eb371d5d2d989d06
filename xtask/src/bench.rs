//! `cargo xtask bench`: runs the benchmarks. They assert nothing.

mod keyserver;

use std::path::PathBuf;

use crate::failure::Failure;
use crate::flags::Bench;
use crate::tools::{npm, system};
use crate::{process, util, wasm};

/// Runs the selected benchmarks.
pub(crate) fn bench(what: Option<Bench>) -> Result<(), Failure> {
    let requested = |one: Bench| what.is_none_or(|what| what == one);
    // Benchmarks selected by name must exist; `bench` alone runs those that exist.
    let named = what.is_some();
    if requested(Bench::Size) {
        wasm::wasm(false)?;
    }
    if requested(Bench::Protocol) {
        rust("protocol", "dockpass-protocol", named)?;
    }
    if requested(Bench::Keyserver) {
        keyserver::table()?;
    }
    if requested(Bench::Wasm) {
        javascript(named)?;
    }
    if requested(Bench::Client) {
        client()?;
    }
    Ok(())
}

/// The client beside a naive one, with a development build of the key server: both pay for it alike.
fn client() -> Result<(), Failure> {
    system::require(&system::Requirement::BROWSER_MODULE)?;
    wasm::build()?;
    let mut cargo =
        process::cargo(&["build", "--package", "dockpass-keyserver", "--package", "dockpass-tests"]);
    process::quiet("building the key server and the demo registry", &mut cargo)?;
    let mut node = process::command("node");
    node.arg(util::root().join("tests/e2e/client.bench.mjs"));
    process::stream("the client of the npm package, and one written by hand", &mut node)
}

fn rust(folder: &str, package: &str, named: bool) -> Result<(), Failure> {
    let benches = util::files(&util::root().join(folder).join("benches"));
    let targets: Vec<String> = benches
        .iter()
        .filter(|path| {
            path.extension().is_some_and(|end| end == "rs")
                && path.parent().is_some_and(|p| p.ends_with("benches"))
        })
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    if targets.is_empty() {
        return none(folder, named);
    }
    let mut cargo = process::cargo(&["bench", "--package", package]);
    for target in &targets {
        // Named one by one: `--benches` would also start the runners of unit tests, which do not accept criterion's flags.
        cargo.args(["--bench", target]);
    }
    process::stream(&format!("benchmarks of {folder}"), &mut cargo)
}

fn javascript(named: bool) -> Result<(), Failure> {
    let folder = wasm::package().join("bench");
    let files: Vec<PathBuf> = util::files(&folder)
        .into_iter()
        .filter(|path| path.to_string_lossy().ends_with(".bench.mjs"))
        .collect();
    if files.is_empty() {
        return none("client-wasm/npm", named);
    }
    system::require(&system::Requirement::BROWSER_MODULE)?;
    system::require(&[system::Requirement::Chromium])?;
    wasm::build()?;
    npm::packages()?;
    for file in files {
        let mut node = process::command("node");
        node.arg("--expose-gc").arg(&file).current_dir(wasm::package());
        node.env("DOCKPASS_ESBUILD", npm::esbuild()?);
        if let Some(chromium) = system::Requirement::Chromium.found() {
            node.env("CHROMIUM", chromium);
        }
        process::stream(&format!("benchmarks in {}", util::shown(&file)), &mut node)?;
    }
    Ok(())
}

fn none(folder: &str, named: bool) -> Result<(), Failure> {
    let text = format!("{folder} has no benchmarks");
    if named {
        return Err(Failure::Failed(text));
    }
    eprintln!("▸ {text}");
    Ok(())
}
