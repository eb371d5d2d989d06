//! `cargo xtask mutants`: mutation testing. `.cargo/mutants.toml` lists the files, and the mutants that no test can detect.

use crate::failure::Failure;
use crate::fuzz::{installed, path_with};
use crate::{process, util};

/// Mutates these modules, or those of `.cargo/mutants.toml`. Fails when a mutant survives.
pub(crate) fn mutants(modules: &[String]) -> Result<(), Failure> {
    let bin = installed("cargo-mutants")?;
    let output = util::target().join("mutants");
    util::create_dir(&output)?;
    let mut cargo = process::cargo(&["mutants", "--no-shuffle", "--colors", "never", "--output"]);
    // Without debug information, which is not needed here.
    cargo.arg(&output).env("PATH", path_with(&bin)?).env("CARGO_PROFILE_DEV_DEBUG", "0");
    for module in modules {
        for folder in ["protocol/src", "protocol/syntax/src"] {
            cargo.args([
                "--file",
                &format!("{folder}/{module}.rs"),
                "--file",
                &format!("{folder}/{module}/**/*.rs"),
            ]);
        }
    }
    process::stream("mutating", &mut cargo)
}
