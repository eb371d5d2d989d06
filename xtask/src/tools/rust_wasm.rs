//! A Rust toolchain for `wasm32-unknown-unknown`.
//!
//! A toolchain with the target's standard library is preferred (`rustup target add wasm32-unknown-unknown`). Otherwise a
//! toolchain with the source of the library is used, such as Debian's: the library is built once into a sysroot in the
//! cache, and builds need no unstable flag after that. Host crates are not affected.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::failure::Failure;
use crate::util::Hash;
use crate::{process, util};

/// The target's name.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// A compiler of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Candidate {
    /// The compiler's path; `None` for the one that runs with plain `cargo`.
    rustc: Option<PathBuf>,
    /// The output of `rustc -vV`.
    version: String,
    sysroot: PathBuf,
    /// The target's standard library is installed.
    has_target: bool,
    /// The standard library's source is installed.
    has_source: bool,
    /// A linker for the target.
    linker: Option<PathBuf>,
}

/// A toolchain that can build for the target.
#[derive(Clone, Debug)]
pub(crate) struct Toolchain {
    candidate: Candidate,
    /// The sysroot with the built standard library, if the toolchain has none.
    sysroot: Option<PathBuf>,
    panics: Panics,
}

/// The behaviour of a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Panics {
    /// Prints message and location, for tests.
    Report,
    /// Aborts without a message, which a page would not show. This makes the module 12 % smaller.
    Stop,
}

impl Panics {
    /// The crates of the standard library that are needed. Only tests need `test`.
    const fn crates(self) -> &'static str {
        match self {
            Self::Report => "-Zbuild-std=std,panic_abort,test",
            Self::Stop => "-Zbuild-std=std,panic_abort",
        }
    }

    /// Flags of the compiler. Unstable ones need `RUSTC_BOOTSTRAP`.
    const fn flags(self) -> &'static str {
        match self {
            Self::Report => "",
            Self::Stop => " -Zunstable-options -Cpanic=immediate-abort",
        }
    }
}

impl Toolchain {
    /// A cargo command for the target, with its own target folder: the host's crates would otherwise be rebuilt whenever the
    /// compiler changes.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        self.cargo_with(arguments, "")
    }

    /// The same with further flags of the compiler.
    pub(crate) fn cargo_with(&self, arguments: &[&str], further: &str) -> Command {
        let mut command = self.candidate.cargo(arguments);
        command.arg("--target").arg(TARGET).arg("--target-dir").arg(target());
        let mut flags = String::new();
        if let Some(sysroot) = &self.sysroot {
            flags = format!("--sysroot={}{}", sysroot.display(), self.panics.flags());
            if self.panics == Panics::Stop {
                command.env("RUSTC_BOOTSTRAP", "1");
            }
        }
        let flags = format!("{flags} {further}").trim().to_owned();
        command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", &flags);
        command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTDOCFLAGS", &flags);
        command
    }

    /// True when this toolchain has clippy.
    pub(crate) fn has_clippy(&self) -> bool {
        self.candidate.sysroot.join("bin/clippy-driver").is_file()
    }

    /// A description in one line.
    pub(crate) fn description(&self) -> String {
        let version = self.candidate.version.lines().next().unwrap_or_default();
        let library = if self.sysroot.is_some() {
            "standard library built from source"
        } else {
            "standard library installed"
        };
        format!("{version}, {library}")
    }

    /// By how many bytes a module is larger, compressed, than one with a standard library built for size (decision 0022).
    pub(crate) fn size_allowance(&self) -> u32 {
        if self.sysroot.is_some() { 0 } else { 7_500 }
    }

    /// A fingerprint, which changes with the toolchain.
    pub(crate) fn key(&self) -> String {
        format!("{}{:?}", self.candidate.version, self.sysroot)
    }
}

/// The target folder of everything built for the browser.
pub(crate) fn target() -> PathBuf {
    util::target().join("wasm")
}

