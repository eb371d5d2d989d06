//! Checks `deny.toml`: licences, bans, duplicate versions and sources of the dependencies of the product.
//!
//! The file is one of cargo-deny. The checks are implemented here because cargo-deny takes minutes to build and needs the
//! network. Only cargo-deny checks advisories.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::failure::Failure;
use crate::{process, util};

/// The part of `deny.toml` that is read here. Other keys are for cargo-deny only.
#[derive(Debug, Deserialize)]
struct Policy {
    graph: Graph,
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Debug, Deserialize)]
struct Graph {
    targets: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Licenses {
    allow: BTreeSet<String>,
}

#[derive(Debug, Deserialize)]
struct Bans {
    deny: Vec<Entry>,
    skip: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

/// The output of `cargo metadata`.
#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    /// `None` for the workspace's own packages.
    source: Option<String>,
}

/// Runs all checks and reports every breach at once.
pub(super) fn deny() -> Result<(), Failure> {
    eprint!("▸ dependencies (deny.toml) … ");
    let unread = |error: &dyn std::fmt::Display| Failure::Failed(format!("deny.toml: {error}"));
    let text = util::read(&util::root().join("deny.toml"))?;
    let policy: Policy = basic_toml::from_str(&text).map_err(|error| unread(&error))?;
    let mut cargo = process::cargo(&["metadata", "--format-version", "1", "--locked"]);
    let metadata = process::output(&mut cargo)?;
    let metadata: Metadata = serde_json::from_str(&metadata).map_err(|error| unread(&error))?;
    // The graph of the metadata is not used, because it includes features that only tests enable.
    let mut cargo =
        process::cargo(&["tree", "--workspace", "--locked", "--prefix", "none", "--format", "{p}"]);
    cargo.args(["--edges", "normal,build"]);
    cargo.args(policy.graph.targets.iter().flat_map(|target| ["--target", target]));
    let tree = process::output(&mut cargo)?;
    let shipped: BTreeSet<String> = tree.lines().filter_map(shipped).collect();
    let breaches = breaches(&policy, &metadata.packages, &shipped);
    if breaches.is_empty() {
        eprintln!("{} crates are allowed (advisories: cargo deny check)", shipped.len());
        return Ok(());
    }
    eprintln!("FAILED");
    Err(Failure::Failed(breaches.join("\n✗ ")))
}

/// `serde v1.0.229 (proc-macro)` → `serde 1.0.229`
fn shipped(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    Some(format!("{} {}", words.next()?, words.next()?.strip_prefix('v')?))
}

fn breaches(policy: &Policy, packages: &[Package], shipped: &BTreeSet<String>) -> Vec<String> {
    let mut breaches = Vec::new();
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages {
        let Package { name, version, license, source } = package;
        // Sources are checked for test dependencies as well, because they run on developers' machines.
        let Some(source) = source else { continue };
        let is_registry = |url: &String| source.strip_prefix("registry+") == Some(url);
        if !policy.sources.allow_registry.iter().any(is_registry) {
            breaches.push(format!("{name} {version} comes from {source}, which [sources] does not allow"));
        }
        if !shipped.contains(&format!("{name} {version}")) {
            continue;
        }
        versions.entry(name).or_default().push(version);
        let expression = license.as_deref().unwrap_or_default();
        if !is_allowed(expression, &policy.licenses.allow) {
            breaches.push(format!(
                "{name} {version} has the licence `{expression}`, which [licenses] does not allow"
            ));
        }
        if let Some(entry) = policy.bans.deny.iter().find(|entry| entry.name == *name) {
            breaches.push(format!("{name} {version} is banned outside tests: {}", entry.reason));
        }
    }
    let is_skipped = |name: &str, version: &str| {
        policy.bans.skip.iter().any(|entry| entry.name == name || entry.name == format!("{name}@{version}"))
    };
    for (name, mut list) in versions {
        list.retain(|version| !is_skipped(name, version));
        if list.len() > 1 {
            breaches.push(format!(
                "{name} has several versions: {}; to allow one, add `{name}@VERSION` to [bans] skip",
                list.join(" and ")
            ));
        }
    }
    for Entry { name, .. } in &policy.bans.skip {
        let is_there = |package: &Package| {
            package.name == *name || *name == format!("{}@{}", package.name, package.version)
        };
        if !packages.iter().any(is_there) {
            breaches.push(format!("[bans] skips {name}, which is no longer there"));
        }
    }
    breaches
}

/// Whether an SPDX expression is satisfied by these licences. `AND` binds more tightly than `OR`; a malformed expression is not allowed.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    let result = any_of(&mut words, allowed);
    words.next().is_none() && result == Some(true)
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any_of(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> Option<bool> {
    let mut result = all_of(words, allowed)?;
    while words.next_if_eq(&"OR").is_some() {
        result |= all_of(words, allowed)?;
    }
    Some(result)
}

fn all_of(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> Option<bool> {
    let mut result = one(words, allowed)?;
    while words.next_if_eq(&"AND").is_some() {
        result &= one(words, allowed)?;
    }
    Some(result)
}

fn one(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> Option<bool> {
    match words.next()? {
        "(" => {
            let result = any_of(words, allowed)?;
            words.next_if_eq(&")")?;
            Some(result)
        }
        "OR" | "AND" | "WITH" | ")" => None,
        name => {
            // An exception is listed with its licence: `Apache-2.0 WITH LLVM-exception`.
            let name = match words.next_if_eq(&"WITH") {
                Some(_) => format!("{name} WITH {}", words.next()?),
                None => name.to_owned(),
            };
            Some(allowed.contains(&name))
        }
    }
}
