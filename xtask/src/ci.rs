//! `cargo xtask ci`: what continuous integration runs.

use crate::failure::Failure;
use crate::flags::Part;
use crate::tools::system;
use crate::{lint, test, wasm};

/// The lints run first because they are fast. The tests run even when a lint fails, and their count is printed last.
pub(crate) fn ci() -> Result<(), Failure> {
    system::require(&system::Requirement::ALL)?;
    // Built first, so that lints, sizes and tests use the same page in the key server, and it is compiled once.
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
