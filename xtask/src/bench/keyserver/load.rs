//! The load generator: wrk.

use std::path::PathBuf;

use super::folder;
use super::program::{Processors, Program, pinned};
use crate::failure::Failure;
use crate::{process, util};

/// Requests of one kind.
#[derive(Debug)]
pub(super) struct Load {
    /// The script of wrk that makes them.
    script: PathBuf,
    path: String,
    connections: usize,
}

/// What one program did under load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// Requests per second.
    pub(super) rate: f64,
    /// CPU time of the program per request, in microseconds.
    pub(super) cpu_us: f64,
    /// 99 % of the requests took at most this, in microseconds.
    pub(super) p99_us: f64,
}

/// Prints what is read here. wrk's own summary is for people.
const DONE: &str = "
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(\"result %d %d %d %d\\n\", summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout, latency:percentile(99)))
end
";

impl Load {
    /// GET requests of this path, on so many connections.
    pub(super) fn get(path: &str, connections: usize) -> Result<Self, Failure> {
        Self::scripted("get", path, connections, "")
    }

    /// POST requests with this JSON body. With `$N` in the body each request has another number there.
    pub(super) fn post(path: &str, connections: usize, session: &str, body: &str) -> Result<Self, Failure> {
        let numbered = body.contains("$N");
        let mut script = format!(
            "wrk.method = \"POST\"\nwrk.headers[\"Content-Type\"] = \"application/json\"\n\
             wrk.headers[\"Authorization\"] = \"Bearer {session}\"\nwrk.body = [[{body}]]\n"
        );
        if numbered {
            // The time, so that no two runs of wrk use the same numbers.
            script.push_str(
                "local body = wrk.body\nlocal number = os.time() * 1000000\nrequest = function()\n  \
                 number = number + 1\n  local text = body:gsub(\"%$N\", string.format(\"%d\", number))\n  \
                 return wrk.format(nil, nil, nil, text)\nend\n",
            );
        }
        Self::scripted(if numbered { "miss" } else { "hit" }, path, connections, &script)
    }

    fn scripted(name: &str, path: &str, connections: usize, script: &str) -> Result<Self, Failure> {
        let file = folder().join(format!("{name}.lua"));
        util::write(&file, format!("{script}{DONE}"))?;
        Ok(Self { script: file, path: path.to_owned(), connections })
    }

    /// Sends requests to a program for so many seconds. A response other than 2xx is a failure.
    pub(super) fn run(
        &self,
        processors: &Processors,
        program: &Program,
        address: &str,
        seconds: u32,
    ) -> Result<Sample, Failure> {
        let wrk = util::which("wrk").unwrap_or_else(|| "wrk".into());
        let mut command = pinned(processors.other, &wrk);
        command.args(["--threads", "1", "--connections", &self.connections.to_string()]);
        command.args(["--duration", &format!("{seconds}s"), "--timeout", "10s", "--script"]);
        command.arg(&self.script).arg(format!("http://{address}{}", self.path));
        let before = program.cpu_seconds()?;
        let output = process::output(&mut command)?;
        let spent = program.cpu_seconds()? - before;
        let result = output.lines().find_map(|line| line.strip_prefix("result "));
        let numbers: Vec<f64> =
            result.unwrap_or_default().split(' ').filter_map(|text| text.parse().ok()).collect();
        match *numbers.as_slice() {
            [requests, duration, errors, p99_us] if errors == 0.0 && requests > 0.0 => {
                Ok(Sample { rate: requests / duration * 1e6, cpu_us: spent / requests * 1e6, p99_us })
            }
            _ => Err(Failure::Failed(format!("requests of {} failed:\n{output}", self.path))),
        }
    }
}
