//! The commands of the project: `cargo xtask --help`.
//!
//! There is one file per command. They share [`flags`] (the command line), [`process`] (running programs and showing their
//! progress), [`util`] (folders, hashes, files) and [`tools`] (installing other programs).

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool prints to its terminal")]

mod bench;
mod ci;
mod dist;
mod failure;
mod flags;
mod fuzz;
mod image;
mod lint;
mod mutants;
mod process;
mod run;
mod soak;
mod test;
mod tools;
mod util;
mod wasm;

use std::process::ExitCode;

use failure::Failure;
use flags::Command;

fn main() -> ExitCode {
    let outcome = match flags::parse(std::env::args_os().skip(1)) {
        Ok(command) => command.map_or(Ok(()), execute),
        Err(failure) => Err(failure),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn execute(command: Command) -> Result<(), Failure> {
    match command {
        Command::Run(options) => run::run(&options),
        Command::Test { only } => test::test(&flags::Part::chosen(&only)),
        Command::Wasm { check } => wasm::wasm(check),
        Command::Lint { fix } => lint::lint(fix),
        Command::Ci => ci::ci(),
        Command::Dist => dist::dist(),
        Command::Image => image::image(),
        Command::Soak { minutes } => soak::soak(minutes),
        Command::Bench { what } => bench::bench(what),
        Command::Fuzz { minutes, targets } => fuzz::fuzz(minutes, &targets),
        Command::Mutants { modules } => mutants::mutants(&modules),
        Command::Tools => tools::everything(),
    }
}
