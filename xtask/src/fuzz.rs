//! `cargo xtask fuzz`: coverage-guided fuzzing of everything that reads octets of others.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::{process, util};

/// The workspaces of fuzz targets.
pub(crate) const FOLDERS: [&str; 2] = ["protocol/fuzz", "keyserver/fuzz"];

/// Fuzzes these targets, or all of them, for this number of minutes each.
pub(crate) fn fuzz(minutes: u64, targets: &[String]) -> Result<(), Failure> {
    let known: Vec<(&str, String)> = FOLDERS.into_iter().flat_map(targets_of).collect();
    if let Some(unknown) = targets.iter().find(|target| !known.iter().any(|(_, name)| name == *target)) {
        let names: Vec<&str> = known.iter().map(|(_, name)| name.as_str()).collect();
        return Err(Failure::Usage(format!("there is no target {unknown}; there are {}", names.join(", "))));
    }
    let (toolchain, bin) = (nightly()?, installed("cargo-fuzz")?);
    lock()?;
    let mut crashed = Vec::new();
    for (folder, target) in known.iter().filter(|(_, name)| targets.is_empty() || targets.contains(name)) {
        let mut cargo = process::command("cargo");
        cargo.args(["fuzz", "run", "--fuzz-dir", folder, target, "--", "-print_final_stats=1"]);
        cargo.args(["-timeout=10", "-rss_limit_mb=2048", &format!("-max_total_time={}", minutes * 60)]);
        cargo.env("RUSTUP_TOOLCHAIN", &toolchain).env("PATH", path_with(&bin)?);
        if let Err(failure) = process::stream(&format!("fuzzing {target}"), &mut cargo) {
            eprintln!("{failure}");
            crashed.push(format!("{target} ({folder}/artifacts)"));
        }
    }
    if crashed.is_empty() {
        return Ok(());
    }
    Err(Failure::Failed(format!("failed, with the inputs: {}", crashed.join(", "))))
}

/// Gives the targets of the key server the versions that the key server itself is built with. Cargo adds those of the
/// fuzzer. So this lock file is not committed, and never differs from the workspace's.
pub(crate) fn lock() -> Result<(), Failure> {
    let versions = util::read(&util::root().join("Cargo.lock"))?;
    util::write(&util::root().join("keyserver/fuzz/Cargo.lock"), versions).map(|_| ())
}

/// The targets of a workspace.
fn targets_of(folder: &str) -> Vec<(&str, String)> {
    util::files(&util::root().join(folder).join("fuzz_targets"))
        .iter()
        .filter_map(|path| Some((folder, path.file_stem()?.to_str()?.to_owned())))
        .collect()
}

/// The nightly toolchain that cargo-fuzz's sanitizers need.
fn nightly() -> Result<String, Failure> {
    let list = process::output(process::command("rustup").args(["toolchain", "list"])).unwrap_or_default();
    let mut names = list.lines().filter_map(|line| line.split_whitespace().next());
    names.find(|name| name.starts_with("nightly")).map(str::to_owned).ok_or_else(|| {
        let text = "fuzzing needs a nightly toolchain; type: rustup toolchain install nightly";
        Failure::Unavailable(text.to_owned())
    })
}

/// The folder of a cargo subcommand: on `PATH`, or installed into the cache once.
pub(crate) fn installed(name: &str) -> Result<PathBuf, Failure> {
    if let Some(folder) = util::which(name).and_then(|path| path.parent().map(PathBuf::from)) {
        return Ok(folder);
    }
    let place = util::cache()?.join(name);
    if !place.join("bin").join(name).is_file() {
        let mut install = process::cargo(&["install", "--locked", name, "--root"]);
        process::quiet(&format!("installing {name} (once)"), install.arg(&place))?;
    }
    Ok(place.join("bin"))
}

/// `PATH` with a folder before it.
pub(crate) fn path_with(folder: &Path) -> Result<OsString, Failure> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    std::env::join_paths(all).map_err(|error| Failure::Failed(format!("PATH cannot be extended: {error}")))
}
