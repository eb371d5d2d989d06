//! What is measured.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::load::{Load, Sample};
use super::peers::{BLOB, BLOB_PATH, MANIFEST_PATH, Peers, key_server};
use super::program::{Processors, Program, pinned};
use super::table::{Table, ratio, spread, under_load};
use super::{built, client};
use crate::failure::Failure;
use crate::{process, util};

/// Rounds of two programs that take turns.
const ROUNDS: usize = 5;
/// Seconds of load per program and round.
const SECONDS: u32 = 3;
/// As many as the machine's limit on open files allows.
const IDLE_CONNECTIONS: usize = 10_000;
const STREAMS: u16 = 100;

/// Both programs in turns, the first one of a round changing.
fn in_turns<A, B>(
    rounds: usize,
    mut own: impl FnMut() -> Result<A, Failure>,
    mut beside: impl FnMut() -> Result<B, Failure>,
) -> Result<Vec<(A, B)>, Failure> {
    let mut samples = Vec::new();
    for round in 0..rounds {
        if round % 2 == 0 {
            let first = own()?;
            samples.push((first, beside()?));
        } else {
            let first = beside()?;
            samples.push((own()?, first));
        }
    }
    Ok(samples)
}

/// The result of two programs under the same load.
fn compared(table: &mut Table, what: &str, beside: &str, samples: &[(Sample, Sample)], goal: &str) {
    let rate = ratio(samples.iter().map(|(own, beside)| own.rate / beside.rate));
    let cpu = ratio(samples.iter().map(|(own, beside)| own.cpu_us / beside.cpu_us));
    table.row(
        what,
        under_load(samples.iter().map(|(own, _)| *own)),
        format!("{beside}: {}", under_load(samples.iter().map(|(_, beside)| *beside))),
        format!("{rate} its rate at {cpu} its CPU; goal {goal}"),
    );
}

/// A token from the cache, beside axum with the same response.
pub(super) fn token_hit(peers: &Peers, processors: &Processors, table: &mut Table) -> Result<(), Failure> {
    let request = peers.token_request("team/app");
    let (axum, axum_address) = peers.bare_axum(processors, &request)?;
    let load = Load::post("/v1/token", 32, &peers.session, &request)?;
    let samples = in_turns(
        ROUNDS,
        || load.run(processors, &peers.server, &peers.address, SECONDS),
        || load.run(processors, &axum, &axum_address, SECONDS),
    )?;
    compared(table, "token from the cache", "axum", &samples, "0.60 × its rate");
    Ok(())
}

/// A token that has to be requested, beside the RSA operation that this needs.
pub(super) fn token_miss(peers: &Peers, processors: &Processors, table: &mut Table) -> Result<(), Failure> {
    let load = Load::post("/v1/token", 8, &peers.session, &peers.token_request("team/app-$N"))?;
    let rsa = || {
        let mut command = pinned(processors.measured, &built("dockpass-bench-peer"));
        let text = process::output(command.arg("rsa"))?;
        let nanoseconds: f64 =
            text.trim().parse().map_err(|_| Failure::Failed(format!("not a number: {text}")))?;
        Ok(nanoseconds / 1e3)
    };
    let samples = in_turns(ROUNDS, || load.run(processors, &peers.server, &peers.address, SECONDS), rsa)?;
    let (operation, ..) = spread(samples.iter().map(|(_, rsa)| *rsa));
    let cpu = ratio(samples.iter().map(|(own, rsa)| own.cpu_us / rsa));
    table.row(
        "token that is requested",
        under_load(samples.iter().map(|(own, _)| *own)),
        format!("one RSA-2048 operation: {operation:.0} µs"),
        format!("{cpu} its CPU; goal 1.3 ×"),
    );
    Ok(())
}

/// A manifest through the gateway, beside nginx.
pub(super) fn gateway_small(
    peers: &Peers,
    processors: &Processors,
    table: &mut Table,
) -> Result<(), Failure> {
    let own = Load::get(&peers.gateway_path(MANIFEST_PATH), 32)?;
    let direct = Load::get(MANIFEST_PATH, 32)?;
    let samples = in_turns(
        ROUNDS,
        || own.run(processors, &peers.server, &peers.address, SECONDS),
        || direct.run(processors, &peers.proxy, &peers.proxy_address, SECONDS),
    )?;
    compared(table, "gateway, 1 kB", "nginx", &samples, "0.9 × its rate at 1.4 × its CPU");
    Ok(())
}

