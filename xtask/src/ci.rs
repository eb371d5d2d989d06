//! `cargo xtask ci`: what continuous integration runs.

use crate::failure::Failure;
use crate::flags::Part;
use crate::tools::system;
use crate::{lint, test, wasm};

/// Lint first, for it is quick to answer; the tests' count comes last, where people and machines look for it. The tests
/// run even when the lints fail: one run tells everything.
pub(crate) fn ci() -> Result<(), Failure> {
    system::require(&system::Requirement::ALL)?;
    // Lints, sizes and tests then see the same page inside the key server, and it is compiled once.
    wasm::build()?;
    let checks = [lint::lint(false), wasm::wasm(true)];
    let failed: Vec<Failure> = checks.into_iter().filter_map(Result::err).collect();
    for failure in &failed {
        eprintln!("{failure}");
    }
    test::test(&Part::ALL)?;
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Failure::Failed("the tests passed, but a check above failed".to_owned()))
    }
}
