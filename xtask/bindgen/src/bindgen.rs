//! Generates the JavaScript of a browser module: `dockpass-bindgen MODULE.wasm NAME FOLDER`.
//!
//! Does the same as `wasm-bindgen --target web`. The other parts of that program, which take most of its three minutes to
//! build, are not needed. This is a separate crate so that `cargo xtask` does not have to build it. Its dependency and the
//! `wasm-bindgen` library must have the same version.

#![expect(clippy::print_stderr, reason = "a command line tool prints to its terminal")]

use std::path::Path;
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [module, name, folder] = arguments.as_slice() else {
        eprintln!("usage: dockpass-bindgen MODULE.wasm NAME FOLDER");
        return ExitCode::from(64);
    };
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(module)
        .out_name(name)
        .typescript(true)
        .remove_name_section(true)
        .remove_producers_section(true);
    let generated = bindgen.web(true).and_then(|web| web.generate(Path::new(folder)));
    match generated {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{module}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
