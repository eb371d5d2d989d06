//! The command line: what can be typed. The comments of the types below are its `--help`.

// What is shown in a terminal, where backquotes and brackets are noise.
#![expect(clippy::doc_markdown, rustdoc::bare_urls, reason = "the comments are the text of `--help`")]

#[cfg(test)]
mod tests;

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{ArgMatches, Args, CommandFactory as _, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::failure::Failure;

/// Every command of dockpass
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    arg_required_else_help = true,
    after_help = "\
To see it work: run, test. To change it: lint, wasm, ci, dist. To measure it: bench, fuzz, mutants.

Each command installs what it needs: system packages as root on Debian or Ubuntu, everything else in
$XDG_CACHE_HOME/dockpass, else ~/.cache/dockpass. Where it may not, it names all that is missing, with
the command to type. Exit codes: 1 a step failed, 64 wrong usage, 69 something has to be installed or
freed first, 74 a file could not be read or written."
)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

/// One parsed command line.
#[derive(Debug, PartialEq, Subcommand)]
pub(crate) enum Command {
    /// Serve the page, the key server and a demo registry until Ctrl-C; print address and logins
    Run(RunOptions),
    /// Run every test and end with one line: N passed, N failed
    ///
    /// A part that runs no test counts as failed. Everything stays on loopback.
    Test {
        /// Runs this part; may be repeated. Without it, all but `registries`
        #[arg(long, value_enum)]
        only: Vec<Part>,
    },
    /// Build the browser module and lay out the page; show what a page loads
    ///
    /// Skips what has not changed. Takes the active toolchain if it has the target (rustup target add
    /// wasm32-unknown-unknown); else one with the standard library's source, such as Debian's, for which the library
    /// is built once into the cache.
    Wasm {
        /// Fail when an entry of the packed npm package is over client-wasm/size-budget.toml
        #[arg(long)]
        check: bool,
    },
    /// Check everything that is checked without running the code; warnings are errors
    Lint {
        /// Format, and apply what the linters can fix
        #[arg(long)]
        fix: bool,
    },
    /// Run what continuous integration runs: lint, the size budget, and test
    Ci,
    /// Build what is shipped: target/dist/dockpass-VERSION.tgz and target/dist/dockpass-keyserver
    Dist,
    /// Measure; asserts nothing
    Bench {
        /// What to measure; everything by default
        #[arg(value_enum)]
        what: Option<Bench>,
    },
    /// Fuzz the parsers with cargo-fuzz; needs a nightly toolchain
    ///
    /// A crash leaves its input in protocol/fuzz/artifacts.
    Fuzz {
        /// How long each target runs
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
        minutes: u64,
        /// Files of protocol/fuzz/fuzz_targets; all by default
        targets: Vec<String>,
    },
    /// Change the code with cargo-mutants and see whether a test notices; fails on a survivor
    Mutants {
        /// Modules of protocol and protocol/syntax; by default those of .cargo/mutants.toml
        modules: Vec<String>,
    },
    /// Install everything that any command needs, and say what was found where
    Tools,
}

/// What `run` was asked to serve.
#[derive(Debug, PartialEq)]
pub(crate) struct RunOptions {
    /// The person's own registries; none means the demo registry.
    pub(crate) registries: Vec<OwnRegistry>,
    /// Address the key server listens on.
    pub(crate) listen: String,
    /// Build with the release profile.
    pub(crate) release: bool,
}

/// A registry given with `--registry`, and the token services that may be asked for it besides its own origin.
#[derive(Debug, PartialEq)]
pub(crate) struct OwnRegistry {
    /// Origin, `https://` put before it when no scheme was typed.
    pub(crate) url: String,
    /// Values of `--realm`.
    pub(crate) realms: Vec<String>,
}

