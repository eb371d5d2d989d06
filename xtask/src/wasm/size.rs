//! Compares the size of what a page loads from the packed npm package with `client-wasm/size-budget.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::failure::Failure;
use crate::{process, util};

/// The maximum number of bytes that a page may load for one entry.
#[derive(Debug, Deserialize)]
struct Budget {
    #[serde(default)]
    gzip: u64,
    brotli: u64,
}

/// The size of all files that a page loads for one entry, each compressed alone.
#[derive(Debug, Deserialize)]
struct Size {
    files: usize,
    raw: u64,
    gzip: u64,
    brotli: u64,
}

/// Node.js has both compressors.
const SCRIPT: &str = "
const fs = require('node:fs'), zlib = require('node:zlib')
const files = process.argv.slice(1).map((name) => fs.readFileSync(name))
const sum = (bytes) => files.reduce((sum, file) => sum + bytes(file).length, 0)
const [raw, gzip, brotli] = [sum((file) => file), sum((file) => zlib.gzipSync(file, { level: 9 })), sum(zlib.brotliCompressSync)]
console.log(JSON.stringify({ files: files.length, raw, gzip, brotli }))";

/// Measures the unpacked tarball in `package`. Returns the table, and the breaches of the budget.
pub(super) fn measure(package: &Path) -> Result<(String, Vec<String>), Failure> {
    let path = util::root().join("client-wasm/size-budget.toml");
    let unread = |error: &dyn std::fmt::Display| Failure::Failed(format!("{}: {error}", util::shown(&path)));
    let budgets: BTreeMap<String, Budget> =
        basic_toml::from_str(&util::read(&path)?).map_err(|error| unread(&error))?;
    let mut rows = Vec::new();
    // The others are of pages that a bundler builds: tests/e2e/built-size.test.mjs.
    for (entry, budget) in budgets.into_iter().filter(|(entry, _)| util::has_extension(entry, &["js"])) {
        let mut node = process::command("node");
        node.args(["-e", SCRIPT, "--"]).args(loaded(&package.join(&entry))?);
        let size = serde_json::from_str(&process::output(&mut node)?).map_err(|error| unread(&error))?;
        rows.push((entry, size, budget));
    }
    Ok(compare(&rows))
}

/// The files that a page loads with this one: its imports, and the browser module whose URL it contains. A file that is
/// missing in the tarball is an error.
fn loaded(entry: &Path) -> Result<BTreeSet<PathBuf>, Failure> {
    let (mut found, mut next) = (BTreeSet::new(), vec![entry.to_owned()]);
    while let Some(path) = next.pop() {
        let path = path.canonicalize().map_err(Failure::io("read", &path))?;
        let (is_script, folder) =
            (util::has_extension(&path, &["js"]), path.parent().unwrap_or(&path).to_owned());
        if found.insert(path.clone()) && is_script {
            let text = util::read(&path)?;
            // Comments refer to type declarations, which no page loads.
            let is_code =
                |line: &&str| !["//", "/*", "*"].iter().any(|start| line.trim_start().starts_with(start));
            let code: Vec<&str> = text.lines().filter(is_code).collect();
            let code = code.join("\n");
            let pieces: Vec<&str> = code.split(['\'', '"']).collect();
            // Not `import(…)`: what that names is loaded with the first call that needs it.
            let loads = ["from", "import", "new URL("];
            for (before, address) in pieces.iter().zip(pieces.iter().skip(1)) {
                let is_relative = address.starts_with("./") || address.starts_with("../");
                // The copy of the module, for where the file is not delivered.
                let is_copy = address.ends_with("_inline.js");
                if is_relative && !is_copy && loads.iter().any(|word| before.trim_end().ends_with(word)) {
                    next.push(folder.join(address));
                }
            }
        }
    }
    Ok(found)
}

fn compare(sizes: &[(String, Size, Budget)]) -> (String, Vec<String>) {
    let head = ["bytes", "files", "raw", "gzip", "of", "brotli", "of"].map(str::to_owned);
    let mut rows = vec![head];
    let mut breaches = Vec::new();
    for (entry, size, budget) in sizes {
        let numbers = [size.files as u64, size.raw, size.gzip, budget.gzip, size.brotli, budget.brotli];
        let mut row = std::array::from_fn(|_| entry.clone());
        row.iter_mut().skip(1).zip(numbers).for_each(|(cell, number)| *cell = number.to_string());
        rows.push(row);
        for (what, is, may) in [("gzip", size.gzip, budget.gzip), ("brotli", size.brotli, budget.brotli)] {
            if is > may {
                breaches.push(format!("{entry} is {is} bytes with {what}; the budget is {may}"));
            }
        }
    }
    let mut table = String::new();
    for [entry, cells @ ..] in rows {
        _ = write!(table, "{entry:<12}");
        for cell in cells {
            _ = write!(table, "{cell:>10}");
        }
        table.push('\n');
    }
    (table, breaches)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(gzip: u64, brotli: u64) -> (String, Vec<String>) {
        let budget = Budget { gzip: 100, brotli: 90 };
        compare(&[("a.js".to_owned(), Size { files: 2, raw: 300, gzip, brotli }, budget)])
    }

    #[test]
    fn a_byte_over_either_budget_is_a_breach() {
        assert!(compared(100, 90).1.is_empty());
        assert_eq!(compared(101, 90).1, ["a.js is 101 bytes with gzip; the budget is 100"]);
        assert_eq!(compared(100, 91).1, ["a.js is 91 bytes with brotli; the budget is 90"]);
    }

    #[test]
    fn the_table_shows_sizes_and_budgets() {
        let row = compared(99, 88).0.lines().last().unwrap().to_owned();
        assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["a.js", "2", "300", "99", "100", "88", "90"]);
    }

    #[test]
    fn imports_are_followed_to_the_module_and_a_missing_file_is_an_error() {
        let folder = util::target().join("xtask-test-size");
        for (name, text) in [
            (
                "a.js",
                "/** @import { T } from './types.js' */\nimport './lib/b.js'\nlet a = /** @type {import('./types.js').T} */ (0)\nnew URL('./m.wasm', import.meta.url)\n",
            ),
            ("lib/b.js", "export * from \"../a.js\"\n"),
            ("m.wasm", "module"),
        ] {
            util::write(&folder.join(name), text).unwrap();
        }
        assert_eq!(loaded(&folder.join("a.js")).unwrap().len(), 3);
        util::remove(&folder.join("m.wasm")).unwrap();
        assert!(loaded(&folder.join("a.js")).unwrap_err().to_string().contains("m.wasm"));
        util::remove(&folder).unwrap();
    }
}
