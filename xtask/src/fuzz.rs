//! `cargo xtask fuzz`: coverage-guided fuzzing of `protocol`'s parsers.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::{process, util};

/// More rounds than this are not begun to make up for a machine that has other things to do.
const MAX_ROUNDS: usize = 4;

/// Fuzzes these targets, or all, for some minutes of processor time each, and prints how often each was executed.
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
    let (toolchain, bin) = (nightly()?, installed("cargo-fuzz")?);
    // `cargo fuzz build|run`, by itself or as what a program is to run.
    let cargo_fuzz = |program: &str, before: &[&str], verb: &str, target: &str| -> Result<Command, Failure> {
        let mut command = process::command(program);
        command.args(before).args(["fuzz", verb, "--fuzz-dir"]).arg(&folder).arg(target);
        command.env("RUSTUP_TOOLCHAIN", &toolchain).env("PATH", path_with(&bin)?);
        Ok(command)
    };
    let mut rows = Vec::new();
    let mut crashed = Vec::new();
    for target in if targets.is_empty() { &known } else { targets } {
        // Built first, so that what is counted is fuzzing.
        let mut build = cargo_fuzz("cargo", &[], "build", target)?;
        process::quiet(&format!("building {target}"), &mut build)?;
        let mut sum = Run { success: true, ..Run::default() };
        for _ in 0..MAX_ROUNDS {
            let left = (minutes * 60).saturating_sub(sum.seconds);
            if left == 0 || !sum.success {
                break;
            }
            // The shell tells how much processor time its children took.
            let timed = ["-c", "\"$@\"; status=$?; times; exit $status", "sh", "cargo"];
            let mut command = cargo_fuzz("sh", &timed, "run", target)?;
            command.arg("--").arg(format!("-max_total_time={left}"));
            command.args(["-print_final_stats=1", "-timeout=10", "-rss_limit_mb=2048"]);
            eprintln!("▸ fuzzing {target} for {left} s");
            let run = watched(&mut command)?;
            sum = Run {
                success: run.success,
                executions: sum.executions + run.executions,
                seconds: sum.seconds + run.seconds,
            };
        }
        if !sum.success {
            crashed.push(target.as_str());
        }
        rows.push((target, sum));
    }
    for (target, Run { executions, seconds, .. }) in &rows {
        println!("{target:<24}{executions:>16} executions in {seconds:>5} s of processor time");
    }
    if crashed.is_empty() {
        return Ok(());
    }
    Err(Failure::Failed(format!(
        "found failures in {}; the inputs are in protocol/fuzz/artifacts",
        crashed.join(", ")
    )))
}

/// What one run of a target came to.
#[derive(Clone, Copy, Default)]
struct Run {
    success: bool,
    executions: u64,
    /// Processor time.
    seconds: u64,
}

/// libFuzzer talks on standard error; its lines are passed on, and the final statistics read. On standard output comes what
/// the shell says of times.
fn watched(command: &mut Command) -> Result<Run, Failure> {
    let failed = |error: std::io::Error| Failure::Failed(format!("cannot run cargo fuzz: {error}"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    let mut run = Run::default();
    if let Some(stderr) = child.stderr.take() {
        process::each_line(stderr, |line| {
            eprintln!("{line}");
            run.executions = executed(line).unwrap_or(run.executions);
        });
    }
    if let Some(stdout) = child.stdout.take() {
        // The last line is of the children.
        process::each_line(stdout, |line| run.seconds = processor_seconds(line).unwrap_or(run.seconds));
    }
    run.success = child.wait().map_err(failed)?.success();
    Ok(run)
}

/// `9m53.970s 0m7.540s` → 601
fn processor_seconds(line: &str) -> Option<u64> {
    let time = |text: &str| -> Option<f64> {
        let (minutes, seconds) = text.strip_suffix('s')?.split_once('m')?;
        Some(minutes.parse::<f64>().ok()? * 60.0 + seconds.parse::<f64>().ok()?)
    };
    let (user, system) = line.trim().split_once(' ')?;
    let sum = time(user)? + time(system)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some minutes")]
    Some(sum as u64)
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
pub(crate) fn path_with(folder: &std::path::Path) -> Result<OsString, Failure> {
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
    fn the_shells_times_are_read() {
        assert_eq!(processor_seconds("9m53.970s 0m7.540s"), Some(601));
        assert_eq!(processor_seconds("0m0.00s 0m0.00s"), Some(0));
        assert_eq!(processor_seconds("Done 12 runs"), None);
    }

    #[test]
    fn a_folder_goes_before_the_path() {
        let path = path_with(std::path::Path::new("/first")).unwrap();
        assert!(path.to_string_lossy().starts_with("/first:"));
    }
}