/// A large blob through the gateway, beside nginx.
pub(super) fn gateway_blob(peers: &Peers, table: &mut Table) -> Result<(), Failure> {
    let download = |program: &Program, address: &str, path: &str| {
        let (before, start) = (program.cpu_seconds()?, Instant::now());
        let mut bytes = 0;
        // A second's work at least: CPU time is counted in hundredths.
        for _ in 0..4 {
            bytes += client::download(address, path)?;
        }
        let seconds = start.elapsed().as_secs_f64();
        let spent = program.cpu_seconds()? - before;
        if bytes == 4 * BLOB {
            Ok((spent, 1_024.0 / seconds))
        } else {
            Err(Failure::Failed(format!("{path} broke off")))
        }
    };
    let path = peers.gateway_path(BLOB_PATH);
    let samples = in_turns(
        ROUNDS,
        || download(&peers.server, &peers.address, &path),
        || download(&peers.proxy, &peers.proxy_address, BLOB_PATH),
    )?;
    let shown = |samples: Vec<(f64, f64)>| {
        let (cpu, ..) = spread(samples.iter().map(|(cpu, _)| *cpu));
        let (rate, ..) = spread(samples.iter().map(|(_, rate)| *rate));
        format!("{rate:.0} MiB/s, {cpu:.2} s CPU per GiB")
    };
    table.row(
        "gateway, blob of 256 MiB",
        shown(samples.iter().map(|(own, _)| *own).collect()),
        format!("nginx: {}", shown(samples.iter().map(|(_, beside)| *beside).collect())),
        format!(
            "{} its rate at {} its CPU; goal 0.5 × its CPU",
            ratio(samples.iter().map(|((_, own), (_, beside))| own / beside)),
            ratio(samples.iter().map(|((own, _), (beside, _))| own / beside)),
        ),
    );
    Ok(())
}

/// From the start of the process to its first line, with a key file, and its memory then.
pub(super) fn start(processors: &Processors, table: &mut Table) -> Result<(), Failure> {
    let mut samples = Vec::new();
    for _ in 0..2 * ROUNDS {
        let start = Instant::now();
        let (server, _) = key_server(processors, "key-server-start")?;
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        thread::sleep(Duration::from_millis(200));
        let mebibytes = |kibibytes: u32| f64::from(kibibytes) / 1_024.0;
        samples.push((milliseconds, mebibytes(server.resident_kib()?), mebibytes(server.private_kib()?)));
    }
    let (milliseconds, least, most) = spread(samples.iter().map(|(time, ..)| *time));
    let (memory, ..) = spread(samples.iter().map(|(_, memory, _)| *memory));
    let (private, ..) = spread(samples.iter().map(|(.., private)| *private));
    table.row(
        "start with a key file; idle memory",
        format!("{milliseconds:.0} ms ({least:.0}–{most:.0}); {memory:.1} MiB, {private:.1} MiB without the program's own file"),
        "-".to_owned(),
        "goal 75 ms; 10 MiB".to_owned(),
    );
    Ok(())
}

/// Requests while many connections are open and idle.
pub(super) fn idle_connections(
    peers: &Peers,
    processors: &Processors,
    table: &mut Table,
) -> Result<(), Failure> {
    let load = Load::post("/v1/token", 8, &peers.session, &peers.token_request("team/app"))?;
    let count = IDLE_CONNECTIONS.min(most_connections()?);
    let before = peers.server.resident_kib()?;
    let mut memory = 0.0;
    let samples = in_turns(
        ROUNDS,
        || {
            let open: Result<Vec<_>, _> = (0..count).map(|_| client::connect(&peers.address)).collect();
            let open = open?;
            // Until all are accepted.
            thread::sleep(Duration::from_millis(500));
            let sample = load.run(processors, &peers.server, &peers.address, SECONDS)?;
            memory = f64::from(peers.server.resident_kib()?.saturating_sub(before));
            drop(open);
            thread::sleep(Duration::from_millis(500));
            Ok(sample)
        },
        || load.run(processors, &peers.server, &peers.address, SECONDS),
    )?;
    let shown = |samples: Vec<Sample>| {
        let (p99, ..) = spread(samples.iter().map(|sample| sample.p99_us));
        format!("99 % within {:.1} ms", p99 / 1e3)
    };
    let count = u16::try_from(count).unwrap_or(u16::MAX);
    table.row(
        &format!("token from the cache, {count} idle connections"),
        format!(
            "{}, {:.1} kB memory each",
            shown(samples.iter().map(|(own, _)| *own).collect()),
            memory / f64::from(count)
        ),
        format!("without them: {}", shown(samples.iter().map(|(_, without)| *without).collect())),
        format!(
            "{} that time; goal 2 ×",
            ratio(samples.iter().map(|(own, without)| own.p99_us / without.p99_us))
        ),
    );
    Ok(())
}

/// How many connections the key server takes with the limit on open files that it inherits, less some for the load. It
/// keeps half of the descriptors for registries.
fn most_connections() -> Result<usize, Failure> {
    let limits = util::read(Path::new("/proc/self/limits"))?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let hard: Option<usize> = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    Ok(hard.map_or(usize::MAX, |files| (files / 2).saturating_sub(100)))
}

/// Blobs whose reader has stopped reading.
pub(super) fn open_streams(peers: &Peers, processors: &Processors, table: &mut Table) -> Result<(), Failure> {
    let (server, address) = key_server(processors, "key-server-streams")?;
    let path = peers.gateway_path(BLOB_PATH);
    // What the first request allocates is not that of a stream.
    drop(client::begin(&address, &path, 1)?);
    thread::sleep(Duration::from_millis(200));
    let before = server.resident_kib()?;
    let open: Result<Vec<_>, _> = (0..STREAMS).map(|_| client::begin(&address, &path, 8)).collect();
    let open = open?;
    thread::sleep(Duration::from_secs(1));
    let memory = f64::from(server.resident_kib()?.saturating_sub(before)) / f64::from(STREAMS);
    drop(open);
    table.row(
        "memory of an open stream",
        format!("{memory:.0} kB"),
        "-".to_owned(),
        "goal 256 kB".to_owned(),
    );
    Ok(())
}
