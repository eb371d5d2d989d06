//! The command line. The doc comments of the types below are its `--help`.

// The comments are printed in a terminal, where Markdown is not rendered.
#![expect(clippy::doc_markdown, rustdoc::bare_urls, reason = "the comments are the text of `--help`")]

#[cfg(test)]
mod tests;

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{ArgMatches, Args, CommandFactory as _, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::failure::Failure;

/// The commands of the dockpass project
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    arg_required_else_help = true,
    after_help = "\
To try it: run, test. To change it: lint, wasm, ci, dist. To measure it: bench, fuzz, mutants.

Each command installs what it needs: system packages if it runs as root on Debian or Ubuntu, everything
else into $XDG_CACHE_HOME/dockpass or ~/.cache/dockpass. If it cannot install system packages, it prints
the command to type. Exit codes: 1 a step failed, 64 invalid usage, 69 a program is missing or an address
is in use, 74 a file could not be read or written."
)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

/// One parsed command line.
#[derive(Debug, PartialEq, Subcommand)]
pub(crate) enum Command {
    /// Run the key server with the page and a demo registry until Ctrl-C; print address and logins
    Run(RunOptions),
    /// Run all tests; the last line is: N passed, N failed
    ///
    /// A part that runs no test counts as failed. All servers listen on loopback only.
    Test {
        /// Run this part only; may be repeated. Without it, all but `bundlers`, `deploy` and `registries`
        #[arg(long, value_enum)]
        only: Vec<Part>,
    },
    /// Build the browser module and the page; print the sizes of what a page loads
    ///
    /// Skips unchanged parts. Uses the active toolchain if it has the target (rustup target add wasm32-unknown-unknown).
    /// Otherwise uses a toolchain with the source of the standard library, such as Debian's, and builds the library once
    /// into the cache.
    Wasm {
        /// Fail if an entry of the packed npm package exceeds client-wasm/size-budget.toml
        #[arg(long)]
        check: bool,
    },
    /// Run all checks that do not run the code; warnings are errors
    Lint {
        /// Format the code, and apply the fixes that the linters suggest
        #[arg(long)]
        fix: bool,
    },
    /// Run the same as continuous integration: lint, the size budget and test
    Ci,
    /// Build the release artefacts target/dist/dockpass-VERSION.tgz and target/dist/dockpass-keyserver
    Dist,
    /// Build the key server as an OCI image: target/dist/dockpass-keyserver-VERSION.oci.tar
    ///
    /// The image contains the static program and certificate authorities only. Needs buildah, no daemon and no base image.
    Image,
    /// Run the key server through faults for a long time: its upstreams, its store, DNS, its log, descriptors, the clock
    ///
    /// Fails at the first wrong response, secret in a log, or end of the process.
    Soak {
        /// How long it runs
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
        minutes: u64,
    },
    /// Run the benchmarks; they assert nothing
    Bench {
        /// Benchmarks to run; all by default
        #[arg(value_enum)]
        what: Option<Bench>,
    },
    /// Fuzz the parsers with cargo-fuzz; needs a nightly toolchain
    ///
    /// The input of a crash is written to protocol/fuzz/artifacts or keyserver/fuzz/artifacts.
    Fuzz {
        /// How long each target runs
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
        minutes: u64,
        /// Fuzz targets, as in protocol/fuzz/fuzz_targets and keyserver/fuzz/fuzz_targets; all by default
        targets: Vec<String>,
    },
    /// Run mutation tests with cargo-mutants; fails if a mutant survives
    Mutants {
        /// Modules of protocol and protocol/syntax; by default those of .cargo/mutants.toml
        modules: Vec<String>,
    },
    /// Install everything that any command needs, and print versions and paths
    Tools,
}

/// The options of `run`.
#[derive(Debug, PartialEq)]
pub(crate) struct RunOptions {
    /// The user's own registries; none means the demo registry.
    pub(crate) registries: Vec<OwnRegistry>,
    /// Address the key server listens on.
    pub(crate) listen: String,
    /// Origins of pages that may use the key server as well.
    pub(crate) page_origins: Vec<String>,
    /// Build with the release profile.
    pub(crate) release: bool,
}

/// A registry given with `--registry`, and the token services on other origins that it may name.
#[derive(Debug, PartialEq)]
pub(crate) struct OwnRegistry {
    /// Origin, with `https://` if no scheme was typed.
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
    /// The realm of the preceding --registry, if its token service is on another host. Not needed for Docker Hub,
    /// GitLab.com and nvcr.io
    #[arg(long, value_name = "URL", requires = "registry")]
    realm: Vec<String>,
    /// Address that the key server listens on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8780")]
    listen: String,
    /// The same as --listen 127.0.0.1:N; 0 selects a free port
    #[arg(long, value_name = "N", conflicts_with = "listen")]
    port: Option<u16>,
    /// Allow pages of this origin, e.g. http://localhost:9000, to use the key server; may be repeated. With the demo, those of
    /// http://localhost on the ports of common development servers may
    #[arg(long, value_name = "URL")]
    page_origin: Vec<String>,
    /// Build with optimisations; takes minutes the first time
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
    /// The packed npm package, in Node.js and in Chromium
    Js,
    /// The page in Chromium, against real registries and token services; needs Go as well
    E2e,
    /// The running key server against docs/openapi.json, by requests that Schemathesis makes up; one minute
    Openapi,
    /// The packed npm package in bundlers, frameworks and runtimes; runs only if named. Installs 1.5 GB of them from npm into
    /// target/bundlers, then takes about ten minutes
    Bundlers,
    /// What is in `deploy`: the systemd unit, the image in a registry, compose file, Helm chart and proxies; runs only if
    /// named. Builds the release, and Helm and Traefik once; needs buildah, docker-compose, Caddy, systemd and strace as well
    Deploy,
    /// Gitea and Keycloak; runs only if named. Builds and installs them once, which takes many minutes; needs a C compiler,
    /// Java 17 and Maven as well
    Registries,
}

impl Part {
    /// The parts that run when none is named, in running order.
    pub(crate) const ALL: [Self; 5] = [Self::Unit, Self::Wasm, Self::Js, Self::E2e, Self::Openapi];

    /// The word typed after `--only`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Wasm => "wasm",
            Self::Js => "js",
            Self::E2e => "e2e",
            Self::Openapi => "openapi",
            Self::Bundlers => "bundlers",
            Self::Deploy => "deploy",
            Self::Registries => "registries",
        }
    }

    /// The parts to run: each once, in running order.
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
    /// The parsers, compared with similar libraries
    Protocol,
    /// The npm package in Node.js, in Chromium and, if it is installed, in Firefox, compared with similar libraries
    Wasm,
    /// Sessions, token cache and gateway
    Keyserver,
    /// Requests and time per task of the npm package's client, beside one written by hand
    Client,
    /// The files that a page loads: raw, gzip and brotli
    Size,
}

/// Parses the arguments after `cargo xtask`. `None` if they request help, which is then printed.
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

/// A `--realm` belongs to the `--registry` before it, so their positions are needed.
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
                let text = "--realm must follow the --registry that it belongs to";
                return Err(CommandLine::command().error(ErrorKind::MissingRequiredArgument, text));
            };
            registry.realms.push(realm);
        }
        let listen = flags.port.map_or(flags.listen, |port| format!("127.0.0.1:{port}"));
        let registries = registries.into_iter().map(|(_, registry)| registry).collect();
        Ok(Self { registries, listen, page_origins: flags.page_origin, release: flags.release })
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
