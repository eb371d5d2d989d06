//! `cargo xtask wasm`: builds the browser module, the npm package's `dist/` and the page.

mod modules;
mod package;
mod pages;
mod size;

use std::path::{Path, PathBuf};

use self::modules::{MODULES, Module, OF_GLUE, WASM_OPT};
use crate::failure::Failure;
use crate::tools::{bindgen, npm, rust_wasm, system};
use crate::util::Hash;
use crate::{process, util};

/// The npm package's folder.
pub(crate) fn package() -> PathBuf {
    util::root().join("client-wasm/npm")
}

/// The npm package as it is published, made of the sources in [`package()`].
pub(crate) fn published() -> PathBuf {
    package().join("dist/package")
}

/// The folder of the page. The key server's build script embeds it.
pub(crate) fn page() -> PathBuf {
    util::target().join("www")
}

/// Builds module and page and prints the sizes; with `check`, fails if a size exceeds the budget.
pub(crate) fn wasm(check: bool) -> Result<(), Failure> {
    build()?;
    let folder = rust_wasm::target().join("packed");
    util::remove(&folder)?;
    let tarball = pack(&folder)?;
    let mut tar = process::command("tar");
    process::output(tar.arg("-xzf").arg(&tarball).arg("-C").arg(&folder))?;
    let (table, breaches) = size::measure(&folder.join("package"))?;
    print!("{table}");
    if check && !breaches.is_empty() {
        return Err(Failure::Failed(breaches.join("\n✗ ")));
    }
    for breach in breaches {
        println!("{breach}");
    }
    Ok(())
}

/// Packs the npm package into a folder and returns the path of the tarball.
pub(crate) fn pack(folder: &Path) -> Result<PathBuf, Failure> {
    util::create_dir(folder)?;
    let mut npm = process::command("npm");
    npm.args(["pack", "--ignore-scripts", "--pack-destination"]).arg(folder).current_dir(published());
    process::quiet("packing the npm package", &mut npm)?;
    let tarball = folder.join(format!("dockpass-{}.tgz", env!("CARGO_PKG_VERSION")));
    if tarball.is_file() {
        return Ok(tarball);
    }
    let text =
        "name and version in client-wasm/npm/package.json differ from those in the workspace's Cargo.toml";
    Err(Failure::Failed(text.to_owned()))
}

/// Builds module and page, unless they are up to date.
pub(crate) fn build() -> Result<(), Failure> {
    system::require(&system::Requirement::BROWSER_MODULE)?;
    // Built in parallel with the standard library.
    let bindgen = bindgen::generator()?;
    let toolchain = rust_wasm::module_toolchain()?;
    let bindgen = bindgen.wait()?;
    let wasm_opt = npm::wasm_opt()?;

    let dist = package().join("dist");
    let stamp = rust_wasm::target().join("module.stamp");
    let key = key(&toolchain, &bindgen)?;
    let is_there = |module: &Module| {
        ["{}.js", "{}_bg.wasm", "{}_inline.js", "{}.d.ts"]
            .iter()
            .all(|file| dist.join(file.replace("{}", module.name)).is_file())
    };
    let complete = MODULES.iter().all(is_there);
    if complete && std::fs::read_to_string(&stamp).is_ok_and(|old| old == key) {
        eprintln!("▸ the browser module is up to date");
        return stage();
    }

    let scratch = rust_wasm::target().join("dist");
    util::remove(&scratch)?;
    for module in &MODULES {
        make(module, &toolchain, [&bindgen, &wasm_opt], &scratch)?;
    }
    sync(&scratch, &dist)?;
    util::write(&stamp, key)?;
    stage()
}

