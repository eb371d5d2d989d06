//! `cargo xtask mutants`: changes the code and sees whether a test notices.

use crate::failure::Failure;
use crate::fuzz::{installed, path_with};
use crate::{process, util};

/// Where a mistake lets somebody in: these modules, and what they are made of.
const MODULES: [&str; 7] = ["challenge", "scope", "realm", "jwt", "json", "tape", "resource"];

/// The crates that have them.
const CRATES: [(&str, &str); 2] = [("dockpass-protocol", "protocol"), ("dockpass-syntax", "protocol/syntax")];

/// The mutants that may survive, each with its reason: a line of `cargo mutants`, without the place in the file, behind
/// ` # `.
const ACCEPTED: &str = "protocol/mutants.txt";

/// Mutates these modules, or [`MODULES`], prints the share that was caught, and fails on a survivor without a reason.
pub(crate) fn mutants(modules: &[String]) -> Result<(), Failure> {
    let bin = installed("cargo-mutants")?;
    let output = util::target().join("mutants");
    util::create_dir(&output)?;
    let mut cargo = process::cargo(&["mutants", "--no-shuffle", "--colors", "never", "--output"]);
    cargo.arg(&output).env("PATH", path_with(&bin)?);
    // What is compiled for WebAssembly only is tested there, by the npm package's tests.
    cargo.args(["--exclude", "**/simd128.rs"]);
    let chosen: Vec<&str> =
        if modules.is_empty() { MODULES.to_vec() } else { modules.iter().map(String::as_str).collect() };
    for (name, folder) in CRATES {
        cargo.args(["--package", name, "--test-package", name]);
        for module in &chosen {
            for pattern in [format!("{folder}/src/{module}.rs"), format!("{folder}/src/{module}/**/*.rs")] {
                cargo.args(["--file", &pattern]);
            }
        }
    }
    // Without the examples of the documentation, which take longest and test least; nothing is debugged.
    cargo.args(["--", "--tests"]).env("CARGO_PROFILE_DEV_DEBUG", "0");
    // It exits with 2 when a mutant survived; the lists that it leaves tell more.
    process::tee("mutating", &mut cargo, |_| ())?;

    let list = |name: &str| -> Vec<String> {
        let text = util::read(&output.join("mutants.out").join(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    };
    let (caught, missed, timed_out) = (list("caught.txt"), list("missed.txt"), list("timeout.txt"));
    let accepted = util::read(&util::root().join(ACCEPTED))?;
    let (known, unknown): (Vec<&String>, Vec<&String>) =
        missed.iter().partition(|survivor| is_accepted(&accepted, survivor));
    for survivor in &unknown {
        println!("survived: {survivor}");
    }
    // A mutant that makes a test run forever was noticed as well.
    let share = percent(caught.len() + timed_out.len(), missed.len())
        .ok_or_else(|| Failure::Failed("no mutant was tried".to_owned()))?;
    println!(
        "caught {share} % ({} caught, {} timed out, {} survived for a reason, {} without one, {} did not compile)",
        caught.len(),
        timed_out.len(),
        known.len(),
        unknown.len(),
        list("unviable.txt").len()
    );
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Failure::Failed(format!("{} mutants survived that {ACCEPTED} gives no reason for", unknown.len())))
}

/// Whether a survivor is listed: `path: change`, whatever the line and column.
fn is_accepted(accepted: &str, survivor: &str) -> bool {
    let wanted = without_place(survivor);
    accepted.lines().filter_map(|line| line.split_once(" # ")).any(|(mutant, _)| mutant.trim() == wanted)
}

/// `protocol/src/jwt.rs:12:3: replace …` → `protocol/src/jwt.rs: replace …`
fn without_place(survivor: &str) -> String {
    let (place, change) = survivor.split_once(": ").unwrap_or((survivor, ""));
    let path = place.split(':').next().unwrap_or_default();
    format!("{path}: {change}")
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

    #[test]
    fn a_survivor_is_known_wherever_it_moved() {
        let accepted = "# the list\n\nprotocol/src/jwt.rs: replace > with >= in inspect # both refuse it\n";
        assert!(is_accepted(accepted, "protocol/src/jwt.rs:12:3: replace > with >= in inspect"));
        assert!(!is_accepted(accepted, "protocol/src/jwt.rs:12:3: replace > with == in inspect"));
        assert!(!is_accepted(accepted, "protocol/src/realm.rs:12:3: replace > with >= in inspect"));
    }
}
