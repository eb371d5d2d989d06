//! Runs programs and shows their progress.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::util;

/// A program that runs at the workspace's root, without the environment variables that `cargo run` has set for this
/// process: build scripts would see changed variables and run again.
pub(crate) fn command(program: impl Into<OsString>) -> Command {
    let mut command = Command::new(program.into());
    command.current_dir(util::root()).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let own = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_")
                || [
                    "CARGO",
                    "CARGO_MANIFEST_DIR",
                    "CARGO_MANIFEST_PATH",
                    "CARGO_BIN_NAME",
                    "CARGO_CRATE_NAME",
                ]
                .contains(&name)
        });
        if own {
            command.env_remove(name);
        }
    }
    for name in ["LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"] {
        match std::env::var_os(name).map(|paths| without_cargo(&paths)) {
            Some(paths) if paths.is_empty() => _ = command.env_remove(name),
            Some(paths) => _ = command.env(name, paths),
            None => {}
        }
    }
    command
}

/// A library path without the entries that cargo and rustup have added.
fn without_cargo(paths: &OsString) -> OsString {
    let own = |path: &PathBuf| {
        !path.starts_with(util::target()) && !path.components().any(|part| part.as_os_str() == ".rustup")
    };
    std::env::join_paths(std::env::split_paths(paths).filter(own)).unwrap_or_default()
}

/// `cargo` of the toolchain that runs this.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = command(program);
    command.args(arguments);
    command
}

/// The command as it could be typed.
pub(crate) fn typed(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let mut words = vec![program.to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| {
        let word = word.to_string_lossy();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+./:,@*".contains(c);
        if !word.is_empty() && word.chars().all(plain) { word.into_owned() } else { format!("'{word}'") }
    }));
    words.join(" ")
}

/// Runs a program without showing anything and returns what it printed on standard output.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let output = command.stderr(Stdio::piped()).output().map_err(|error| not_started(command, &error))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(Failure::Failed(format!("{text}{errors}\n`{}` failed ({})", typed(command), output.status)))
}

/// Runs a long step and shows it on one line, `▸ label … 12 s`, with the last line of the program's output. If the program
/// fails, all of its output is shown.
pub(crate) fn quiet(label: &str, command: &mut Command) -> Result<(), Failure> {
    Step::start(label, command)?.wait().map(drop)
}

/// A long step that runs in parallel until it is waited for. Dropping it stops the program.
#[derive(Debug)]
pub(crate) struct Step {
    label: String,
    typed: String,
    child: std::process::Child,
    lines: mpsc::Receiver<String>,
    start: Instant,
}

impl Step {
    /// Starts the program. Its output is kept.
    pub(crate) fn start(label: impl Into<String>, command: &mut Command) -> Result<Self, Failure> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| not_started(command, &error))?;
        let (sender, lines) = mpsc::channel();
        forward(child.stdout.take(), sender.clone());
        forward(child.stderr.take(), sender);
        Ok(Self { label: label.into(), typed: typed(command), child, lines, start: Instant::now() })
    }

    /// Waits for its end, shows its progress, and returns its output.
    pub(crate) fn wait(mut self) -> Result<String, Failure> {
        let mut line = Progress::start(&self.label, self.start);
        let mut printed = String::new();
        loop {
            match self.lines.recv_timeout(Duration::from_millis(500)) {
                Ok(text) => {
                    line.show(&text);
                    printed.push_str(&text);
                    printed.push('\n');
                }
                Err(RecvTimeoutError::Timeout) => line.tick(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let status = self.child.wait().map_err(Failure::io("wait for", Path::new(&self.typed)))?;
        line.end(status.success());
        if status.success() {
            return Ok(printed);
        }
        Err(Failure::Failed(format!("{printed}\n{}: `{}` failed ({status})", self.label, self.typed)))
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            _ = self.child.kill();
            _ = self.child.wait();
        }
    }
}

/// Runs a program and shows its output.
pub(crate) fn stream(label: &str, command: &mut Command) -> Result<(), Failure> {
    eprintln!("▸ {label}: {}", typed(command));
    let start = Instant::now();
    let status = command.status().map_err(|error| not_started(command, &error))?;
    if status.success() {
        eprintln!("  {label} took {}", seconds(start.elapsed()));
        return Ok(());
    }
    Err(Failure::Failed(format!("{label}: `{}` failed ({status})", typed(command))))
}

/// Like [`stream`], and calls `each` with every line of standard output. True if the program succeeded.
pub(crate) fn tee(label: &str, command: &mut Command, mut line: impl FnMut(&str)) -> Result<bool, Failure> {
    eprintln!("▸ {label}: {}", typed(command));
    let start = Instant::now();
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| not_started(command, &error))?;
    if let Some(stdout) = child.stdout.take() {
        each_line(stdout, |text| {
            println!("{text}");
            line(text);
        });
    }
    let status = child.wait().map_err(|error| not_started(command, &error))?;
    eprintln!("  {label} took {}", seconds(start.elapsed()));
    Ok(status.success())
}

