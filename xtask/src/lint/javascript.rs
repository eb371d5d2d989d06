//! Runs Prettier, `ESLint` and TypeScript, at the versions of `package-lock.json`. Their configuration is in the root folder,
//! where editors find it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

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
        reference(fix),
    ]
}

/// Compares the reference in `docs/api` with the types that it is made from.
fn reference(fix: bool) -> Result<(), Failure> {
    let committed = util::root().join("docs/api");
    let made = util::target().join("docs-api");
    util::remove(&made)?;
    let out = made.to_string_lossy();
    run("typedoc", &["--options", "docs/site/typedoc.json", "--out", &out, "--logLevel", "Warn"])?;
    // TypeDoc leaves white space at the ends of lines.
    let tidy =
        |text: String| text.lines().map(str::trim_end).fold(String::new(), |all, line| all + line + "\n");
    let content = |folder: &Path| -> Result<BTreeMap<PathBuf, String>, Failure> {
        let files = util::all_files(folder).into_iter();
        files
            .map(|path| Ok((path.strip_prefix(folder).unwrap_or(&path).into(), tidy(util::read(&path)?))))
            .collect()
    };
    if content(&made)? == content(&committed)? {
        return Ok(());
    }
    if !fix {
        let text =
            "docs/api differs from the types of the npm package: `cargo xtask lint --fix` writes it again";
        return Err(Failure::Failed(text.to_owned()));
    }
    util::remove(&committed)?;
    for (path, text) in content(&made)? {
        util::write(&committed.join(path), text)?;
    }
    Ok(())
}

fn run(program: &str, arguments: &[&str]) -> Result<(), Failure> {
    let mut command = process::command(util::root().join("node_modules/.bin").join(program));
    process::quiet(program, command.args(arguments).current_dir(util::root()))
}
