//! Checks that no files of a crate or of a folder of JavaScript import each other in a circle. Files in a circle can only
//! be understood together.
//!
//! In Rust a file imports the modules in its `use` declarations and in its `crate::`, `super::` and `self::` paths, and
//! each child that it declares with `mod`. Imports of a child from its ancestors do not count, because the child is a part
//! of them. Tests do not count. In JavaScript, `import` and `export … from` with a relative path count.

mod rust;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use crate::failure::Failure;
use crate::util;

/// Which files a file imports.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// The folders of Rust crates' sources.
const CRATES: [&str; 8] = [
    "protocol/src",
    "protocol/syntax/src",
    "client-wasm/src",
    "client-wasm/doctor/src",
    "client-wasm/digest/src",
    "keyserver/src",
    "tests/src",
    "xtask/src",
];

/// The folders of JavaScript.
const SCRIPTS: [&str; 2] = ["client-wasm/npm", "www"];

/// Reports the circles in every crate and every folder of scripts.
pub(super) fn circles() -> Result<(), Failure> {
    eprint!("▸ import circles … ");
    let mut files = BTreeMap::new();
    for path in super::tidy::tracked()? {
        let name = path.to_string_lossy().into_owned();
        let source = Path::new(&name).extension().is_some_and(|end| end == "rs" || end == "js");
        if source && let Ok(text) = std::fs::read_to_string(util::root().join(&path)) {
            files.insert(name, text);
        }
    }
    let mut found = Vec::new();
    for folder in CRATES {
        found.extend(circles_of(&rust::graph(&below(&files, folder))));
    }
    for folder in SCRIPTS {
        found.extend(circles_of(&scripts(&below(&files, folder))));
    }
    if found.is_empty() {
        eprintln!("none");
        return Ok(());
    }
    eprintln!("FAILED");
    Err(Failure::Failed(found.iter().map(|circle| circle.join("\n  → ")).collect::<Vec<_>>().join("\n✗ ")))
}

/// The files below a folder, by their paths in it.
fn below<'a>(files: &'a BTreeMap<String, String>, folder: &str) -> BTreeMap<&'a str, &'a str> {
    let inside = |name: &'a String| name.strip_prefix(folder)?.strip_prefix('/');
    files.iter().filter_map(|(name, text)| Some((inside(name)?, text.as_str()))).collect()
}

/// The shortest circle through each edge that is part of one, each set of files once. Every file imports the next one; the
/// first file is also the last.
fn circles_of(graph: &Graph) -> Vec<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut circles = Vec::new();
    for (from, imported) in graph {
        for to in imported {
            let Some(mut path) = shortest(graph, to, from) else { continue };
            let mut set = path.clone();
            set.sort();
            if seen.insert(set) {
                path.insert(0, from.clone());
                circles.push(path);
            }
        }
    }
    circles
}

/// The shortest path along imports, both ends included.
fn shortest(graph: &Graph, from: &str, to: &str) -> Option<Vec<String>> {
    let mut before: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = VecDeque::from([from]);
    while let Some(file) = queue.pop_front() {
        if file == to {
            let mut path = vec![file.to_owned()];
            let mut at = file;
            while at != from {
                at = before.get(at)?;
                path.push(at.to_owned());
            }
            path.reverse();
            return Some(path);
        }
        for next in graph.get(file).into_iter().flatten() {
            if next != from && !before.contains_key(next.as_str()) {
                before.insert(next, file);
                queue.push_back(next);
            }
        }
    }
    None
}

/// The imports between scripts.
fn scripts(files: &BTreeMap<&str, &str>) -> Graph {
    let imports = |name: &str, text: &str| {
        let code = text.lines().filter(|line| !line.trim_start().starts_with(['*', '/']));
        let joined = code.collect::<Vec<_>>().join("\n");
        let mut imported = BTreeSet::new();
        // `from './x.js'` of an import or export, or `import './x.js'` for its effects.
        for (index, _) in joined.match_indices(['\'', '"']) {
            let (before, after) = joined.split_at(index);
            let specifier = after.get(1..).and_then(|rest| rest.split(['\'', '"', '\n']).next());
            let is_import = before.trim_end().ends_with(" from")
                || before.trim_end().ends_with("} from")
                || before.trim_end().rsplit('\n').next().is_some_and(|line| line.trim() == "import");
            if let Some(specifier) = specifier.filter(|text| is_import && text.starts_with('.')) {
                imported
                    .extend(resolve(name, specifier).filter(|target| files.contains_key(target.as_str())));
            }
        }
        imported
    };
    files.iter().map(|(name, text)| ((*name).to_owned(), imports(name, text))).collect()
}

/// A relative specifier, from the folder of a file.
fn resolve(from: &str, specifier: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in specifier.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
