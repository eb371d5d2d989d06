//! Runs Prettier, `ESLint` and TypeScript, at the versions of `package-lock.json`. Their configuration is in the root folder,
//! where editors find it.

use crate::failure::Failure;
use crate::tools::npm;
use crate::{process, util, wasm};

/// Runs every check, even after a failed one.
pub(super) fn javascript(fix: bool) -> Vec<Result<(), Failure>> {
    // The build of the browser module generates the types of its JavaScript.
    if let Err(failure) = npm::packages().and_then(|()| wasm::build()) {
        return vec![Err(failure)];
    }
    vec![
        run("prettier", &[if fix { "--write" } else { "--check" }, "--log-level", "warn", "."]),
        run("eslint", if fix { &["--fix", "."] } else { &["."] }),
        run("tsc", &["--project", "."]),
        // The tests are checked in the same way, but parameters may be untyped.
        run("tsc", &["--project", "tests"]),
    ]
}

fn run(program: &str, arguments: &[&str]) -> Result<(), Failure> {
    let mut command = process::command(util::root().join("node_modules/.bin").join(program));
    process::quiet(program, command.args(arguments).current_dir(util::root()))
}