impl Candidate {
    fn look_at(rustc: Option<PathBuf>) -> Option<Self> {
        let ask = |arguments: &[&str]| {
            let mut command = process::command(rustc.clone().unwrap_or_else(|| "rustc".into()));
            if rustc.is_some() {
                command.env_remove("RUSTUP_TOOLCHAIN");
            }
            process::output(command.args(arguments)).ok()
        };
        let version = ask(&["-vV"])?;
        let sysroot = PathBuf::from(ask(&["--print", "sysroot"])?.trim());
        // This fails for an unknown target; the library does not exist then either.
        let library = ask(&["--print", "target-libdir", "--target", TARGET]).unwrap_or_default();
        let has_target = util::files(Path::new(library.trim()))
            .iter()
            .any(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libstd-")));
        let has_source = sysroot.join("lib/rustlib/src/rust/library/Cargo.toml").is_file();
        let linker = linker(&sysroot, &version);
        Some(Self { rustc, version, sysroot, has_target, has_source, linker })
    }

    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = match &self.rustc {
            None => process::cargo(arguments),
            Some(rustc) => {
                // The cargo of the same toolchain, if there is one, because it must match the source of the standard library.
                let own = rustc.with_file_name("cargo");
                let mut command = if own.is_file() { process::command(own) } else { process::cargo(&[]) };
                command.args(arguments).env("RUSTC", rustc);
                for name in ["RUSTUP_TOOLCHAIN", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
                    command.env_remove(name);
                }
                command.env("RUSTDOC", rustc.with_file_name("rustdoc"));
                command
            }
        };
        // These would override the target's own flags.
        for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTDOCFLAGS", "CARGO_ENCODED_RUSTDOCFLAGS"] {
            command.env_remove(name);
        }
        if let Some(linker) = &self.linker {
            command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        command
    }
}

/// The compilers of this machine, the active one first.
fn candidates() -> &'static [Candidate] {
    static FOUND: OnceLock<Vec<Candidate>> = OnceLock::new();
    FOUND.get_or_init(look)
}

fn look() -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Candidate::look_at(None).into_iter().collect();
    // Debian's toolchain, which has the library's source.
    found.extend(Candidate::look_at(Some("/usr/bin/rustc".into())));
    found
}

/// Prefers an installed library to its source, and among equals the first one, which is the active toolchain.
fn choose(candidates: &[Candidate]) -> Option<&Candidate> {
    let usable = |candidate: &&Candidate| candidate.linker.is_some();
    let plain = candidates.iter().filter(usable).find(|candidate| candidate.has_target);
    plain.or_else(|| candidates.iter().filter(usable).find(|candidate| candidate.has_source))
}

/// Whether there is a toolchain. The result is not cached, because packages may be installed meanwhile.
pub(crate) fn is_available() -> bool {
    choose(&look()).is_some()
}

/// A linker for the target: the toolchain's own `rust-lld`, or LLVM's of the compiler's LLVM version. The path is passed
/// to the compiler, because it does not find the linker with another sysroot.
fn linker(sysroot: &Path, version: &str) -> Option<PathBuf> {
    let field = |name: &str| version.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let own = sysroot.join("lib/rustlib").join(field("host:")?).join("bin/rust-lld");
    if own.is_file() {
        return Some(own);
    }
    let llvm = field("LLVM version:").and_then(|llvm| llvm.split('.').next()).unwrap_or_default();
    ["rust-lld", &format!("wasm-ld-{llvm}")].into_iter().find_map(util::which)
}

/// The Debian packages of a toolchain with the library's source; `None` if they do not exist.
pub(crate) fn debian_packages() -> Option<Vec<String>> {
    let show = |package: &str| {
        let mut command = process::command("apt-cache");
        process::output(command.args(["show", "--no-all-versions", package])).ok()
    };
    // `rust-web-llvm` links rust-lld to Debian's lld of the right version, but brings a whole LLVM with it.
    let lld = format!("lld-{}", llvm_version(&show("rust-web-llvm")?)?);
    show("rustc-web").filter(|text| text.contains("Package: rustc-web"))?;
    Some(["rustc-web", "cargo-web", "rust-web-src", &lld].map(str::to_owned).to_vec())
}

