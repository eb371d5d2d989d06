//! The command line: what can be typed, and the help that teaches it.

mod help;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::num::NonZeroU64;

use lexopt::prelude::*;

use crate::failure::Failure;

/// One parsed command line.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Help(&'static str),
    Run(RunOptions),
    Test(Vec<Part>),
    Wasm { check: bool },
    Lint { fix: bool },
    Ci,
    Dist,
    Bench(Bench),
    Fuzz { minutes: u64, targets: Vec<String> },
    Mutants(Vec<String>),
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

/// The parts of `test`, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Unit,
    Wasm,
    Js,
    E2e,
    Registries,
}

impl Part {
    /// The parts that run when none is named, in running order.
    pub(crate) const ALL: [Self; 4] = [Self::Unit, Self::Wasm, Self::Js, Self::E2e];

    /// Those and the one that is run by name only, because its servers take long to build.
    const NAMED: [Self; 5] = [Self::Unit, Self::Wasm, Self::Js, Self::E2e, Self::Registries];

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
}

/// What `bench` measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bench {
    All,
    Protocol,
    Wasm,
    KeyServer,
    Size,
}

/// Port of the key server when none is typed; also the key server's own default.
const DEFAULT_LISTEN: &str = "127.0.0.1:8780";

/// Reads the arguments that follow `cargo xtask`.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Command, Failure> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let command = match parser.next().map_err(usage)? {
        None | Some(Short('h') | Long("help")) => return Ok(Command::Help(help::OVERVIEW)),
        Some(Value(word)) => word.string().map_err(usage)?,
        Some(other) => return Err(usage(other.unexpected())),
    };
    match command.as_str() {
        "run" => run(&mut parser),
        "test" => test(&mut parser),
        "wasm" => switch(&mut parser, "check", help::WASM, |check| Command::Wasm { check }),
        "lint" => switch(&mut parser, "fix", help::LINT, |fix| Command::Lint { fix }),
        "ci" => bare(&mut parser, help::CI, Command::Ci),
        "dist" => bare(&mut parser, help::DIST, Command::Dist),
        "tools" => bare(&mut parser, help::TOOLS, Command::Tools),
        "bench" => bench(&mut parser),
        "fuzz" => fuzz(&mut parser),
        "mutants" => words(&mut parser, help::MUTANTS, Command::Mutants),
        "help" => help_of(&mut parser),
        other => Err(Failure::Usage(format!("there is no command `{other}`\n\n{}", help::OVERVIEW))),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn usage(error: lexopt::Error) -> Failure {
    Failure::Usage(format!("{error}; see `cargo xtask --help`"))
}

fn help_of(parser: &mut lexopt::Parser) -> Result<Command, Failure> {
    match parser.next().map_err(usage)? {
        Some(Value(word)) => {
            let word = word.string().map_err(usage)?;
            parse([OsString::from(word), OsString::from("--help")].into_iter())
        }
        Some(other) => Err(usage(other.unexpected())),
        None => Ok(Command::Help(help::OVERVIEW)),
    }
}

fn bare(parser: &mut lexopt::Parser, help: &'static str, command: Command) -> Result<Command, Failure> {
    match parser.next().map_err(usage)? {
        None => Ok(command),
        Some(Short('h') | Long("help")) => Ok(Command::Help(help)),
        Some(other) => Err(usage(other.unexpected())),
    }
}

fn switch(
    parser: &mut lexopt::Parser,
    name: &str,
    help: &'static str,
    command: impl FnOnce(bool) -> Command,
) -> Result<Command, Failure> {
    let mut on = false;
    while let Some(argument) = parser.next().map_err(usage)? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help(help)),
            Long(flag) if flag == name => on = true,
            other => return Err(usage(other.unexpected())),
        }
    }
    Ok(command(on))
}

