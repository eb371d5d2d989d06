//! Rules of the project that no other lint checks.

#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::{process, util};

/// The maximum number of lines of a source file. Tests and data may be longer.
const MAX_LINES: usize = 400;

/// The allowed dependencies of the pure crates, which are compiled into the page.
const PURE: [(&str, &[&str]); 2] = [
    ("protocol/Cargo.toml", &["dockpass-syntax", "secrecy", "serde", "thiserror", "zeroize"]),
    ("protocol/syntax/Cargo.toml", &["thiserror"]),
];

/// The modules of the key server that may use axum. Those below `state` may not.
const KEY_SERVER_HTTP: [&str; 9] =
    ["admin", "error", "handlers", "middleware", "openapi", "router", "routes", "serve", "state"];

/// Modules of the browser bindings that may use `web_sys`: only those of a fetch driver.
const BROWSER_FETCH: [&str; 1] = ["fetch"];

/// Extensions of text files.
const TEXT: [&str; 12] = ["rs", "toml", "md", "js", "mjs", "ts", "json", "html", "css", "yaml", "yml", "go"];

/// Checks all rules and reports every breach at once.
pub(super) fn tidy() -> Result<(), Failure> {
    eprint!("▸ project rules … ");
    let mut breaches = Vec::new();
    for path in tracked()? {
        let Ok(content) = std::fs::read_to_string(util::root().join(&path)) else { continue };
        breaches.extend(file(&path, &content));
    }
    for (manifest, allowed) in PURE {
        let text = util::read(&util::root().join(manifest))?;
        let unknown = dependencies(&text, allowed).into_iter();
        breaches.extend(unknown.map(|name| {
            format!("{manifest}: {name} is not one of the allowed dependencies {}", allowed.join(", "))
        }));
    }
    let page = Path::new("docs/architecture.md");
    if let Ok(text) = std::fs::read_to_string(util::root().join(page)) {
        breaches.extend(named_paths(&text, &|path| util::root().join(path).exists()));
    }
    if breaches.is_empty() {
        eprintln!("kept");
        return Ok(());
    }
    eprintln!("FAILED");
    Err(Failure::Failed(breaches.join("\n✗ ")))
}

/// The files that git tracks or would add.
pub(super) fn tracked() -> Result<Vec<PathBuf>, Failure> {
    let mut git = process::command("git");
    let list = process::output(git.args(["ls-files", "--cached", "--others", "--exclude-standard"]))?;
    let text =
        |path: &PathBuf| path.extension().and_then(OsStr::to_str).is_none_or(|end| TEXT.contains(&end));
    Ok(list.lines().map(PathBuf::from).filter(text).collect())
}

/// The rules for one file.
fn file(path: &Path, content: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    let shown = path.display();
    let generated = path.file_name().is_some_and(|name| name == "package-lock.json" || name == "go.sum")
        || path.extension().is_some_and(|end| end == "lock");
    let data = part_of(path, &["testdata", "tests", "test", "e2e", "corpus", "docs"])
        || path.file_stem().is_some_and(|stem| stem == "tests")
        || path.extension().is_some_and(|end| end == "md")
        // Type declarations may be long, like documentation.
        || path.to_string_lossy().ends_with(".d.ts");
    let lines = content.lines().count();
    if lines > MAX_LINES && !generated && !data {
        breaches.push(format!("{shown}: {lines} lines, more than {MAX_LINES}; split the file"));
    }
    if !generated && !part_of(path, &["testdata", "corpus"]) {
        for (number, line) in (1..).zip(content.lines()) {
            if line.ends_with([' ', '\t', '\r']) {
                breaches.push(format!("{shown}:{number}: trailing white space"));
            }
        }
        if !content.is_empty() && !content.ends_with('\n') {
            breaches.push(format!("{shown}: no newline at the end of the file"));
        }
    }
    if let Some(number) = uses(path, content, "client-wasm/src", "web_sys", &BROWSER_FETCH) {
        breaches
            .push(format!("{shown}:{number}: web_sys is not allowed here; the fetch driver is in JavaScript (docs/decisions/0020-fetch-driver-in-javascript.md)"));
    }
    if let Some(number) = uses(path, content, "keyserver/src", "axum", &KEY_SERVER_HTTP) {
        breaches.push(format!("{shown}:{number}: axum is not allowed below state.rs (docs/architecture.md)"));
    }
    breaches
}

fn part_of(path: &Path, folders: &[&str]) -> bool {
    path.components().any(|part| part.as_os_str().to_str().is_some_and(|name| folders.contains(&name)))
}

/// The first line on which a file of `source` contains `word`, although neither its module nor an ancestor is in `allowed`.
fn uses(path: &Path, content: &str, source: &str, word: &str, allowed: &[&str]) -> Option<usize> {
    let inner =
        path.strip_prefix(source).ok().filter(|inner| inner.extension().is_some_and(|end| end == "rs"))?;
    let module =
        |part: &OsStr| Path::new(part).file_stem().and_then(OsStr::to_str).unwrap_or_default().to_owned();
    if inner.iter().any(|part| allowed.contains(&module(part).as_str()))
        || module(inner.as_os_str()) == "tests"
    {
        return None;
    }
    let code = |line: &str| !line.trim_start().starts_with("//");
    content.lines().position(|line| code(line) && line.contains(&format!("{word}::"))).map(|index| index + 1)
}

/// The dependencies that are not allowed. Those of tests do not count, nor optional ones, which only the key server
/// enables.
fn dependencies<'a>(manifest: &'a str, allowed: &[&str]) -> Vec<&'a str> {
    let mut inside = false;
    let mut names = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == "[dependencies]"
                || (line.starts_with("[target.") && line.ends_with(".dependencies]"));
            names.extend(line.strip_prefix("[dependencies.").map(|name| name.trim_end_matches(']')));
        } else if inside && !line.is_empty() && !line.starts_with('#') && !line.contains("optional = true") {
            names.extend(line.split(['=', '.', ' ']).next());
        }
    }
    names.retain(|name| !allowed.contains(name));
    names
}

/// The paths in backquotes in a page of the documentation that do not exist.
fn named_paths(text: &str, exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut breaches = Vec::new();
    let mut fenced = false;
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for span in line.split('`').skip(1).step_by(2) {
            if is_path(span) && !exists(span.trim_end_matches('/')) {
                breaches.push(format!("docs/architecture.md:{number}: `{span}` does not exist"));
            }
        }
    }
    breaches
}

/// `keyserver/src/state.rs` and `www`, but not `POST /v1/token`, `/r/{registry}/v2/…` or `protocol::flow`.
fn is_path(span: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let relative = !span.starts_with(['/', '.']) && span.contains('/') && span.chars().all(plain);
    let folder = ["protocol", "client-wasm", "keyserver", "www", "tests", "xtask"].contains(&span);
    relative && !span.starts_with("application/") || folder
}
