//! `cargo xtask bench keyserver`: the key server under load, each figure beside that of another program in the same run.
//!
//! The measured program runs on one processor, everything else on another. Programs take turns within a run, so that
//! both meet the same other load of the machine. docs/performance.md explains the rows.

mod client;
mod load;
mod peers;
mod program;
mod rows;
mod table;

use std::path::PathBuf;

use crate::failure::Failure;
use crate::tools::system::{self, Requirement};
use crate::{process, util};
use peers::Peers;
use program::Processors;
use table::Table;

/// Where programs' configuration and logs are.
fn folder() -> PathBuf {
    util::target().join("bench")
}

/// A release build of a program of this workspace.
fn built(name: &str) -> PathBuf {
    util::target().join("release").join(name)
}

/// Builds everything, measures, and prints the table.
pub(super) fn table() -> Result<(), Failure> {
    let processors = Processors::two()?;
    system::require(&[Requirement::Wrk, Requirement::Nginx])?;
    let mut build = process::cargo(&["build", "--release", "--package", "dockpass-keyserver"]);
    build.args([
        "--package",
        "dockpass-tests",
        "--bin",
        "dockpass-keyserver",
        "--bin",
        "dockpass-bench-peer",
    ]);
    process::quiet("building the key server and the programs beside it (release)", &mut build)?;
    util::remove(&folder())?;
    util::create_dir(&folder())?;
    processors.keep_this_process_off()?;
    let peers = Peers::start(&processors)?;
    let mut table = Table::new();
    rows::token_hit(&peers, &processors, &mut table)?;
    rows::token_miss(&peers, &processors, &mut table)?;
    rows::gateway_small(&peers, &processors, &mut table)?;
    rows::gateway_blob(&peers, &mut table)?;
    rows::start(&processors, &mut table)?;
    rows::idle_connections(&peers, &processors, &mut table)?;
    rows::open_streams(&peers, &processors, &mut table)?;
    table.print();
    Ok(())
}
