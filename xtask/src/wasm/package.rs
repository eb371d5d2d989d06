//! The npm package as it is published: what `client-wasm/npm` has, bundled into few files, with the modules as scripts and
//! `CommonJS` beside it.

use std::path::{Path, PathBuf};

use super::pages;
use crate::failure::Failure;
use crate::tools::npm;
use crate::{process, util};

/// Entries for one kind of runtime other than pages, which share files: the start of the names of those, and the entries.
const GROUPS: [(&str, &[&str]); 3] = [
    ("node", &["node.js", "doctor-node.js"]),
    ("worker", &["worker.js", "doctor-worker.js"]),
    ("edge", &["edge.js", "doctor-edge.js"]),
];

/// The entries of `dockpass/syntax`, each in one file: they share nothing with the others.
const SYNTAX: [&str; 4] = ["syntax.js", "syntax-node.js", "syntax-worker.js", "syntax-edge.js"];

/// Entries on top of `client.js`, which they import. They are for pages; a server that renders pages may import them too.
const UI: [&str; 3] = ["elements", "errors", "sw"];

/// The name of an entry, and which names it exports.
type Entry = (&'static str, fn(&str) -> bool);

/// Entries of `CommonJS`, and what is in each. All are made of one file, so that there is one state.
const COMMON_JS: [Entry; 5] = [
    ("index.cjs", |name| !is_of_doctor(name)),
    ("client.cjs", is_of_client),
    ("doctor.cjs", is_of_doctor),
    ("syntax.cjs", is_of_syntax),
    ("inline.cjs", |_| true),
];

/// The file that the entries of `CommonJS` are made of.
const COMMON: &str = "lib/common.cjs";

fn is_of_doctor(name: &str) -> bool {
    ["diagnose", "preload"].contains(&name)
}

fn is_of_client(name: &str) -> bool {
    ["default", "DockpassError", "RegistryClient", "version"].contains(&name)
}

fn is_of_syntax(name: &str) -> bool {
    ["default", "DockpassError", "inspectToken", "parseChallenges", "version"].contains(&name)
}

/// Makes the folder `to` from the package's sources in `from`.
pub(super) fn build(from: &Path, to: &Path) -> Result<(), Failure> {
    let esbuild = npm::esbuild()?;
    let bundle = |entries: &[&str], options: &[&str]| {
        let mut command = process::command(&esbuild);
        command.args(entries).args([
            "--bundle",
            "--minify-whitespace",
            "--minify-syntax",
            "--log-level=warning",
        ]);
        command.args(["--external:node:*", "--external:*_bg.wasm", "--external:*_bg.wasm?module"]);
        command.arg("--inject:lib/text.js");
        command.args(options).arg(format!("--outdir={}", to.display())).current_dir(from);
        process::output(&mut command).map(|_| ())
    };
    eprintln!("▸ bundling the npm package");
    for (name, entries) in GROUPS {
        let shared = format!("--chunk-names=lib/{name}-[hash]");
        let later = ["--external:./syntax-*.js", "--external:./dist/*_inline.js"];
        bundle(entries, &[&["--format=esm", "--splitting", &shared], &later[..]].concat())?;
    }
    pages::bundle(from, to, bundle)?;
    bundle(&SYNTAX, &["--format=esm", "--external:./dist/*_inline.js"])?;
    bundle(&["inline.js"], &["--format=esm"])?;
    let ui = UI.map(|name| format!("{name}.js"));
    let ui: Vec<&str> = ui.iter().map(String::as_str).collect();
    let client = "--external:./client.js";
    bundle(&ui, &["--format=esm", "--splitting", client, "--chunk-names=lib/ui-[hash]"])?;
    bundle(&ui, &["--format=cjs", client, "--out-extension:.js=.cjs"])?;
    for name in UI {
        let path = to.join(name).with_extension("cjs");
        util::write(&path, util::read(&path)?.replace("./client.js", "./client.cjs"))?;
    }
    let common = ["--format=cjs", "--out-extension:.js=.cjs", "--entry-names=lib/common"];
    bundle(&["inline.js"], &common)?;
    let script = "console.log(Object.keys(require(process.argv[1])).join(' '))";
    let mut node = process::command("node");
    let names = process::output(node.args(["-e", script]).arg(to.join(COMMON)))?;
    for (name, has) in COMMON_JS {
        let names: Vec<&str> = names.split_whitespace().filter(|name| has(name)).collect();
        util::write(&to.join(name), common_js(&names))?;
    }
    for path in util::all_files(&from.join("dist")) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with("_inline.js") || util::has_extension(&name, &["wasm"]) {
            super::copy(&path, &to.join("dist").join(name))?;
        }
    }
    for path in texts(from) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(stem) = name.strip_suffix(".d.ts") {
            util::write(&to.join(format!("{stem}.d.cts")), for_common_js(&util::read(&path)?))?;
        }
        super::copy(&path, &to.join(name))?;
    }
    Ok(())
}

/// What is published as it is.
fn texts(from: &Path) -> Vec<PathBuf> {
    let is_text =
        |name: &str| name.ends_with(".d.ts") || ["README.md", "LICENSE", "package.json"].contains(&name);
    let own = |path: &PathBuf| {
        path.parent() == Some(from) && path.file_name().is_some_and(|name| is_text(&name.to_string_lossy()))
    };
    util::files(from).into_iter().filter(own).collect()
}

/// An entry of `CommonJS` with these exports, spelled out for tools that read them without running them.
fn common_js(names: &[&str]) -> String {
    let start = "'use strict'\nObject.defineProperty(exports, '__esModule', { value: true })\n";
    let exports = names.iter().map(|name| format!("exports.{name} = all.{name}\n"));
    format!("{start}const all = require('./{COMMON}')\n{}", exports.collect::<String>())
}

/// Types for importers in `CommonJS`: TypeScript takes the kind of a module from the name of its file.
fn for_common_js(types: &str) -> String {
    types.replace(".js'", ".cjs'")
}

/// The module as a script: its bytes in base64. Every bundler follows an import of it.
pub(super) fn inlined(module: &Path) -> Result<String, Failure> {
    let script = "process.stdout.write(require('node:fs').readFileSync(process.argv[1]).toString('base64'))";
    let mut node = process::command("node");
    let base64 = process::output(node.args(["-e", script]).arg(module))?;
    Ok(format!("export default '{}'\n", base64.trim()))
}

/// Whether a page may load this file of the package: others are for other runtimes.
pub(super) fn is_for_pages(name: &str) -> bool {
    let of_others = |(group, entries): &(&str, &[&str])| {
        entries.contains(&name) || name.starts_with(&format!("lib/{group}-"))
    };
    let is_other = name == "inline.js" || name.starts_with("syntax-") || GROUPS.iter().any(of_others);
    util::has_extension(name, &["js", "wasm"]) && !is_other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_gets_no_files_of_other_runtimes() {
        for name in ["index.js", "doctor.js", "lib/page.js", "dist/a_bg.wasm", "dist/a_inline.js"] {
            assert!(is_for_pages(name), "{name}");
        }
        for name in [
            "node.js",
            "lib/edge-AB12.js",
            "doctor-worker.js",
            "syntax-node.js",
            "inline.js",
            "index.cjs",
            "index.d.ts",
        ] {
            assert!(!is_for_pages(name), "{name}");
        }
    }

    #[test]
    fn types_for_common_js_name_files_of_common_js() {
        assert_eq!(for_common_js("import type { A } from './a.js'\n"), "import type { A } from './a.cjs'\n");
    }
}