/// Builds a module with the toolchain, `wasm-bindgen` and `wasm-opt` into a folder.
fn make(
    module: &Module,
    toolchain: &rust_wasm::Toolchain,
    [bindgen, wasm_opt]: [&Path; 2],
    folder: &Path,
) -> Result<(), Failure> {
    let Module { name, package, features, small, flags, optimise, is_called_by_glue, .. } = module;
    let arguments = ["build", "--package", package, "--lib", "--profile", "wasm"];
    let mut cargo = toolchain.cargo_with(&arguments, flags);
    if !features.is_empty() {
        cargo.args(["--no-default-features", "--features", features]);
    }
    if *small {
        cargo.args(["--config", "profile.wasm.package.dockpass-syntax.opt-level='z'"]);
    }
    process::quiet(&format!("building the browser module {name}"), &mut cargo)?;
    let built = format!("wasm/{}.wasm", package.replace('-', "_"));
    let built = rust_wasm::target().join(rust_wasm::TARGET).join(built);
    let mut bind = process::command(bindgen);
    bind.arg(&built).arg(name).arg(folder);
    process::quiet("generating the JavaScript", &mut bind)?;
    let glue = folder.join(name).with_extension("js");
    util::write(&glue, with_our_loader(&without_docs(&util::read(&glue)?))?)?;
    let types = folder.join(format!("{name}.d.ts"));
    util::write(&types, with_types_of_our_loader(&util::read(&types)?)?)?;
    let bound = folder.join(format!("{name}_bg.wasm"));
    let mut wasm_opt = process::command(wasm_opt);
    if !is_called_by_glue {
        wasm_opt.args(OF_GLUE);
    }
    wasm_opt.args(*optimise).args(WASM_OPT).arg(&bound).arg("-o").arg(&bound);
    process::quiet("optimising the browser module", &mut wasm_opt)?;
    util::write(&folder.join(format!("{name}_inline.js")), package::inlined(&bound)?).map(|_| ())
}

/// Generated JavaScript without the documentation that is copied from Rust, which is half of it and not a public API.
fn without_docs(script: &str) -> String {
    let mut kept = String::with_capacity(script.len());
    let mut inside = false;
    for line in script.lines() {
        inside |= line.trim_start().starts_with("/**");
        if !inside {
            kept.push_str(line);
            kept.push('\n');
        }
        inside &= !line.trim_end().ends_with("*/");
    }
    kept
}

/// Generated JavaScript with its imports and its start in place of its loader: `lib/compile.js` loads, with errors that say
/// what was tried, and without looking at `Response`, which takes 25 ms in Node.js.
fn with_our_loader(script: &str) -> Result<String, Failure> {
    let (kept, _) = script.split_once("async function __wbg_load(").ok_or_else(|| changed("a loader"))?;
    if !kept.contains("function __wbg_get_imports(") || !kept.contains("function __wbg_finalize_init(") {
        return Err(changed("imports and a start"));
    }
    Ok(format!("{kept}export {{ __wbg_get_imports as imports, __wbg_finalize_init as start }};\n"))
}

/// The types of the same.
fn with_types_of_our_loader(types: &str) -> Result<String, Failure> {
    let (kept, _) =
        types.split_once("export type SyncInitInput").ok_or_else(|| changed("types of a loader"))?;
    let start = "export function start(instance: WebAssembly.Instance): InitOutput;";
    Ok(format!("{kept}export function imports(): WebAssembly.Imports;\n{start}\n"))
}

fn changed(part: &str) -> Failure {
    Failure::Failed(format!("wasm-bindgen's JavaScript has no longer {part}: xtask/src/wasm.rs"))
}

/// Everything that the module is made from, and by what.
fn key(toolchain: &rust_wasm::Toolchain, bindgen: &Path) -> Result<String, Failure> {
    let shared = [
        "Cargo.toml",
        "Cargo.lock",
        "protocol/Cargo.toml",
        "protocol/src",
        "protocol/syntax/Cargo.toml",
        "protocol/syntax/src",
        "xtask/npm/package-lock.json",
    ];
    let own = MODULES
        .iter()
        .flat_map(|module| ["Cargo.toml", "src"].map(|path| format!("{}/{path}", module.folder)));
    let inputs: Vec<PathBuf> =
        shared.into_iter().map(str::to_owned).chain(own).map(|path| util::root().join(path)).collect();
    let recipe = concat!(include_str!("wasm.rs"), include_str!("wasm/modules.rs"));
    let hash = Hash::new().add(recipe).add(toolchain.key()).add(bindgen.display().to_string());
    Ok(hash.add_files(&inputs)?.hex())
}

/// The npm package, bundled; `www/`, what a page loads of the package, and the documentation → the page.
fn stage() -> Result<(), Failure> {
    let source = util::root().join("www");
    if !source.join("index.html").is_file() {
        return Err(Failure::Failed("www/index.html does not exist".to_owned()));
    }
    let scratch = util::target().join("www.new");
    util::remove(&scratch)?;
    // Types are for the checks of `cargo xtask lint`.
    for path in util::files(&source).iter().filter(|path| path.extension().is_none_or(|end| end != "ts")) {
        copy(path, &scratch.join(path.strip_prefix(&source).unwrap_or(path)))?;
    }
    let bundled = util::target().join("package.new");
    util::remove(&bundled)?;
    package::build(&package(), &bundled)?;
    sync(&bundled, &published())?;
    util::remove(&bundled)?;
    for name in published_files()?.iter().filter(|name| package::is_for_pages(name)) {
        copy(&published().join(name), &scratch.join("dockpass").join(name))?;
    }
    documentation(&scratch.join("docs"))?;
    sync(&scratch, &page())?;
    util::remove(&scratch)
}

