//! Programs from the Python package index, each in a virtual environment of the cache.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::util::Hash;
use crate::{process, util};

/// The file that pins Schemathesis and everything that it needs.
const REQUIREMENTS: &str = "tests/openapi/requirements.txt";

/// Schemathesis, which tests an API by its description.
pub(crate) fn schemathesis() -> Result<PathBuf, Failure> {
    let requirements = util::root().join(REQUIREMENTS);
    let key = Hash::new().add(util::read(&requirements)?).hex();
    let folder = util::cache()?.join(format!("python-{key}"));
    let program = folder.join("bin/schemathesis");
    // Written at the end, so that an interrupted installation is repeated.
    let stamp = folder.join(".dockpass-installed");
    if stamp.is_file() {
        return Ok(program);
    }
    util::remove(&folder)?;
    let mut venv = process::command("python3");
    process::quiet("creating a virtual environment", venv.args(["-m", "venv"]).arg(&folder))?;
    let mut pip = process::command(folder.join("bin/pip"));
    pip.args(["install", "--quiet", "--no-deps", "--disable-pip-version-check", "--requirement"]);
    process::quiet("installing schemathesis (once)", pip.arg(&requirements))?;
    util::write(&stamp, key)?;
    Ok(program)
}
