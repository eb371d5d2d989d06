//! Programs in Go that the tests run against: each folder of `tests/peers` is a Go module with pinned dependencies, with a
//! `main.go` of its own or with the program as its tool. Those of `tests/registries/peers` take long to build.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::util::Hash;
use crate::{process, util};

/// Builds the missing programs and returns a folder that contains each program under its name.
pub(crate) fn folder() -> Result<PathBuf, Failure> {
    link(modules())
}

/// The same, including the programs that take long to build.
pub(crate) fn folder_with_heavy() -> Result<PathBuf, Failure> {
    link([modules(), modules_of("tests/registries/peers")].concat())
}

/// The programs that check what is in `deploy`.
pub(crate) fn folder_for_deployment() -> Result<PathBuf, Failure> {
    link(modules_of("tests/deploy/peers"))
}

fn link(modules: Vec<PathBuf>) -> Result<PathBuf, Failure> {
    let folder = util::target().join("peers");
    util::remove(&folder)?;
    util::create_dir(&folder)?;
    for module in modules {
        let name = module.file_name().unwrap_or_default();
        let program = build(&module)?;
        let link = folder.join(name);
        std::os::unix::fs::symlink(&program, &link).map_err(Failure::io("link", &link))?;
    }
    Ok(folder)
}

/// The programs' names with the module versions that they were built from.
pub(crate) fn versions() -> Result<Vec<(String, String)>, Failure> {
    let mut list = Vec::new();
    for module in modules() {
        let name = module.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let manifest = util::read(&module.join("go.mod"))?;
        list.push((
            format!("{name} (built)"),
            required(&manifest).unwrap_or("no version in go.mod").to_owned(),
        ));
    }
    Ok(list)
}

fn modules() -> Vec<PathBuf> {
    modules_of("tests/peers")
}

fn modules_of(folder: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(util::root().join(folder)) else { return Vec::new() };
    let mut list: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.join("go.mod").is_file()).collect();
    list.sort();
    list
}

fn build(module: &Path) -> Result<PathBuf, Failure> {
    let name = module.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let sources: Vec<PathBuf> = util::files(module)
        .into_iter()
        .filter(|path| {
            let go = path.extension() == Some(OsStr::new("go"));
            go || ["go.mod", "go.sum"].iter().any(|name| path.file_name() == Some(OsStr::new(name)))
        })
        .collect();
    let manifest = util::read(&module.join("go.mod"))?;
    let (upstream, version) = required(&manifest).and_then(|line| line.split_once(' ')).unwrap_or_default();
    let flags = format!("-ldflags=-s -w -X main.module={upstream} -X main.version={version}");
    let key = Hash::new().add_files(&sources)?.add(&flags).hex();
    let program = util::cache()?.join("bin").join(format!("{name}-{key}"));
    if program.is_file() {
        return Ok(program);
    }
    util::create_dir(&util::cache()?.join("bin"))?;
    let unfinished = program.with_extension(format!("{}.part", std::process::id()));
    let mut go = process::command("go");
    let source = if module.join("main.go").is_file() { "." } else { "tool" };
    go.args(["build", "-trimpath", &flags, "-o"]).arg(&unfinished).arg(source);
    go.current_dir(module).env("GOFLAGS", "-mod=readonly -buildvcs=false");
    process::quiet(&format!("building {name} with Go (once)"), &mut go)?;
    std::fs::rename(&unfinished, &program).map_err(Failure::io("create", &program))?;
    Ok(program)
}

/// The module that a `go.mod` is for: the one of its tool, or its first direct requirement.
fn required(manifest: &str) -> Option<&str> {
    let lines = || manifest.lines().map(|line| line.strip_prefix("require ").unwrap_or(line).trim());
    if let Some(tool) = manifest.lines().find_map(|line| line.strip_prefix("tool ")) {
        let holds = |line: &str| line.split_once(' ').is_some_and(|(path, _)| tool.starts_with(path));
        return lines().find(|line| holds(line)).map(|line| line.trim_end_matches("// indirect").trim_end());
    }
    lines().find(|line| {
        !line.ends_with("// indirect")
            && line.contains('/')
            && line.contains(" v")
            && !line.starts_with("module")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_named_by_its_first_direct_requirement() {
        let manifest = "module dockpass.test/crane\n\ngo 1.25\n\nrequire (\n\tgithub.com/a/b v1.0.0 // indirect\n\
                        \tgithub.com/google/go-containerregistry v0.20.6\n)\n";
        assert_eq!(required(manifest), Some("github.com/google/go-containerregistry v0.20.6"));
        assert_eq!(required("module x\nrequire github.com/a/b v2.0.0\n"), Some("github.com/a/b v2.0.0"));
        assert_eq!(required("module x\n"), None);
        let tool = "module x\n\ntool a.example/b/cmd/c\n\nrequire (\n\ta.example/a v0.1.0 // indirect\n\
                    \ta.example/b v1.3.6 // indirect\n)\n";
        assert_eq!(required(tool), Some("a.example/b v1.3.6"));
    }
}
