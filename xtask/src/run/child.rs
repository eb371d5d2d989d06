//! A program that runs beside this one, and is stopped and reaped with it.

use std::collections::VecDeque;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::process;

/// How long a program may take to stop by itself.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// Lines of output that are kept for the case that it dies.
const KEPT: usize = 20;

/// What was read of its output, of both streams.
#[derive(Debug, Default)]
struct ChildOutput {
    /// The first line that starts as its announcement should.
    announcement: Option<String>,
    last: VecDeque<String>,
}

/// A running program. Dropping it stops it, with everything that it started itself, and waits for its end.
#[derive(Debug)]
pub(crate) struct Child {
    name: &'static str,
    process: std::process::Child,
    captured: Arc<Mutex<ChildOutput>>,
    readers: Vec<JoinHandle<()>>,
}

impl Child {
    /// Starts it in a process group of its own; what it prints is shown with its name before each line. It announces
    /// that it is ready by a line that starts with `announces`.
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

    /// What followed `announces` on the line that it announced itself with; `None` before that.
    pub(crate) fn announcement(&self) -> Option<String> {
        lock(&self.captured).announcement.clone()
    }

    /// If it ended: that it did, how, and its last words.
    pub(crate) fn obituary(&mut self) -> Option<String> {
        let status = self.process.try_wait().ok().flatten()?;
        // Its pipes are closed now, or soon are: the readers end.
        self.readers.drain(..).for_each(|reader| drop(reader.join()));
        let words: Vec<String> =
            lock(&self.captured).last.iter().map(|line| format!("\n    {line}")).collect();
        Some(format!("the {} ended by itself ({status}); its last lines:{}", self.name, words.concat()))
    }

    /// Sends a signal to its process group. The shell's own `kill` does it: the standard library can only kill.
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
        // Whatever is left of the group: a program that does not stop, or one that it started.
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
