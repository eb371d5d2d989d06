//! Runs the demo registries until a signal arrives.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use clap::builder::PossibleValuesParser;
use dockpass_tests::demo::{Demo, DemoConfig, DemoError, Kind, Ready};
use tokio::signal::unix::{SignalKind, signal};

/// Demo registries and token services on loopback, for trying out and testing dockpass.
#[derive(Debug, Parser)]
#[command(name = "dockpass-demo", version)]
struct Arguments {
    /// Write addresses, realms and logins as JSON to this file when all servers are listening.
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
    /// Run this registry only; may be given several times.
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(Kind::ALL.map(Kind::name)))]
    only: Vec<String>,
    /// Allow requests that other registry clients (docker, skopeo) send but dockpass must not.
    #[arg(long)]
    other_clients: bool,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Demo(#[from] DemoError),
    #[error("cannot write the ready file: {0}")]
    ReadyFile(#[source] io::Error),
    #[error("cannot listen for signals: {0}")]
    Signals(#[source] io::Error),
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "dockpass-demo: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    // Installed first, so that a signal during the start ends the program cleanly.
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::Signals)?;
    let wanted =
        |kind: &Kind| arguments.only.is_empty() || arguments.only.iter().any(|name| name == kind.name());
    let mut config = DemoConfig::only(Kind::ALL.into_iter().filter(wanted));
    config.other_clients = arguments.other_clients;
    let demo = Demo::start(config).await?;
    let ready = demo.ready();
    // A closed terminal must not stop the program.
    let _ = write!(io::stdout(), "{}", ready.table());
    if let Some(path) = &arguments.ready_file {
        write_ready(path, &ready).map_err(Failure::ReadyFile)?;
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    demo.stop().await;
    Ok(())
}

/// Writes a temporary file and renames it, so that a reader never sees an incomplete file.
fn write_ready(path: &Path, ready: &Ready) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    std::fs::write(&beside, serde_json::to_vec_pretty(ready)?)?;
    std::fs::rename(&beside, path)
}
