//! The long run: repeats every fault until the given number of requests, or the given time, is reached.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::faults::{GRACE, RECOVERY, Trouble, expect, options, recovered};
use crate::harness::Cluster;
use crate::load::Load;

/// How long a fault lasts, and the pause after it.
const FAULT: Duration = Duration::from_secs(4);
const QUIET: Duration = Duration::from_secs(4);

/// When a run ends.
#[derive(Clone, Copy, Debug)]
enum Limit {
    Requests(u64),
    Seconds(u64),
}

impl Limit {
    fn is_reached(self, requests: u64, begun: Instant) -> bool {
        match self {
            Self::Requests(wanted) => requests >= wanted,
            Self::Seconds(seconds) => begun.elapsed() >= Duration::from_secs(seconds),
        }
    }
}

/// `--requests N` or `--seconds N`.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let number = arguments.get(1).and_then(|text| text.parse::<u64>().ok()).filter(|number| *number > 0);
    let limit = match (arguments.first().map(String::as_str), number) {
        (Some("--requests"), Some(number)) => Limit::Requests(number),
        (Some("--seconds"), Some(number)) => Limit::Seconds(number),
        _ => {
            println!("usage: … --test keyserver_store -- --requests N|--seconds N [--fault NAME]");
            return ExitCode::from(64);
        }
    };
    println!("{limit:?} through every fault of the store; sessions are accepted {GRACE:?} without it\n");
    println!(
        "{:>14} {:>9} {:>9} {:>8} {:>8} {:>7} {:>6} {:>12} {:>6} {:>9}",
        "fault",
        "requests",
        "tokens",
        "refused",
        "logouts",
        "late",
        "wrong",
        "resurrected",
        "lost",
        "recovery"
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let only = arguments.get(3).filter(|_| arguments.get(2).is_some_and(|flag| flag == "--fault"));
    let done = runtime.block_on(rounds(limit, only.map(String::as_str)));
    println!(
        "\n{done} requests: 0 wrong tokens, 0 sessions accepted after the grace, recovery within {RECOVERY:?}"
    );
    ExitCode::SUCCESS
}

async fn rounds(limit: Limit, only: Option<&str>) -> u64 {
    let (begun, mut done) = (Instant::now(), 0);
    loop {
        let troubles = Trouble::ALL
            .into_iter()
            .filter(|trouble| only.is_none_or(|only| format!("{trouble:?}").eq_ignore_ascii_case(only)));
        let before = done;
        for trouble in troubles {
            done += round(trouble).await;
            if limit.is_reached(done, begun) {
                return done;
            }
        }
        assert!(done > before, "no such fault");
    }
}

async fn round(trouble: Trouble) -> u64 {
    let mut cluster = Cluster::shared(options()).await;
    let load = Load::on(&cluster, GRACE).await;
    let workers = load.start(16);
    tokio::time::sleep(QUIET).await;
    trouble.begin(&mut cluster).await;
    let begun = Instant::now();
    let mut turn = 0;
    while begun.elapsed() < FAULT {
        tokio::time::sleep(FAULT / 16).await;
        trouble.go_on(&cluster, turn).await;
        turn += 1;
        cluster.demo.reset();
    }
    trouble.end(&mut cluster).await;
    let (_, recovery) = recovered(&cluster).await;
    tokio::time::sleep(QUIET).await;
    load.stop(workers).await;
    let tally = &load.tally;
    let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
    println!(
        "{:>14} {:>9} {:>9} {:>8} {:>8} {:>7} {:>6} {:>12} {:>6} {:>7.1} s",
        format!("{trouble:?}"),
        read(&tally.requests),
        read(&tally.tokens),
        read(&tally.unavailable),
        read(&tally.logouts),
        read(&tally.late),
        read(&tally.wrong),
        read(&tally.resurrected),
        read(&tally.lost),
        recovery.as_secs_f64()
    );
    expect(trouble, &cluster, &load);
    assert!(recovery <= RECOVERY, "{trouble:?}: {recovery:?}");
    let requests = read(&tally.requests);
    cluster.end().await;
    requests
}
