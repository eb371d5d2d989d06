//! Parses the summaries of test runners.

use std::fmt;
use std::ops::Add;

/// How many tests passed, failed and were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Count {
    /// A part that ran no test counts as one failure.
    pub(crate) fn or_none_ran(self, part: &str) -> Self {
        if self.passed + self.failed > 0 {
            return self;
        }
        eprintln!("✗ {part}: no test ran");
        Self { failed: 1, ..self }
    }
}

impl Add for Count {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 { write!(f, ", {} skipped", self.skipped) } else { Ok(()) }
    }
}

/// What one line of a runner's output adds: cargo's and wasm-bindgen's `test result: …`, or one of the closing
/// lines of Node's runner (`ℹ pass 3`). Other lines add nothing.
pub(crate) fn of_line(line: &str) -> Count {
    let mut count = Count::default();
    if let Some(result) = line.trim().strip_prefix("test result: ") {
        let numbers = result.split_once(". ").map_or("", |(_, rest)| rest);
        for field in numbers.split("; ") {
            match field
                .trim()
                .split_once(' ')
                .and_then(|(number, word)| Some((number.parse::<u64>().ok()?, word)))
            {
                Some((number, "passed")) => count.passed = number,
                Some((number, "failed")) => count.failed = number,
                Some((number, "ignored")) => count.skipped = number,
                _ => {}
            }
        }
    } else if let Some(rest) = line.strip_prefix("ℹ ").or_else(|| line.strip_prefix("# "))
        && let Some((word, number)) = rest.split_once(' ')
        && let Ok(number) = number.trim().parse()
    {
        match word {
            "pass" => count.passed = number,
            "fail" | "cancelled" => count.failed = number,
            "skipped" | "todo" => count.skipped = number,
            _ => {}
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(text: &str) -> Count {
        text.lines().map(of_line).fold(Count::default(), Add::add)
    }

    #[test]
    fn cargo_prints_one_line_per_binary() {
        let text = "\
running 2 tests
test a ... ok
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: FAILED. 40 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s
";
        assert_eq!(counted(text), Count { passed: 42, failed: 3, skipped: 1 });
    }

    #[test]
    fn wasm_bindgen_prints_the_same_shorter() {
        let text = "test result: ok. 7 passed; 0 failed; 0 ignored; 0 filtered out; finished in 0.03s";
        assert_eq!(counted(text), Count { passed: 7, failed: 0, skipped: 0 });
    }

    #[test]
    fn node_closes_with_one_number_a_line() {
        let text = "\
✔ logs in (12.3ms)
ℹ tests 9
ℹ suites 0
ℹ pass 5
ℹ fail 1
ℹ cancelled 1
ℹ skipped 1
ℹ todo 1
ℹ duration_ms 1234.5
";
        assert_eq!(counted(text), Count { passed: 5, failed: 2, skipped: 2 });
    }

    #[test]
    fn nothing_run_is_a_failure() {
        assert_eq!(Count::default().or_none_ran("js").failed, 1);
        let skipped_only = Count { skipped: 3, ..Count::default() };
        assert_eq!(skipped_only.or_none_ran("js").failed, 1);
    }

    #[test]
    fn the_summary_has_the_counts_of_all_parts() {
        assert_eq!(Count { passed: 12, failed: 0, skipped: 0 }.to_string(), "12 passed, 0 failed");
        assert_eq!(Count { passed: 1, failed: 2, skipped: 3 }.to_string(), "1 passed, 2 failed, 3 skipped");
    }
}
