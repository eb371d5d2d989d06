//! Builds wasm-bindgen's programs from `xtask/bindgen` into the cache.
//!
//! Tool and library must have the same version. Both are pinned, and a test compares them.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::process::{self, Step};
use crate::util::{self, Hash};

/// A program whose build may not be finished.
#[derive(Debug)]
pub(crate) struct Program {
    path: PathBuf,
    build: Option<Step>,
}

impl Program {
    /// Waits for the build and returns the path.
    pub(crate) fn wait(self) -> Result<PathBuf, Failure> {
        self.build.map_or(Ok(String::new()), Step::wait)?;
        Ok(self.path)
    }
}

/// The program that generates the JavaScript of a module. Starts its build if it is missing.
pub(crate) fn generator() -> Result<Program, Failure> {
    program("dockpass-bindgen", &[])
}

/// The program that runs a module's tests in a browser.
pub(crate) fn test_runner() -> Result<PathBuf, Failure> {
    program("wasm-bindgen-test-runner", &["--features", "test-runner"])?.wait()
}

fn program(name: &str, features: &[&str]) -> Result<Program, Failure> {
    let source = util::root().join("xtask/bindgen");
    let key = Hash::new().add_files(std::slice::from_ref(&source))?.hex();
    let target = util::cache()?.join(format!("bindgen-{key}"));
    let path = target.join("debug").join(name);
    if path.is_file() {
        return Ok(Program { path, build: None });
    }
    let mut cargo = process::cargo(&["build", "--locked", "--bin", name]);
    cargo.args(features).arg("--target-dir").arg(&target).current_dir(source);
    let build = Step::start(format!("building {name} (once)"), &mut cargo)?;
    Ok(Program { path, build: Some(build) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tools_have_the_version_of_the_library() {
        let pinned = |manifest: &str, name: &str| {
            let text = util::read(&util::root().join(manifest)).unwrap();
            let line = text.lines().find(|line| line.starts_with(&format!("{name} = "))).unwrap();
            line.split('"').nth(1).unwrap().to_owned()
        };
        let library = pinned("Cargo.toml", "wasm-bindgen");
        assert!(library.starts_with('='), "{library}");
        assert_eq!(pinned("xtask/bindgen/Cargo.toml", "wasm-bindgen-cli-support"), library);
    }
}
