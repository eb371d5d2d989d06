//! Programs on a processor of their own, and what they use.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::folder;
use crate::failure::Failure;
use crate::{process, util};

/// How long a program may take to start.
const START_LIMIT: Duration = Duration::from_secs(20);

/// The two processors of a run.
#[derive(Debug)]
pub(super) struct Processors {
    /// Of the measured programs.
    pub(super) measured: usize,
    /// Of everything else.
    pub(super) other: usize,
}

impl Processors {
    /// The first two processors that this process may use.
    pub(super) fn two() -> Result<Self, Failure> {
        let status = util::read(Path::new("/proc/self/status"))
            .map_err(|_| Failure::Unavailable("this benchmark needs Linux: it reads /proc".to_owned()))?;
        let list = field(&status, "Cpus_allowed_list:").unwrap_or_default();
        let mut processors = list.split(',').flat_map(|range| {
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            from.parse::<usize>().unwrap_or(0)..=to.parse().unwrap_or(0)
        });
        match (processors.next(), processors.next()) {
            (Some(measured), Some(other)) => Ok(Self { measured, other }),
            _ => Err(Failure::Unavailable("this benchmark needs two processors".to_owned())),
        }
    }

    /// Leaves the first processor to the measured programs.
    pub(super) fn keep_this_process_off(&self) -> Result<(), Failure> {
        let (processor, own) = (self.other.to_string(), std::process::id().to_string());
        process::output(process::command("taskset").args(["-acp", &processor, &own])).map(drop)
    }
}

/// A command on this processor, with as many descriptors as the system allows.
pub(super) fn pinned(processor: usize, program: &Path) -> Command {
    let mut command = process::command("sh");
    let line = "ulimit -n \"$(ulimit -Hn)\"; exec taskset -c \"$0\" \"$@\"";
    command.args(["-c", line]).arg(processor.to_string()).arg(program);
    command
}

/// A running program. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Program {
    name: &'static str,
    child: Child,
}

impl Program {
    /// Starts a program, whose standard error goes to a file.
    pub(super) fn start(name: &'static str, command: &mut Command) -> Result<Self, Failure> {
        let log = folder().join(format!("{name}.log"));
        let log = File::create(&log).map_err(Failure::io("create", &log))?;
        let child = command.stdout(Stdio::piped()).stderr(log).spawn();
        let child = child
            .map_err(|error| Failure::Failed(format!("cannot run `{}`: {error}", process::typed(command))))?;
        Ok(Self { name, child })
    }

    /// The rest of the first line of its output that begins so.
    pub(super) fn announced(&mut self, begin: &str) -> Result<String, Failure> {
        let output = self.child.stdout.take();
        let lines = output.into_iter().flat_map(|output| BufReader::new(output).lines());
        let mut found =
            lines.map_while(Result::ok).filter_map(|line| Some(line.strip_prefix(begin)?.to_owned()));
        found.next().ok_or_else(|| self.failed("ended before it was ready"))
    }

    /// Waits until it accepts connections.
    pub(super) fn accepts(&mut self, address: &str) -> Result<(), Failure> {
        let start = Instant::now();
        while std::net::TcpStream::connect(address).is_err() {
            if start.elapsed() > START_LIMIT || matches!(self.child.try_wait(), Ok(Some(_))) {
                return Err(self.failed("does not accept connections"));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn failed(&self, what: &str) -> Failure {
        let log = folder().join(format!("{}.log", self.name));
        let text = util::read(&log).unwrap_or_default();
        let last: Vec<&str> = text.lines().rev().take(5).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        Failure::Failed(format!(
            "{} {what}; the end of {}:\n{}",
            self.name,
            util::shown(&log),
            last.join("\n")
        ))
    }

    /// CPU time since its start, in seconds.
    pub(super) fn cpu_seconds(&self) -> Result<f64, Failure> {
        let text = self.proc("stat")?;
        // The second field is a name in parentheses, which may contain spaces.
        let fields = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
        let ticks: u32 = fields.skip(11).take(2).filter_map(|field| field.parse::<u32>().ok()).sum();
        Ok(f64::from(ticks) / TICKS_PER_SECOND)
    }

    /// Resident memory, in KiB.
    pub(super) fn resident_kib(&self) -> Result<u32, Failure> {
        self.kib("VmRSS:")
    }

    /// The part of it that is no file: what the process has written.
    pub(super) fn private_kib(&self) -> Result<u32, Failure> {
        self.kib("RssAnon:")
    }

    fn kib(&self, name: &str) -> Result<u32, Failure> {
        let status = self.proc("status")?;
        let size = field(&status, name).and_then(|text| text.split_whitespace().next()?.parse().ok());
        size.ok_or_else(|| self.failed("has ended"))
    }

    fn proc(&self, file: &str) -> Result<String, Failure> {
        util::read(Path::new(&format!("/proc/{}/{file}", self.child.id())))
    }
}

/// `USER_HZ`, which is 100 on all architectures of Linux that are in use.
const TICKS_PER_SECOND: f64 = 100.0;

impl Drop for Program {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The text after this name in a file of `/proc`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}
