//! `cargo xtask test`: runs all tests and counts them.

pub(crate) mod summary;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::flags::Part;
use crate::tools::system::{self, Requirement};
use crate::tools::{self, bindgen, keycloak, npm, peers, python, rust_wasm};
use crate::{dist, image, process, util, wasm};
use summary::Count;

/// The packages that run on the host.
const HOST: [&str; 5] =
    ["dockpass-syntax", "dockpass-protocol", "dockpass-keyserver", "dockpass-tests", "xtask"];

/// Runs these parts, even after a failed one.
pub(crate) fn test(parts: &[Part]) -> Result<(), Failure> {
    system::require(&needs(parts))?;
    let browser = parts.iter().any(|part| *part != Part::Unit);
    if browser {
        wasm::build()?;
        npm::packages()?;
    }
    let peers = peers_of(parts)?;
    if browser {
        tools::versions()?;
    }

    let mut rows = Vec::new();
    for &part in parts {
        let result = match part {
            Part::Unit => unit(),
            Part::Wasm => browser_module(),
            Part::Js => javascript(),
            Part::E2e => end_to_end("tests/e2e", peers.as_deref()),
            Part::Openapi => end_to_end("tests/openapi", None),
            Part::Bundlers => bundlers(),
            Part::Deploy => deployment(peers.as_deref()),
            Part::Registries => end_to_end("tests/registries", peers.as_deref()),
        };
        // A part that could not start counts as one failure, and the others still run.
        let count = result.unwrap_or_else(|failure| {
            eprintln!("{failure}");
            Count { failed: 1, ..Count::default() }
        });
        rows.push((part.name(), count.or_none_ran(part.name())));
    }
    report(&rows)
}

fn report(rows: &[(&str, Count)]) -> Result<(), Failure> {
    let total = rows.iter().fold(Count::default(), |sum, (_, count)| sum + *count);
    println!();
    for (name, count) in rows {
        println!("{name:<11}{count}");
    }
    println!("{total}");
    if total.failed == 0 { Ok(()) } else { Err(Failure::Failed(format!("{} tests failed", total.failed))) }
}

/// The requirements of these parts, each once.
fn needs(parts: &[Part]) -> Vec<Requirement> {
    let of_part = |part: &Part| match part {
        Part::Unit => vec![Requirement::Redis],
        Part::Openapi => [&Requirement::BROWSER_MODULE[..], &[Requirement::Python]].concat(),
        Part::Js => [&Requirement::BROWSER_MODULE[..], &[Requirement::Chromium]].concat(),
        Part::Bundlers => {
            [&Requirement::BROWSER_MODULE[..], &[Requirement::Chromium, Requirement::Firefox]].concat()
        }
        Part::Wasm => {
            [&Requirement::BROWSER_MODULE[..], &[Requirement::Chromium, Requirement::ChromeDriver]].concat()
        }
        Part::E2e => Requirement::ALL.to_vec(),
        Part::Deploy => {
            let further = [Requirement::Registry, Requirement::Skopeo, Requirement::Go];
            [&Requirement::BROWSER_MODULE[..], &further, &Requirement::DEPLOY].concat()
        }
        Part::Registries => [&Requirement::ALL[..], &Requirement::HEAVY].concat(),
    };
    let wanted: Vec<Requirement> = parts.iter().flat_map(of_part).collect();
    let every = Requirement::ALL.into_iter().chain(Requirement::HEAVY).chain(Requirement::DEPLOY);
    every.filter(|need| wanted.contains(need)).collect()
}

/// `--package …` for each of the host's packages. The same set in every command of a test run: with another set, cargo
/// would select other features of shared dependencies and build those again.
pub(crate) fn host_packages() -> Vec<&'static str> {
    HOST.iter().flat_map(|name| ["--package", *name]).collect()
}

fn unit() -> Result<Count, Failure> {
    let mut cargo = process::cargo(&["test", "--no-fail-fast"]);
    counted("unit and integration tests", cargo.args(host_packages()))
}

fn browser_module() -> Result<Count, Failure> {
    let toolchain = rust_wasm::toolchain()?;
    let runner = bindgen::test_runner()?;
    let test = |arguments: &[&str]| {
        let mut cargo = toolchain.cargo(&["test", "--no-fail-fast", "--package", "dockpass-client-wasm"]);
        cargo.args(arguments).env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", &runner);
        cargo
    };
    let mut chromium = test(&[]);
    chromium.env("WASM_BINDGEN_USE_BROWSER", "1");
    if let Some(driver) = Requirement::ChromeDriver.found() {
        chromium.env("CHROMEDRIVER", driver);
    }
    let chromium = counted("the browser module in Chromium", &mut chromium)?;
    Ok(chromium + counted("all vectors in Node.js", &mut test(&["--test", "vectors"]))?)
}

fn javascript() -> Result<Count, Failure> {
    let mut node = node(&wasm::package().join("test"))?;
    with_chromium(&mut node);
    counted("the npm package", node.current_dir(wasm::package()))
}