/// `Depends: …, llvm-22` → `22`.
fn llvm_version(description: &str) -> Option<&str> {
    let depends = description.lines().find_map(|line| line.strip_prefix("Depends:"))?;
    let version =
        |name: &'_ str| -> bool { !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) };
    depends
        .split(',')
        .filter_map(|entry| entry.split_whitespace().next()?.strip_prefix("llvm-"))
        .find(|name| version(name))
}

/// The toolchain to check and test the browser's crate with. Builds its standard library if necessary.
pub(crate) fn toolchain() -> Result<Toolchain, Failure> {
    with_panics(Panics::Report)
}

/// The toolchain to build the browser module with. An installed standard library is used unchanged.
pub(crate) fn module_toolchain() -> Result<Toolchain, Failure> {
    with_panics(Panics::Stop)
}

fn with_panics(panics: Panics) -> Result<Toolchain, Failure> {
    let Some(candidate) = choose(candidates()) else {
        return Err(Failure::Unavailable(format!(
            "no Rust toolchain for the browser is installed; type: rustup target add {TARGET}"
        )));
    };
    let sysroot = if candidate.has_target { None } else { Some(standard_library(candidate, panics)?) };
    Ok(Toolchain { candidate: candidate.clone(), sysroot, panics })
}

/// The manifest of an empty crate: building it builds the standard library.
const EMPTY_CRATE: &str = "\
[package]
name = \"empty\"
version = \"0.0.0\"
edition = \"2024\"
[lib]
path = \"lib.rs\"
[workspace]
[profile.release]
opt-level = \"z\"
";

/// The arguments of the build. Optimising for size makes the whole module 8 % smaller (November 2026).
const BUILD: [&str; 2] = ["--release", "-Zbuild-std-features=optimize_for_size"];

/// Builds the standard library into the cache, once for each compiler and panic strategy.
fn standard_library(candidate: &Candidate, panics: Panics) -> Result<PathBuf, Failure> {
    let mut key = Hash::new().add(&candidate.version).add(EMPTY_CRATE);
    for argument in BUILD.into_iter().chain([panics.crates(), panics.flags()]) {
        key = key.add(argument);
    }
    let key = key.hex();
    let sysroot = util::cache()?.join(format!("sysroot-{key}"));
    let libraries = |root: &Path| root.join("lib/rustlib").join(TARGET).join("lib");
    if libraries(&sysroot).is_dir() {
        return Ok(sysroot);
    }
    // Built in a temporary folder and moved when complete, because another process may do the same at the same time.
    let scratch = util::cache()?.join(format!("building-{}-{key}", std::process::id()));
    util::remove(&scratch)?;
    util::write(&scratch.join("crate/Cargo.toml"), EMPTY_CRATE)?;
    util::write(&scratch.join("crate/lib.rs"), "#![no_std]\n")?;
    let mut cargo = candidate.cargo(&["build", "--target", TARGET]);
    cargo
        .args(BUILD)
        .arg(panics.crates())
        .current_dir(scratch.join("crate"))
        .arg("--target-dir")
        .arg(scratch.join("target"))
        .env("RUSTC_BOOTSTRAP", "1")
        // Without the bitcode, link-time optimisation would exclude the standard library.
        .env("RUSTFLAGS", format!("-Cembed-bitcode=yes{}", panics.flags()));
    process::quiet("building the standard library for the browser (once)", &mut cargo)?;
    let into = libraries(&scratch.join("sysroot"));
    util::create_dir(&into)?;
    let built = scratch.join("target").join(TARGET).join("release/deps");
    for path in util::files(&built) {
        let name = path.file_name().unwrap_or_default();
        let library = path.extension().is_some_and(|extension| extension == "rlib");
        if library && !name.to_string_lossy().starts_with("libempty-") {
            std::fs::copy(&path, into.join(name)).map_err(Failure::io("copy", &path))?;
        }
    }
    if let Err(error) = std::fs::rename(scratch.join("sysroot"), &sysroot)
        && !libraries(&sysroot).is_dir()
    {
        return Err(Failure::io("create", &sysroot)(error));
    }
    util::remove(&scratch)?;
    Ok(sysroot)
}
