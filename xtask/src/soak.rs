//! `cargo xtask soak`: the key server under faults for a long time.

use crate::failure::Failure;
use crate::process;
use crate::test::host_packages;
use crate::tools::system::{self, Requirement};

/// Runs the faults of the environment and of the upstreams, then those of the store, each for half of the time.
pub(crate) fn soak(minutes: u64) -> Result<(), Failure> {
    system::require(&[Requirement::Redis])?;
    let seconds = (minutes * 30).to_string();
    for (label, target) in
        [("faults of the environment", "keyserver_process"), ("faults of the store", "keyserver_store")]
    {
        let mut cargo = process::cargo(&["test"]);
        cargo.args(host_packages()).args(["--test", target, "--", "--seconds", &seconds]);
        process::stream(label, &mut cargo)?;
    }
    Ok(())
}
