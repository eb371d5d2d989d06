//! `cargo xtask mutants`: changes the code and sees whether a test notices.

use crate::failure::Failure;
use crate::fuzz::{installed, path_with};
use crate::{process, util};

/// Where a mistake lets somebody in.
const MODULES: [&str; 4] = ["challenge", "scope", "realm", "jwt"];

/// Mutates these modules of `protocol`, or [`MODULES`], and prints the share that was caught.
pub(crate) fn mutants(modules: &[String]) -> Result<(), Failure> {
    let bin = installed("cargo-mutants")?;
    let output = util::target().join("mutants");
    util::create_dir(&output)?;
    let mut cargo =
        process::cargo(&["mutants", "--package", "dockpass-protocol", "--test-package", "dockpass-protocol"]);
    cargo.args(["--no-shuffle", "--colors", "never", "--output"]).arg(&output).env("PATH", path_with(&bin)?);
    let chosen: Vec<&str> =
        if modules.is_empty() { MODULES.to_vec() } else { modules.iter().map(String::as_str).collect() };
    for module in chosen {
        for pattern in [format!("protocol/src/{module}.rs"), format!("protocol/src/{module}/**/*.rs")] {
            cargo.args(["--file", &pattern]);
        }
    }
    // It exits with 2 when a mutant survived; the lists that it leaves tell more.
    process::tee("mutating", &mut cargo, |_| ())?;

    let list = |name: &str| -> Vec<String> {
        let text = util::read(&output.join("mutants.out").join(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    };
    let (caught, missed, timed_out) = (list("caught.txt"), list("missed.txt"), list("timeout.txt"));
    for survivor in &missed {
        println!("survived: {survivor}");
    }
    // A mutant that makes a test run forever was noticed as well.
    match percent(caught.len() + timed_out.len(), missed.len()) {
        Some(share) => println!(
            "caught {share} % ({} caught, {} timed out, {} survived, {} did not compile)",
            caught.len(),
            timed_out.len(),
            missed.len(),
            list("unviable.txt").len()
        ),
        None => return Err(Failure::Failed("no mutant was tried".to_owned())),
    }
    Ok(())
}

/// Whole per cent, rounded down; `None` of nothing.
fn percent(caught: usize, missed: usize) -> Option<usize> {
    (caught * 100).checked_div(caught + missed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_rounded_down() {
        assert_eq!(percent(999, 1), Some(99));
        assert_eq!(percent(5, 0), Some(100));
        assert_eq!(percent(0, 0), None);
    }
}