/// The options of `run` as they are typed.
#[derive(Args, Debug)]
struct RunFlags {
    /// Your own registry instead of the demo, e.g. https://registry.example.com; may be repeated
    #[arg(long, value_name = "URL")]
    registry: Vec<String>,
    /// A token service on another host that the registry before it may send logins to, as the registry names it. Not
    /// needed for Docker Hub, GitLab.com, nvcr.io and on the registry's own origin
    #[arg(long, value_name = "URL", requires = "registry")]
    realm: Vec<String>,
    /// Where the key server listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8780")]
    listen: String,
    /// The same as --listen 127.0.0.1:N; 0 takes any free port
    #[arg(long, value_name = "N", conflicts_with = "listen")]
    port: Option<u16>,
    /// Optimised build: minutes the first time
    #[arg(long)]
    release: bool,
}

/// The parts of `test`, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// cargo test of every package; needs Rust and redis-server
    Unit,
    /// The browser module in headless Chromium
    Wasm,
    /// The npm package by its published name, in Node.js and in Chromium
    Js,
    /// Chromium on the page, against real registries and token services; needs Go as well
    E2e,
    /// Gitea and Keycloak, only when it is named: builds and installs them once, which takes many minutes; needs a C
    /// compiler, Java 17 and Maven besides
    Registries,
}

impl Part {
    /// The parts that run when none is named, in running order.
    pub(crate) const ALL: [Self; 4] = [Self::Unit, Self::Wasm, Self::Js, Self::E2e];

    /// The word typed after `--only`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Wasm => "wasm",
            Self::Js => "js",
            Self::E2e => "e2e",
            Self::Registries => "registries",
        }
    }

    /// What to run for the parts typed: each once, in running order.
    pub(crate) fn chosen(only: &[Self]) -> Vec<Self> {
        if only.is_empty() {
            return Self::ALL.to_vec();
        }
        Self::value_variants().iter().copied().filter(|part| only.contains(part)).collect()
    }
}

/// What `bench` measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Bench {
    /// The parsers, beside their peers
    Protocol,
    /// The npm package in Node.js, beside its peers
    Wasm,
    /// Sessions, token cache and gateway
    Keyserver,
    /// What a page loads, raw, gzip and brotli
    Size,
}

/// Reads the arguments that follow `cargo xtask`; `None` when what was asked for was help, which is then printed.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Option<Command>, Failure> {
    match CommandLine::try_parse_from(std::iter::once("cargo xtask".into()).chain(arguments)) {
        Ok(line) => Ok(Some(line.command)),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                println!("{}", error.render());
                Ok(None)
            }
            _ => Err(Failure::Usage(error.render().to_string().trim_start_matches("error: ").to_owned())),
        },
    }
}

/// A `--realm` belongs to the `--registry` before it, which only their places tell.
impl FromArgMatches for RunOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let flags = RunFlags::from_arg_matches(matches)?;
        let places = |name: &str| matches.indices_of(name).into_iter().flatten().collect::<Vec<_>>();
        let mut registries: Vec<(usize, OwnRegistry)> = Vec::new();
        for (place, typed) in places("registry").into_iter().zip(&flags.registry) {
            registries.push((place, OwnRegistry { url: origin(typed), realms: Vec::new() }));
        }
        for (place, realm) in places("realm").into_iter().zip(flags.realm) {
            let Some((_, registry)) = registries.iter_mut().rev().find(|(before, _)| *before < place) else {
                let text = "--realm belongs after the --registry it is for";
                return Err(CommandLine::command().error(ErrorKind::MissingRequiredArgument, text));
            };
            registry.realms.push(realm);
        }
        let listen = flags.port.map_or(flags.listen, |port| format!("127.0.0.1:{port}"));
        let registries = registries.into_iter().map(|(_, registry)| registry).collect();
        Ok(Self { registries, listen, release: flags.release })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for RunOptions {
    fn augment_args(command: clap::Command) -> clap::Command {
        RunFlags::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        RunFlags::augment_args_for_update(command)
    }
}

/// `registry.example.com/` → `https://registry.example.com`.
fn origin(typed: &str) -> String {
    let typed = typed.trim_end_matches('/');
    if typed.contains("://") { typed.to_owned() } else { format!("https://{typed}") }
}
