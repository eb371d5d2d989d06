//! The entries of the npm package for pages, in few files: a page that is not built loads one file, what all entries share,
//! what the entries with a client share, and a module.
//!
//! esbuild can split what entries share by itself, but into one file for each set of entries that share something. Here the
//! sets are given: a source file `lib/NAME.js` that exports everything of other modules (`export * from './MODULE.js'`) is
//! bundled into one file, and whatever imports one of these modules imports that file.

use std::collections::HashSet;
use std::path::Path;

use crate::failure::Failure;
use crate::util;

/// What is bundled, in order: shared files, what is loaded later, entries. Each imports the shared files before it.
const FILES: [&str; 8] = [
    "lib/base.js",
    "lib/page.js",
    "lib/content.js",
    "lib/more.js",
    "lib/reading.js",
    "index.js",
    "client.js",
    "doctor.js",
];
/// Those of them that are shared.
const SHARED: [&str; 2] = ["base", "page"];
/// What stays an import, because it is loaded later.
const LATER: [&str; 5] = ["./content.js", "./more.js", "./reading.js", "./index.js", "./dist/*_inline.js"];
/// The same, of the doctor's entry alone: elsewhere `./syntax.js` is the file in `lib`.
const LATER_OF_DOCTOR: &str = "--external:./syntax.js";
/// Modules without state, of which more than one file may have a copy.
const COPIED: [&str; 6] =
    ["lib/arguments.js", "lib/claims.js", "lib/rest.js", "lib/syntax.js", "lib/tape.js", "lib/text.js"];

/// A shared file, and the modules that are in it.
struct Shared {
    name: &'static str,
    modules: Vec<String>,
}

/// Bundles the files from the package's sources in `from` to the folder `to`.
///
/// # Errors
/// When a module would be in two files: each would have a state of its own.
pub(super) fn bundle(
    from: &Path,
    to: &Path,
    esbuild: impl Fn(&[&str], &[&str]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let report = util::target().join("package-inputs.json");
    let mut shared: Vec<Shared> = Vec::new();
    let mut seen = HashSet::new();
    for file in FILES {
        let mut options = vec!["--format=esm".to_owned(), "--outbase=.".to_owned()];
        options.push(format!("--metafile={}", report.display()));
        options.extend(LATER.map(|path| format!("--external:{path}")));
        options.extend((file == "doctor.js").then(|| LATER_OF_DOCTOR.to_owned()));
        for module in shared.iter().flat_map(|file| &file.modules) {
            options.extend(["./", "./lib/"].map(|folder| format!("--external:{folder}{module}.js")));
        }
        esbuild(&[file], &options.iter().map(String::as_str).collect::<Vec<&str>>())?;
        let path = to.join(file);
        let folder = if file.starts_with("lib/") { "./" } else { "./lib/" };
        util::write(&path, with_shared(util::read(&path)?, &shared, folder))?;
        for source in inputs(&util::read(&report)?)? {
            if !COPIED.contains(&source.as_str()) && !seen.insert(source.clone()) {
                let text = format!(
                    "{source} would be in two files of the npm package: client-wasm/npm/lib/page.js has to list it"
                );
                return Err(Failure::Failed(text));
            }
        }
        let name = |name: &&&'static str| file == format!("lib/{name}.js");
        if let Some(&name) = SHARED.iter().find(name) {
            shared.push(Shared { name, modules: listed(&util::read(&from.join(file))?) });
        }
    }
    Ok(())
}

/// The modules that a file of `export * from './NAME.js'` lists.
fn listed(text: &str) -> Vec<String> {
    let names = text.lines().filter_map(|line| line.strip_prefix("export * from './")?.strip_suffix(".js'"));
    names.map(str::to_owned).collect()
}

/// A bundled file that imports shared modules from the files that they are in, which are in `folder`.
fn with_shared(mut text: String, shared: &[Shared], folder: &str) -> String {
    for Shared { name, modules } in shared {
        for module in modules {
            for at in ["./", "./lib/"] {
                text = text.replace(&format!("\"{at}{module}.js\""), &format!("\"{folder}{name}.js\""));
            }
        }
    }
    text
}

/// The sources that a file was bundled from, of the bundler's report.
fn inputs(report: &str) -> Result<Vec<String>, Failure> {
    let unread = || Failure::Failed("esbuild's report of inputs cannot be read".to_owned());
    let report: serde_json::Value = serde_json::from_str(report).map_err(|_| unread())?;
    let inputs = report.get("inputs").and_then(serde_json::Value::as_object).ok_or_else(unread)?;
    Ok(inputs.keys().cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_modules_are_imported_from_their_file() {
        let shared = [
            Shared { name: "base", modules: listed("// x\nexport * from './error.js'\n") },
            Shared {
                name: "page",
                modules: listed("export * from './client.js'\nexport { a } from './b.js'\n"),
            },
        ];
        let text =
            r#"import{a}from"./error.js";import"./lib/client.js";import("./more.js");import{b}from"./b.js""#;
        let expected =
            r#"import{a}from"./lib/base.js";import"./lib/page.js";import("./more.js");import{b}from"./b.js""#;
        assert_eq!(with_shared(text.to_owned(), &shared, "./lib/"), expected);
    }

    #[test]
    fn the_report_is_read() {
        assert_eq!(inputs(r#"{"inputs":{"lib/a.js":{"bytes":1}},"outputs":{}}"#).unwrap(), ["lib/a.js"]);
        assert!(inputs("{}").is_err());
    }
}