/// Makes the pages under `/docs/` from the Markdown in `docs`.
fn documentation(to: &Path) -> Result<(), Failure> {
    let mut node = process::command("node");
    node.arg(util::root().join("docs/site/build.mjs")).arg(npm::modules()?).arg(to);
    process::output(&mut node).map(|_| ())
}

/// The files of the npm package as npm would publish them.
fn published_files() -> Result<Vec<String>, Failure> {
    let mut npm = process::command("npm");
    npm.args(["pack", "--dry-run", "--json", "--ignore-scripts"]).current_dir(published());
    published_names(&process::output(&mut npm)?)
}

fn published_names(json: &str) -> Result<Vec<String>, Failure> {
    let unread = || Failure::Failed(format!("`npm pack --json` printed what this cannot read: {json}"));
    let report: serde_json::Value = serde_json::from_str(json).map_err(|_| unread())?;
    // npm 11 prints a list, npm 12 an object by package name.
    let first = match &report {
        serde_json::Value::Object(by_name) => by_name.values().next(),
        list => list.get(0),
    };
    let files = first.and_then(|package| package.get("files")).and_then(serde_json::Value::as_array);
    let names = files.ok_or_else(unread)?.iter();
    Ok(names.filter_map(|file| file.get("path")?.as_str().map(str::to_owned)).collect())
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let content = std::fs::read(from).map_err(Failure::io("read", from))?;
    util::write(to, content).map(|_| ())
}

/// Makes `to` equal to `from`, and writes only files that differ.
fn sync(from: &Path, to: &Path) -> Result<(), Failure> {
    let below = |folder: &Path| -> Vec<PathBuf> {
        let strip = |path: PathBuf| path.strip_prefix(folder).map(Path::to_owned).unwrap_or(path);
        util::all_files(folder).into_iter().map(strip).collect()
    };
    let wanted = below(from);
    for path in below(to).iter().filter(|path| !wanted.contains(path)) {
        util::remove(&to.join(path))?;
    }
    for path in &wanted {
        copy(&from.join(path), &to.join(path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documentation_is_removed_and_code_is_kept() {
        let script =
            "/**\n * Of Rust.\n */\nexport function a() {\n    /** One line. */\n    return 1; // b\n}\n";
        assert_eq!(without_docs(script), "export function a() {\n    return 1; // b\n}\n");
    }

    #[test]
    fn a_changed_loader_is_noticed() {
        let script = "function __wbg_get_imports() {}\nfunction __wbg_finalize_init() {}\nasync function __wbg_load() {}\n";
        assert!(with_our_loader(script).unwrap().ends_with("as start };\n"));
        assert!(with_our_loader("function __wbg_get_imports() {}").is_err());
        assert!(with_types_of_our_loader("export function a(): void;").is_err());
    }

    #[test]
    fn the_published_files_are_read_from_npm() {
        let list =
            r#"[{"id":"dockpass@0.1.0","files":[{"path":"index.js","size":1},{"path":"dist/a.wasm"}]}]"#;
        assert_eq!(published_names(list).unwrap(), ["index.js", "dist/a.wasm"]);
        let object = r#"{"dockpass":{"files":[{"path":"index.js"}]}}"#;
        assert_eq!(published_names(object).unwrap(), ["index.js"]);
        assert!(published_names("npm warn").is_err());
        assert!(published_names("[]").is_err());
    }

    #[test]
    fn a_folder_is_made_equal_to_another() {
        let base = util::target().join("xtask-test-sync");
        util::remove(&base).unwrap();
        let (from, to) = (base.join("from"), base.join("to"));
        util::write(&from.join("a/one"), "1").unwrap();
        util::write(&to.join("old"), "0").unwrap();
        sync(&from, &to).unwrap();
        assert_eq!(util::files(&to), [to.join("a/one")]);
        util::remove(&base).unwrap();
    }
}
