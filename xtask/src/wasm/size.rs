//! How large the browser module is for whoever opens the page.

use std::fmt::Write as _;
use std::path::Path;

use crate::failure::Failure;
use crate::{process, util};

/// Gzipped bytes of the module and its glue together: what is generated, into `dist/`.
const BUDGET: u64 = 60_000;

/// One published file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Size {
    name: String,
    raw: u64,
    gzip: u64,
    brotli: u64,
}

impl Size {
    /// Whether it is the module or its glue.
    fn is_generated(&self) -> bool {
        self.name.starts_with("dist/") && !self.is_of_the_doctor()
    }

    /// Whether it is loaded only when something has failed, and somebody asks what.
    fn is_of_the_doctor(&self) -> bool {
        self.name.contains("doctor")
    }
}

/// Node.js brings both compressors, so that this tool needs none.
const SCRIPT: &str = "
const fs = require('node:fs'), zlib = require('node:zlib');
for (const name of process.argv.slice(1)) {
  const raw = fs.readFileSync(name);
  console.log([name, raw.length, zlib.gzipSync(raw, {level: 9}).length, zlib.brotliCompressSync(raw).length].join('\\t'));
}";

/// Measures what a page loads from the npm package: its modules and the `.wasm`.
pub(crate) fn measure(package: &Path) -> Result<Vec<Size>, Failure> {
    let mut names = super::published()?;
    // The entries for Node.js; a page never loads them.
    names.retain(|name| util::has_extension(name, &["js", "mjs", "wasm"]) && !name.ends_with("node.js"));
    let mut node = process::command("node");
    node.args(["-e", SCRIPT, "--"]).args(&names).current_dir(package);
    let sizes = parse(&process::output(&mut node)?);
    if sizes.iter().any(|size| util::has_extension(&size.name, &["wasm"])) {
        return Ok(sizes);
    }
    Err(Failure::Failed(
        "the npm package publishes no .wasm file: see `files` in its package.json".to_owned(),
    ))
}

fn parse(text: &str) -> Vec<Size> {
    let row = |line: &str| {
        let mut fields = line.split('\t');
        let name = fields.next()?.to_owned();
        let mut number = || fields.next()?.parse().ok();
        Some(Size { name, raw: number()?, gzip: number()?, brotli: number()? })
    };
    text.lines().filter_map(row).collect()
}

/// The sizes as a table, with their sum and the budget.
pub(crate) fn table(sizes: &[Size]) -> String {
    let mut text = format!("{:<28}{:>10}{:>10}{:>10}\n", "bytes", "raw", "gzip", "brotli");
    let mut row = |name: &str, raw: u64, gzip: u64, brotli: u64| {
        _ = writeln!(text, "{name:<28}{raw:>10}{gzip:>10}{brotli:>10}");
    };
    for size in sizes {
        row(&size.name, size.raw, size.gzip, size.brotli);
    }
    let mut sum = |name: &str, is_part: fn(&Size) -> bool| {
        let of = |of: fn(&Size) -> u64| sizes.iter().filter(|size| is_part(size)).map(of).sum();
        row(name, of(|size| size.raw), of(|size| size.gzip), of(|size| size.brotli));
    };
    sum("the doctor, when asked", Size::is_of_the_doctor);
    sum("together, but for the doctor", |size| !size.is_of_the_doctor());
    sum("module and glue", Size::is_generated);
    _ = writeln!(text, "budget of these{BUDGET:>33}");
    text
}

/// An error when module and glue are larger than they may be.
pub(crate) fn within_budget(sizes: &[Size]) -> Result<(), Failure> {
    let total: u64 = sizes.iter().filter(|size| size.is_generated()).map(|size| size.gzip).sum();
    if total <= BUDGET {
        return Ok(());
    }
    Err(Failure::Failed(format!("module and glue are {total} bytes gzipped; the budget is {BUDGET}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "index.js\t1000\t400\t300\ndist/dockpass_bg.wasm\t90000\t40000\t35000\n\
        dist/doctor_bg.wasm\t110000\t60000\t50000\n";

    #[test]
    fn sizes_are_summed() {
        let text = table(&parse(PRINTED));
        let last: Vec<&str> = text.lines().rev().nth(2).unwrap().split_whitespace().collect();
        assert_eq!(last, ["together,", "but", "for", "the", "doctor", "91000", "40400", "35300"]);
        let doctor = text.lines().find(|line| line.starts_with("the doctor")).unwrap();
        assert_eq!(doctor.split_whitespace().last(), Some("50000"));
    }

    #[test]
    fn the_budget_counts_gzipped_bytes_of_module_and_glue() {
        assert!(within_budget(&parse(PRINTED)).is_ok());
        let over = format!("{PRINTED}dist/dockpass.js\t90000\t20001\t10000\n");
        assert!(within_budget(&parse(&over)).unwrap_err().to_string().contains("60001"));
    }
}