fn words(
    parser: &mut lexopt::Parser,
    help: &'static str,
    command: impl FnOnce(Vec<String>) -> Command,
) -> Result<Command, Failure> {
    let mut list = Vec::new();
    while let Some(argument) = parser.next().map_err(usage)? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help(help)),
            Value(word) => list.push(word.string().map_err(usage)?),
            other => return Err(usage(other.unexpected())),
        }
    }
    Ok(command(list))
}

fn run(parser: &mut lexopt::Parser) -> Result<Command, Failure> {
    let mut options =
        RunOptions { registries: Vec::new(), listen: DEFAULT_LISTEN.to_owned(), release: false };
    while let Some(argument) = parser.next().map_err(usage)? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help(help::RUN)),
            Long("registry") => {
                let url = origin(&text(parser)?);
                options.registries.push(OwnRegistry { url, realms: Vec::new() });
            }
            Long("realm") => {
                let realm = text(parser)?;
                let Some(registry) = options.registries.last_mut() else {
                    return Err(Failure::Usage("--realm belongs after the --registry it is for".to_owned()));
                };
                registry.realms.push(realm);
            }
            Long("listen") => options.listen = text(parser)?,
            Long("port") => {
                let port: u16 = parser.value().and_then(|value| value.parse()).map_err(usage)?;
                options.listen = format!("127.0.0.1:{port}");
            }
            Long("release") => options.release = true,
            other => return Err(usage(other.unexpected())),
        }
    }
    Ok(Command::Run(options))
}

fn test(parser: &mut lexopt::Parser) -> Result<Command, Failure> {
    let mut wanted = Vec::new();
    while let Some(argument) = parser.next().map_err(usage)? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help(help::TEST)),
            Long("only") => {
                let word = text(parser)?;
                let part = Part::NAMED.into_iter().find(|part| part.name() == word);
                wanted.push(part.ok_or_else(|| {
                    Failure::Usage(format!("--only takes unit, wasm, js, e2e or registries, not `{word}`"))
                })?);
            }
            other => return Err(usage(other.unexpected())),
        }
    }
    if wanted.is_empty() {
        return Ok(Command::Test(Part::ALL.to_vec()));
    }
    Ok(Command::Test(Part::NAMED.into_iter().filter(|part| wanted.contains(part)).collect()))
}

fn bench(parser: &mut lexopt::Parser) -> Result<Command, Failure> {
    let mut what = Bench::All;
    while let Some(argument) = parser.next().map_err(usage)? {
        what = match argument {
            Short('h') | Long("help") => return Ok(Command::Help(help::BENCH)),
            Value(word) => match word.string().map_err(usage)?.as_str() {
                "protocol" => Bench::Protocol,
                "wasm" => Bench::Wasm,
                "keyserver" => Bench::KeyServer,
                "size" => Bench::Size,
                other => {
                    let text = format!("bench takes protocol, wasm, keyserver or size, not `{other}`");
                    return Err(Failure::Usage(text));
                }
            },
            other => return Err(usage(other.unexpected())),
        }
    }
    Ok(Command::Bench(what))
}

fn fuzz(parser: &mut lexopt::Parser) -> Result<Command, Failure> {
    let (mut minutes, mut targets) = (1, Vec::new());
    while let Some(argument) = parser.next().map_err(usage)? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help(help::FUZZ)),
            Long("minutes") => {
                // libFuzzer takes 0 for no end.
                let count: NonZeroU64 = parser.value().and_then(|value| value.parse()).map_err(usage)?;
                minutes = count.get();
            }
            Value(word) => targets.push(word.string().map_err(usage)?),
            other => return Err(usage(other.unexpected())),
        }
    }
    Ok(Command::Fuzz { minutes, targets })
}

fn text(parser: &mut lexopt::Parser) -> Result<String, Failure> {
    parser.value().and_then(ValueExt::string).map_err(usage)
}

/// `registry.example.com/` → `https://registry.example.com`.
fn origin(typed: &str) -> String {
    let typed = typed.trim_end_matches('/');
    if typed.contains("://") { typed.to_owned() } else { format!("https://{typed}") }
}
