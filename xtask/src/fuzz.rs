//! `cargo xtask fuzz`: coverage-guided fuzzing of `protocol`'s parsers.

use std::path::PathBuf;
use std::process::Stdio;

use crate::failure::Failure;
use crate::{process, util};

/// Fuzzes these targets, or all, for some minutes each, and prints how often each was executed.
pub(crate) fn fuzz(minutes: u64, targets: &[String]) -> Result<(), Failure> {
    let folder = util::root().join("protocol/fuzz");
    let known: Vec<String> = util::files(&folder.join("fuzz_targets"))
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    if known.is_empty() {
        return Err(Failure::Failed("protocol/fuzz/fuzz_targets has no target".to_owned()));
    }
    if let Some(unknown) = targets.iter().find(|target| !known.contains(target)) {
        return Err(Failure::Usage(format!("there is no target {unknown}; there are {}", known.join(", "))));
    }
    let toolchain = nightly()?;
    let bin = installed("cargo-fuzz")?;
    let mut rows = Vec::new();
    let mut crashed = Vec::new();
    for target in if targets.is_empty() { &known } else { targets } {
        let mut cargo = process::command("cargo");
        cargo.env("RUSTUP_TOOLCHAIN", &toolchain).env("PATH", path_with(&bin)?);
        cargo.args(["fuzz", "run", "--fuzz-dir"]).arg(&folder).arg(target).arg("--");
        cargo.arg(format!("-max_total_time={}", minutes * 60)).args([
            "-print_final_stats=1",
            "-timeout=10",
            "-rss_limit_mb=2048",
        ]);
        cargo.stderr(Stdio::piped());
        eprintln!("▸ fuzzing {target} for {minutes} min: {}", process::typed(&cargo));
        let (success, executions) = watched(&mut cargo)?;
        if !success {
            crashed.push(target.as_str());
        }
        rows.push((target, executions));
    }
    for (target, executions) in &rows {
        println!("{target:<24}{executions:>16} executions");
    }
    if crashed.is_empty() {
        return Ok(());
    }
    Err(Failure::Failed(format!(
        "found failures in {}; the inputs are in protocol/fuzz/artifacts",
        crashed.join(", ")
    )))
}

/// libFuzzer talks on standard error; its lines are passed on, and the final statistics read.
fn watched(command: &mut std::process::Command) -> Result<(bool, u64), Failure> {
    let failed = |error: std::io::Error| Failure::Failed(format!("cannot run cargo fuzz: {error}"));
    let mut child = command.stdout(Stdio::inherit()).spawn().map_err(failed)?;
    let mut executions = 0;
    if let Some(stderr) = child.stderr.take() {
        process::each_line(stderr, |line| {
            eprintln!("{line}");
            executions = executed(line).unwrap_or(executions);
        });
    }
    Ok((child.wait().map_err(failed)?.success(), executions))
}

fn executed(line: &str) -> Option<u64> {
    line.strip_prefix("stat::number_of_executed_units:")?.trim().parse().ok()
}

/// The nightly toolchain that cargo-fuzz's sanitizers need.
fn nightly() -> Result<String, Failure> {
    let missing = || {
        Failure::Unavailable(
            "fuzzing needs a nightly toolchain; type: rustup toolchain install nightly".to_owned(),
        )
    };
    let mut rustup = process::command("rustup");
    let list = process::output(rustup.args(["toolchain", "list"])).map_err(|_| missing())?;
    let first = list
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .find(|name| name.starts_with("nightly"));
    first.map(str::to_owned).ok_or_else(missing)
}

/// The folder of a cargo subcommand: on `PATH`, or installed into the cache once.
pub(crate) fn installed(name: &str) -> Result<PathBuf, Failure> {
    if let Some(folder) = util::which(name).and_then(|path| path.parent().map(PathBuf::from)) {
        return Ok(folder);
    }
    let place = util::cache()?.join(name);
    if !place.join("bin").join(name).is_file() {
        let mut install = process::cargo(&["install", "--locked", name, "--root"]);
        install.arg(&place);
        process::quiet(&format!("installing {name} (once)"), &mut install)?;
    }
    Ok(place.join("bin"))
}

/// `PATH` with a folder before it.
pub(crate) fn path_with(folder: &std::path::Path) -> Result<std::ffi::OsString, Failure> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    std::env::join_paths(all).map_err(|error| Failure::Failed(format!("PATH cannot be extended: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_final_statistics_are_read() {
        assert_eq!(executed("stat::number_of_executed_units: 1234567"), Some(1_234_567));
        assert_eq!(executed("#1024 NEW cov: 12"), None);
    }

    #[test]
    fn a_folder_goes_before_the_path() {
        let path = path_with(std::path::Path::new("/first")).unwrap();
        assert!(path.to_string_lossy().starts_with("/first:"));
    }
}
