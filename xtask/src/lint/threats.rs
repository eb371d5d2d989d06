//! Checks that the list of threats (`docs/threats.md`) and the tests agree.
//!
//! Every id cited in the project must be in the list, every test in the list must exist, and its file must cite the id.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::failure::Failure;
use crate::util;

/// The page, below the workspace's root.
const PAGE: &str = "docs/threats.md";

/// The beginnings of the last column of a row that names no test.
const REASONS: [&str; 6] = [
    "**open**",
    "**by construction**",
    "**by design**",
    "**by configuration**",
    "**not applicable**",
    "**not built**",
];

/// The files of this lint, which contain ids that are not threats.
const OWN: [&str; 2] = ["xtask/src/lint/threats.rs", "xtask/src/lint/threats/tests.rs"];

/// Extensions of files that cite threats.
const CITING: [&str; 5] = ["rs", "mjs", "js", "json", "md"];

/// Compares the list with the files of the project, and reports every breach at once.
pub(super) fn threats() -> Result<(), Failure> {
    eprint!("▸ threats … ");
    let page = util::read(&util::root().join(PAGE))?;
    let mut files = BTreeMap::new();
    for path in super::tidy::tracked()? {
        let cites = path.extension().and_then(|end| end.to_str()).is_some_and(|end| CITING.contains(&end));
        if cites
            && !OWN.iter().any(|own| path == Path::new(own))
            && let Ok(text) = std::fs::read_to_string(util::root().join(&path))
        {
            files.insert(path.to_string_lossy().into_owned(), text);
        }
    }
    let breaches = check(&page, &files);
    if breaches.is_empty() {
        eprintln!("cited");
        return Ok(());
    }
    eprintln!("FAILED");
    Err(Failure::Failed(breaches.join("\n✗ ")))
}

/// The breaches of this list, given the files by their paths.
fn check(page: &str, files: &BTreeMap<String, String>) -> Vec<String> {
    let mut breaches = Vec::new();
    let mut listed = BTreeSet::new();
    let mut families = BTreeSet::new();
    for (number, line) in (1..).zip(page.lines()) {
        let Some((id, shown_by)) = row(line) else { continue };
        let at = format!("{PAGE}:{number}: {id}");
        if !listed.insert(id) {
            breaches.push(format!("{at} is listed twice"));
        }
        families.extend(id.split('-').next());
        let tests: Vec<&str> =
            shown_by.split('`').skip(1).step_by(2).filter(|span| names_test(span)).collect();
        if tests.is_empty() && !REASONS.iter().any(|reason| shown_by.starts_with(reason)) {
            breaches
                .push(format!("{at} names no test and does not begin with one of {}", REASONS.join(", ")));
        }
        for test in tests {
            breaches.extend(not_shown(id, test, files).map(|reason| format!("{at}: {reason}")));
        }
    }
    if listed.is_empty() {
        breaches.push(format!("{PAGE} lists no threat"));
    }
    for (path, text) in files.iter().filter(|(path, _)| *path != PAGE) {
        for (number, line) in (1..).zip(text.lines()) {
            let unknown = cited(line, &families).filter(|id| !listed.contains(id));
            breaches.extend(unknown.map(|id| format!("{path}:{number}: {id} is not in {PAGE}")));
        }
    }
    breaches
}

/// Id and last column, if this line is a row of a table of threats.
fn row(line: &str) -> Option<(&str, &str)> {
    let cells: Vec<&str> = line.strip_prefix('|')?.strip_suffix('|')?.split(" | ").map(str::trim).collect();
    let [id, _attack, _result, shown_by] = cells.as_slice() else { return None };
    is_id(id).then_some((*id, *shown_by))
}

/// `file.rs::test`, or a file of test data whose rows cite ids.
fn names_test(span: &str) -> bool {
    span.contains("::") && span.contains('/') || span.starts_with("protocol/testdata/")
}

/// Why a test does not prove this id: the test or its file does not exist, or the file does not cite the id.
fn not_shown(id: &str, test: &str, files: &BTreeMap<String, String>) -> Option<String> {
    let (path, name) = test.split_once("::").map_or((test, None), |(path, name)| (path, Some(name)));
    let Some(content) = files.get(path) else { return Some(format!("{path} does not exist")) };
    if let Some(name) = name
        && !has_test(path, content, name, files)
    {
        return Some(format!("{path} has no test {name}"));
    }
    (!content.lines().any(|line| line.contains(id))).then(|| format!("{path} does not cite {id}"))
}

/// Whether a file has a test of this name: a function in Rust, a title in JavaScript.
fn has_test(path: &str, text: &str, name: &str, files: &BTreeMap<String, String>) -> bool {
    if Path::new(path).extension().is_some_and(|end| end == "rs") {
        return is_rust_test(text, name) || is_in_list(path, name, files);
    }
    let escaped = name.replace('\'', "\\'");
    let quoted = ["'", "\"", "`"].map(|quote| format!("({quote}{name}{quote},"));
    quoted.iter().any(|title| text.contains(title)) || text.contains(&format!("('{escaped}',"))
}

/// A function with an attribute such as `#[test]` or `#[tokio::test]` above it.
fn is_rust_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let head = format!("fn {name}(");
    lines.iter().enumerate().filter(|(_, line)| line.contains(&head)).any(|(at, _)| {
        let above =
            lines.iter().take(at).rev().take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        above.into_iter().any(|line| line.starts_with("#[") && line.contains("test"))
    })
}

/// Whether a `main.rs` in the same folder runs this function by name, as tests with their own harness do.
fn is_in_list(path: &str, name: &str, files: &BTreeMap<String, String>) -> bool {
    let Some((folder, file)) = path.rsplit_once('/') else { return false };
    let test = format!("{}::{name}", file.trim_end_matches(".rs"));
    let runs = |text: &String| {
        text.split(|c: char| !c.is_alphanumeric() && !"_:".contains(c)).any(|word| word == test)
    };
    files.get(&format!("{folder}/main.rs")).is_some_and(runs)
}

/// `GW-01`: the name of a family in capitals, and two digits.
fn is_id(text: &str) -> bool {
    text.split_once('-').is_some_and(|(family, digits)| {
        (2..=4).contains(&family.len())
            && family.bytes().all(|byte| byte.is_ascii_uppercase())
            && digits.len() == 2
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// The ids in a line whose family is one of these.
fn cited<'a>(line: &'a str, families: &BTreeSet<&str>) -> impl Iterator<Item = &'a str> {
    line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .filter(|word| is_id(word) && word.split('-').next().is_some_and(|family| families.contains(family)))
}
