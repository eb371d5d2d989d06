//! Finds the imports of Rust files. It reads as much of the grammar as code formatted by `cargo fmt` needs.

use std::collections::{BTreeMap, BTreeSet};

use super::Graph;

/// A module: its file, and its path from the crate's root.
type Modules<'a> = BTreeMap<Vec<&'a str>, &'a str>;

/// The imports between the files of a crate. Files of tests are excluded.
pub(super) fn graph(files: &BTreeMap<&str, &str>) -> Graph {
    let modules: Modules<'_> =
        files.keys().filter(|file| !is_test(file)).map(|file| (module_of(file), *file)).collect();
    let mut graph = Graph::new();
    for (module, file) in &modules {
        let code = code_of(files.get(file).copied().unwrap_or_default());
        let mut imported: BTreeSet<String> = BTreeSet::new();
        for child in children(&code) {
            let path: Vec<&str> = module.iter().copied().chain([child]).collect();
            imported.extend(modules.get(&path).map(|file| (*file).to_owned()));
        }
        for path in paths(&code) {
            let Some(target) = target(&modules, module, &path) else { continue };
            // A module may import from its ancestors.
            if !module.starts_with(&target) {
                imported.extend(modules.get(&target).map(|file| (*file).to_owned()));
            }
        }
        graph.insert((*file).to_owned(), imported);
    }
    graph
}

fn is_test(file: &str) -> bool {
    file.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "test_support.rs"))
        || file.ends_with("_tests.rs")
}

/// `flow/token.rs` is `["flow", "token"]`, and `lib.rs` the root.
fn module_of(file: &str) -> Vec<&str> {
    let path = file.strip_suffix(".rs").unwrap_or(file);
    match path {
        "lib" | "main" => Vec::new(),
        _ => path.split('/').collect(),
    }
}

/// The source without comments, strings and the tests at its end.
fn code_of(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut code = String::with_capacity(text.len());
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default();
        // Only the parts outside of strings count. No path follows an unpaired quote.
        for outside in line.split('"').step_by(2) {
            code.push_str(outside);
            code.push(' ');
        }
        code.push('\n');
    }
    code
}

/// The names of the declared modules, except those of tests.
fn children(code: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for line in code.lines().map(str::trim) {
        let declared = line.strip_suffix(';').and_then(|line| line.rsplit_once("mod "));
        if let Some((visibility, name)) = declared
            && (visibility.is_empty() || visibility.starts_with("pub"))
        {
            names.push(name);
        }
    }
    names
}

/// All paths that begin with `crate`, `super` or `self`, those of `use` declarations with their braces expanded.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for start in ["crate::", "super::", "self::"] {
        for (index, _) in code.match_indices(start) {
            let before = code.get(..index).and_then(|before| before.chars().next_back());
            // `xcrate::` is another word, and the second `super::` belongs to the first.
            if !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ':')) {
                tree(code.get(index..).unwrap_or_default(), &mut Vec::new(), &mut found);
            }
        }
    }
    found
}

/// Reads a tree of paths and returns what follows it.
fn tree<'a>(text: &'a str, prefix: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> &'a str {
    let depth = prefix.len();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if let Some(inner) = rest.strip_prefix('{') {
            rest = inner.trim_start();
            while !rest.is_empty() && !rest.starts_with('}') {
                let after = tree(rest, prefix, found).trim_start();
                // Neither an item nor the end: skip a character, so that the loop ends.
                rest = after.strip_prefix(',').unwrap_or(after).trim_start();
                if rest.len() == text.len() {
                    break;
                }
                if !rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '{' | '}' | '*')) {
                    prefix.truncate(depth);
                    return rest;
                }
            }
            rest = rest.strip_prefix('}').unwrap_or(rest);
            break;
        }
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if !word.is_empty() {
            prefix.push(word.to_owned());
        }
        match after.strip_prefix("::") {
            Some(next) if !word.is_empty() => rest = next,
            _ => {
                found.push(prefix.clone());
                // `x as y`, and `*`.
                rest = after.strip_prefix('*').unwrap_or(after);
                if let Some(renamed) = rest.strip_prefix(" as ") {
                    let end =
                        renamed.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(renamed.len());
                    rest = renamed.get(end..).unwrap_or_default();
                }
                break;
            }
        }
    }
    prefix.truncate(depth);
    rest
}

/// The module that a path refers to: the deepest one on it.
fn target<'a>(modules: &Modules<'a>, module: &[&'a str], path: &[String]) -> Option<Vec<&'a str>> {
    let mut at: Vec<&str> = match path.first()?.as_str() {
        "crate" => Vec::new(),
        "super" => module.get(..module.len().checked_sub(1)?)?.to_vec(),
        _ => module.to_vec(),
    };
    for word in path.iter().skip(1) {
        if word == "super" {
            at.pop()?;
            continue;
        }
        let next = modules.keys().find(|known| {
            known.len() == at.len() + 1 && known.starts_with(&at) && known.last() == Some(&word.as_str())
        });
        match next {
            Some(next) => at.clone_from(next),
            None => break,
        }
    }
    Some(at)
}
