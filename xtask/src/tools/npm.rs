//! Packages from npm: `wasm-opt`, esbuild, and the dependencies of the JavaScript tests.

use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::util::Hash;
use crate::{process, util};

/// `wasm-opt` of the pinned binaryen. The versions of distributions may be too old: modules written by Debian 12's (108)
/// fail at start.
pub(crate) fn wasm_opt() -> Result<PathBuf, Failure> {
    program("wasm-opt")
}

/// The bundler of the npm package.
pub(crate) fn esbuild() -> Result<PathBuf, Failure> {
    program("esbuild")
}

/// The folder with the packages that the builds use, such as the parser of Markdown.
pub(crate) fn modules() -> Result<PathBuf, Failure> {
    let source = util::root().join("xtask/npm");
    let folder = util::cache()?.join(format!("npm-{}", key(&source)?));
    installed_like(&source, &folder)?;
    Ok(folder.join("node_modules"))
}

fn program(name: &str) -> Result<PathBuf, Failure> {
    Ok(modules()?.join(".bin").join(name))
}

/// Installs the packages that check, test and measure the JavaScript into `node_modules`, if the lock file has changed.
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

/// The folders of `tests/bundlers/tools`, each with a lock file.
pub(crate) fn tool_folders() -> Result<Vec<PathBuf>, Failure> {
    let folder = util::root().join("tests/bundlers/tools");
    let locks = util::files(&folder).into_iter().filter(|path| path.ends_with("package-lock.json"));
    let folders: Vec<PathBuf> = locks.filter_map(|path| path.parent().map(Path::to_owned)).collect();
    if folders.is_empty() {
        return Err(Failure::Failed(format!("{} has no package-lock.json", util::shown(&folder))));
    }
    Ok(folders)
}

/// Installs what the lock file in `source` pins into `folder`, unless it is there.
pub(crate) fn installed_like(source: &Path, folder: &Path) -> Result<(), Failure> {
    let key = key(source)?;
    let stamp = folder.join("node_modules/.dockpass-installed");
    if std::fs::read_to_string(&stamp).is_ok_and(|old| old == key) {
        return Ok(());
    }
    util::create_dir(folder)?;
    for name in ["package.json", "package-lock.json"] {
        util::write(&folder.join(name), util::read(&source.join(name))?)?;
    }
    clean_install(&format!("installing {}", util::shown(source)), folder)?;
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
