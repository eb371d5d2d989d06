//! Keycloak, the token service of `test --only registries`. It is downloaded with Maven and prepared once.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::{process, util};

/// The version, as Maven knows it.
const VERSION: &str = "26.7.3";

/// Unpacks and prepares Keycloak if necessary. Returns the folder that contains `bin/kc.sh`.
pub(crate) fn folder() -> Result<PathBuf, Failure> {
    let folder = util::cache()?.join(format!("keycloak-{VERSION}"));
    if folder.is_dir() {
        return Ok(folder);
    }
    let unfinished = util::cache()?.join(format!("keycloak-{VERSION}.{}.part", std::process::id()));
    util::remove(&unfinished)?;
    util::create_dir(&unfinished)?;
    let mut maven = process::command("mvn");
    maven.args(["-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack"]);
    maven.arg(format!("-Dartifact=org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"));
    maven.arg(format!("-DoutputDirectory={}", unfinished.display()));
    process::quiet("downloading Keycloak with Maven (once)", maven.current_dir(&unfinished))?;
    let unpacked = unfinished.join(format!("keycloak-{VERSION}"));
    let script = unpacked.join("bin/kc.sh");
    let mut prepare = process::command("sh");
    // The database is in memory, so that a run leaves nothing in the cache.
    prepare.arg(&script).args(["build", "--db=dev-mem", "--features=docker"]);
    process::quiet("preparing Keycloak (once)", &mut prepare)?;
    std::fs::rename(&unpacked, &folder).map_err(Failure::io("create", &folder))?;
    util::remove(&unfinished)?;
    Ok(folder)
}
