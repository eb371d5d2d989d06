//! `wasm-bindgen` and its test runner, at exactly the library's version.
//!
//! Tool and library must match. The library's version is the one in `Cargo.lock`; the tool is installed at it, into
//! a folder named after it, so the two cannot drift apart.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::{process, util};

/// The folder that holds `wasm-bindgen` and `wasm-bindgen-test-runner`; installs them if need be.
pub(crate) fn folder() -> Result<PathBuf, Failure> {
    let lock = util::read(&util::root().join("Cargo.lock"))?;
    let Some(version) = locked_version(&lock, "wasm-bindgen") else {
        return Err(Failure::Failed(
            "Cargo.lock has no wasm-bindgen: no crate of the workspace uses it".to_owned(),
        ));
    };
    let place = util::cache()?.join(format!("wasm-bindgen-{version}"));
    let folder = place.join("bin");
    if folder.join("wasm-bindgen").is_file() && folder.join("wasm-bindgen-test-runner").is_file() {
        return Ok(folder);
    }
    // Without --locked: the lock file that is published with it names a prerelease that is gone.
    let mut install =
        process::cargo(&["install", "wasm-bindgen-cli", "--version", version, "--force", "--root"]);
    install
        .arg(&place)
        .current_dir(util::cache().and_then(|cache| util::create_dir(&cache).map(|()| cache))?);
    process::quiet(&format!("installing wasm-bindgen {version} (once, about 3 minutes)"), &mut install)?;
    Ok(folder)
}

/// The version of a package in `Cargo.lock`.
pub(crate) fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let value = |line: &'a str, key: &str| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"');
    let mut lines = lock.lines();
    lines.find(|line| value(line, "name") == Some(package))?;
    lines.next().and_then(|line| value(line, "version"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "\
version = 4

[[package]]
name = \"wasm-bindgen-futures\"
version = \"0.4.80\"

[[package]]
name = \"wasm-bindgen\"
version = \"0.2.130\"
dependencies = [
 \"cfg-if\",
]
";

    #[test]
    fn the_version_is_read_from_the_lock_file() {
        assert_eq!(locked_version(LOCK, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(locked_version(LOCK, "wasm-bindgen-futures"), Some("0.4.80"));
        assert_eq!(locked_version(LOCK, "cfg-if"), None);
    }
}
