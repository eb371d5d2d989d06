//! Packages from npm: `wasm-opt`, and what the JavaScript tests import.

use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::util::Hash;
use crate::{process, util};

/// `wasm-opt` of the pinned binaryen. Distributions' own may be too old: Debian 12's (108) writes modules that
/// validate and then fail at start.
pub(crate) fn wasm_opt() -> Result<PathBuf, Failure> {
    let source = util::root().join("xtask/npm");
    let folder = util::cache()?.join(format!("npm-{}", key(&source)?));
    let program = folder.join("node_modules/.bin/wasm-opt");
    if !program.is_file() {
        util::create_dir(&folder)?;
        for name in ["package.json", "package-lock.json"] {
            util::write(&folder.join(name), util::read(&source.join(name))?)?;
        }
        clean_install("installing wasm-opt", &folder)?;
    }
    Ok(program)
}

/// Installs what the JavaScript is checked, tested and measured with into `node_modules`, when the lock file changed.
pub(crate) fn packages() -> Result<(), Failure> {
    let folder = util::root();
    let key = key(folder)?;
    let stamp = folder.join("node_modules/.dockpass-installed");
    if std::fs::read_to_string(&stamp).is_ok_and(|old| old == key) {
        return Ok(());
    }
    clean_install("installing the JavaScript tools and the tests' packages", folder)?;
    util::write(&stamp, key).map(|_| ())
}

fn clean_install(label: &str, folder: &Path) -> Result<(), Failure> {
    let mut npm = process::command("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"])
        .arg(folder)
        .current_dir(folder);
    process::quiet(label, &mut npm)
}

fn key(folder: &Path) -> Result<String, Failure> {
    let hash = Hash::new().add(util::read(&folder.join("package.json"))?);
    Ok(hash.add(util::read(&folder.join("package-lock.json"))?).hex())
}
