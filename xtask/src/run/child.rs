//! Child processes that are stopped together with this one.

use std::collections::VecDeque;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::process;

/// How long a program may take to stop after SIGTERM.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// How many lines of output are kept, to be shown if the program exits.
const KEPT: usize = 20;

/// The last lines of standard output and standard error.
#[derive(Debug, Default)]
struct ChildOutput {
    /// The rest of the first line that announces the program as ready.
    announcement: Option<String>,
    last: VecDeque<String>,
}

/// A running program. Dropping it stops the program and its own children, and waits for its end.
#[derive(Debug)]
pub(crate) struct Child {
    name: &'static str,
    process: std::process::Child,
    captured: Arc<Mutex<ChildOutput>>,
    readers: Vec<JoinHandle<()>>,
}

impl Child {
    /// Starts the program in a process group of its own. Each line of its output is shown after its name. The program is ready
    /// once it prints a line that starts with `announces`.
    pub(crate) fn start(
        name: &'static str,
        announces: &'static str,
        command: &mut Command,
    ) -> Result<Self, Failure> {
        let mut process =
            command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(
                |error| Failure::Failed(format!("cannot run `{}`: {error}", process::typed(command))),
            )?;
        let captured = Arc::default();
        let readers = [
            process.stdout.take().map(|stream| relay(name, announces, stream, &captured)),
            process.stderr.take().map(|stream| relay(name, announces, stream, &captured)),
        ];
        Ok(Self { name, process, captured, readers: readers.into_iter().flatten().collect() })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    #[cfg(test)]
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// The text after `announces`; `None` until the program is ready.
    pub(crate) fn announcement(&self) -> Option<String> {
        lock(&self.captured).announcement.clone()
    }

    /// A message with exit status and last lines, if the program has exited.
    pub(crate) fn obituary(&mut self) -> Option<String> {
        let status = self.process.try_wait().ok().flatten()?;
        // Its pipes are closed, so the readers end.
        self.readers.drain(..).for_each(|reader| drop(reader.join()));
        let words: Vec<String> =
            lock(&self.captured).last.iter().map(|line| format!("\n    {line}")).collect();
        Some(format!("the {} has exited ({status}); its last lines:{}", self.name, words.concat()))
    }

    /// Sends a signal to the process group, with the shell's `kill`: the standard library can only send SIGKILL.
    fn signal(&self, signal: &str) {
        let line = format!("kill -{signal} -{} 2>/dev/null", self.process.id());
        _ = process::command("sh").args(["-c", &line]).status();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let start = Instant::now();
        if matches!(self.process.try_wait(), Ok(None)) {
            self.signal("TERM");
        }
        while matches!(self.process.try_wait(), Ok(None)) && start.elapsed() < STOP_LIMIT {
            thread::sleep(Duration::from_millis(20));
        }
        // Kills the rest of the group: a program that did not stop, or its children.
        self.signal("KILL");
        _ = self.process.wait();
    }
}

fn lock(captured: &Mutex<ChildOutput>) -> MutexGuard<'_, ChildOutput> {
    captured.lock().unwrap_or_else(PoisonError::into_inner)
}

fn relay(
    name: &'static str,
    announces: &'static str,
    stream: impl Read + Send + 'static,
    captured: &Arc<Mutex<ChildOutput>>,
) -> JoinHandle<()> {
    let captured = Arc::clone(captured);
    thread::spawn(move || {
        process::each_line(stream, |line| {
            eprintln!("{name:<14}│ {line}");
            let mut captured = lock(&captured);
            if captured.announcement.is_none() {
                captured.announcement = line.strip_prefix(announces).map(|rest| rest.trim().to_owned());
            }
            if captured.last.len() == KEPT {
                captured.last.pop_front();
            }
            captured.last.push_back(line.to_owned());
        });
    })
}