/// The packed npm package, installed beside each tool of `tests/bundlers/tools`.
fn bundlers() -> Result<Count, Failure> {
    let place = util::target().join("bundlers");
    let tarball = wasm::pack(&place)?;
    for tool in npm::tool_folders()? {
        let folder = place.join(tool.file_name().unwrap_or_default());
        npm::installed_like(&tool, &folder)?;
        std::fs::copy(&tarball, folder.join("dockpass.tgz")).map_err(Failure::io("copy", &tarball))?;
        let package = folder.join("node_modules/dockpass");
        util::remove(&package)?;
        util::create_dir(&package)?;
        let mut tar = process::command("tar");
        tar.arg("-xzf").arg(&tarball).arg("--strip-components=1").arg("-C").arg(&package);
        process::output(&mut tar)?;
    }
    let mut node = node(&util::root().join("tests/bundlers"))?;
    with_chromium(&mut node);
    counted("the npm package where pages are built", node.env("DOCKPASS_BUNDLERS", place))
}

/// The folder of the Go programs that these parts need, if any.
fn peers_of(parts: &[Part]) -> Result<Option<PathBuf>, Failure> {
    if parts.contains(&Part::Registries) {
        keycloak::folder()?;
        return peers::folder_with_heavy().map(Some);
    }
    if parts.contains(&Part::Deploy) {
        return peers::folder_for_deployment().map(Some);
    }
    if parts.contains(&Part::E2e) { peers::folder().map(Some) } else { Ok(None) }
}

/// The tests of `deploy`, with the static key server and its image.
fn deployment(peers: Option<&Path>) -> Result<Count, Failure> {
    let program = dist::key_server()?;
    let image = image::build(&program, &util::target().join("deploy"))?;
    let mut node = node(&util::root().join("tests/deploy"))?;
    node.env("DOCKPASS_KEYSERVER", program).env("DOCKPASS_IMAGE", image);
    if let Some(peers) = peers {
        node.env("DOCKPASS_PEERS_DIR", peers);
    }
    counted("deployment", &mut node)
}

/// The test files below `folder`, which start real programs.
fn end_to_end(folder: &str, peers: Option<&Path>) -> Result<Count, Failure> {
    let mut cargo = process::cargo(&["build"]);
    process::quiet("building the key server and the demo registry", cargo.args(host_packages()))?;
    let built = |name: &str| -> OsString { util::target().join("debug").join(name).into() };
    let mut node = node(&util::root().join(folder))?;
    node.env("DOCKPASS_KEYSERVER", built("dockpass-keyserver")).env("DOCKPASS_DEMO", built("dockpass-demo"));
    if let Some(peers) = peers {
        node.env("DOCKPASS_PEERS_DIR", peers);
    }
    if folder == "tests/e2e" {
        // Vite and the frameworks that the examples are built with.
        let place = util::target().join("examples");
        npm::installed_like(&util::root().join("tests/e2e/tools"), &place)?;
        node.env("DOCKPASS_EXAMPLES", place);
        node.env("DOCKPASS_SIZE_ALLOWANCE", rust_wasm::module_toolchain()?.size_allowance().to_string());
    }
    if folder == "tests/openapi" {
        node.env("DOCKPASS_SCHEMATHESIS", python::schemathesis()?);
    }
    if folder == "tests/registries" {
        node.env("DOCKPASS_KEYCLOAK", keycloak::folder()?);
    }
    with_chromium(&mut node);
    counted("end to end", &mut node)
}

/// Sets the variable with the browser for the tests.
fn with_chromium(node: &mut std::process::Command) {
    if let Some(chromium) = Requirement::Chromium.found() {
        node.env("CHROMIUM", chromium);
    }
}

/// `node --test` of the test files in a folder, one after the other, because several browsers need much memory.
fn node(folder: &Path) -> Result<std::process::Command, Failure> {
    let is_test = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".test.mjs") || name.ends_with(".test.js")
    };
    let files: Vec<PathBuf> = util::files(folder).into_iter().filter(is_test).collect();
    if files.is_empty() {
        return Err(Failure::Failed(format!("{} has no *.test.js or *.test.mjs file", util::shown(folder))));
    }
    let mut node = process::command("node");
    node.args(["--test", "--test-reporter=spec", "--test-concurrency=1"]).args(files);
    Ok(node)
}

fn counted(label: &str, command: &mut std::process::Command) -> Result<Count, Failure> {
    let mut count = Count::default();
    let success = process::tee(label, command, |line| count = count + summary::of_line(line))?;
    // A failed build or a crashed runner prints no summary.
    if !success && count.failed == 0 {
        count.failed = 1;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_tests_need_no_browser() {
        assert_eq!(needs(&[Part::Unit]), [Requirement::Redis]);
        assert!(needs(&[Part::Js]).contains(&Requirement::Chromium));
        assert!(!needs(&[Part::Js]).contains(&Requirement::ChromeDriver));
        assert!(needs(&[Part::Wasm]).contains(&Requirement::ChromeDriver));
        assert_eq!(needs(&Part::ALL), Requirement::ALL);
    }

    #[test]
    fn any_failure_fails_the_run() {
        let passed = Count { passed: 3, ..Count::default() };
        assert!(report(&[("unit", passed)]).is_ok());
        assert_eq!(
            report(&[("unit", passed), ("js", Count { failed: 1, ..passed })]).unwrap_err().exit_code(),
            1
        );
    }

    #[test]
    fn a_folder_without_tests_is_an_error() {
        assert!(node(&util::root().join("xtask/npm")).is_err());
    }

    #[test]
    fn a_runner_that_crashes_counts_as_a_failure() {
        let count = counted("a test's step", process::command("sh").args(["-c", "exit 101"])).unwrap();
        assert_eq!(count, Count { failed: 1, ..Count::default() });
    }
}