/// Calls `each` for every line; invalid UTF-8 is replaced.
pub(crate) fn each_line(stream: impl Read, mut each: impl FnMut(&str)) {
    let mut reader = BufReader::new(stream);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
        each(String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']));
        bytes.clear();
    }
}

fn forward(stream: Option<impl Read + Send + 'static>, sender: mpsc::Sender<String>) {
    let Some(stream) = stream else { return };
    thread::spawn(move || each_line(stream, |line| drop(sender.send(line.to_owned()))));
}

fn not_started(command: &Command, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("cannot run `{}`: {error}", typed(command)))
}

/// `0.4 s`, `12 s`, `3 min 5 s`.
pub(crate) fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        whole @ 10..100 => format!("{whole} s"),
        whole => format!("{} min {} s", whole / 60, whole % 60),
    }
}

/// The line of one long step.
struct Progress<'a> {
    label: &'a str,
    start: Instant,
    terminal: bool,
    last: String,
    shown: Instant,
    broken: bool,
}

impl<'a> Progress<'a> {
    /// How often a running step is shown if the output is not a terminal.
    const HEARTBEAT: Duration = Duration::from_secs(30);

    fn start(label: &'a str, start: Instant) -> Self {
        let terminal = std::io::stderr().is_terminal();
        eprint!("▸ {label} … ");
        _ = std::io::stderr().flush();
        Self { label, start, terminal, last: String::new(), shown: Instant::now(), broken: false }
    }

    fn show(&mut self, line: &str) {
        if !line.trim().is_empty() {
            line.trim().clone_into(&mut self.last);
        }
        self.tick();
    }

    fn tick(&mut self) {
        let elapsed = seconds(self.start.elapsed());
        if self.terminal && self.shown.elapsed() > Duration::from_millis(100) {
            let room = 76_usize.saturating_sub(self.label.chars().count() + elapsed.len());
            let last: String = self.last.chars().filter(|c| !c.is_control()).take(room).collect();
            eprint!("\r\x1b[K▸ {} … {elapsed}  \x1b[2m{last}\x1b[0m", self.label);
            self.shown = Instant::now();
        } else if !self.terminal && self.shown.elapsed() > Self::HEARTBEAT {
            let colon = if self.last.is_empty() { "" } else { ": " };
            eprint!("\n    {elapsed}{colon}{}", self.last);
            (self.shown, self.broken) = (Instant::now(), true);
        }
    }

    fn end(self, success: bool) {
        let elapsed = seconds(self.start.elapsed());
        let outcome = if success { "" } else { " FAILED after" };
        if self.terminal {
            eprintln!("\r\x1b[K▸ {} …{outcome} {elapsed}", self.label);
        } else if self.broken {
            eprintln!("\n  {}{outcome} {elapsed}", self.label);
        } else {
            eprintln!("{}{elapsed}", if success { "" } else { "FAILED after " });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_readable_units() {
        assert_eq!(seconds(Duration::from_millis(420)), "0.4 s");
        assert_eq!(seconds(Duration::from_secs(12)), "12 s");
        assert_eq!(seconds(Duration::from_secs(185)), "3 min 5 s");
    }

    #[test]
    fn a_failure_shows_the_output_and_the_command() {
        let mut shell = command("sh");
        shell.args(["-c", "echo seen; echo also seen >&2; exit 3"]);
        let text = quiet("a test's step", &mut shell).unwrap_err().to_string();
        assert!(
            text.contains("seen\n") && text.contains("also seen\n") && text.contains("exit status: 3"),
            "{text}"
        );
        assert!(text.contains("`sh -c 'echo seen;"), "{text}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let text = output(&mut command("no-such-program-here")).unwrap_err().to_string();
        assert!(text.contains("cannot run `no-such-program-here`"), "{text}");
    }

    #[test]
    fn lines_with_invalid_utf8_are_passed_on() {
        let mut seen = Vec::new();
        each_line(&b"one\r\n\xff two\nthree"[..], |line| seen.push(line.to_owned()));
        assert_eq!(seen, ["one", "\u{fffd} two", "three"]);
    }

    #[test]
    fn environment_variables_of_cargo_run_are_not_inherited() {
        let seen =
            output(command("sh").args(["-c", "echo \"[$CARGO_PKG_NAME$CARGO_MANIFEST_DIR]\""])).unwrap();
        assert_eq!(seen.trim(), "[]");
    }
}
