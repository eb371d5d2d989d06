//! The key server as a process: how it starts and stops, what it writes, what stays in its memory.
//!
//! A test program with a harness of its own, because it is both sides: started as `… serve` it is the key server,
//! allocator included, so that no other build has to be there first.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

#[cfg(test)]
mod memory;
#[cfg(test)]
mod process;
#[cfg(test)]
mod program;

#[global_allocator]
static ALLOCATOR: dockpass_keyserver::ZeroOnFree = dockpass_keyserver::ZeroOnFree;

/// These functions as tests, under their paths as names.
macro_rules! trials {
    ($($test:path),* $(,)?) => { vec![ $( trial(stringify!($test), $test) ),* ] };
}

fn trial<F: Future<Output = ()>>(name: &str, test: impl FnOnce() -> F + Send + 'static) -> Trial {
    Trial::test(name, move || {
        tokio::runtime::Runtime::new()?.block_on(test());
        Ok(())
    })
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("serve" | "keygen" | "check-config" | "config-schema") => {
            return dockpass_keyserver::cli::run(std::env::args_os());
        }
        Some("serve-for-a-scan") => return memory::serve(&arguments),
        _ => {}
    }
    let mut options = Arguments::from_args();
    // A memory scan waits for its server's buffers to be wiped, which other tests would delay.
    options.test_threads = Some(1);
    let trials = trials![
        process::it_serves_and_ends_in_order,
        process::nothing_secret_is_written_anywhere,
        process::keys_are_read_again_on_sighup,
        process::what_keeps_it_from_starting_is_said_with_a_code,
        memory::the_scan_finds_what_is_there,
        memory::no_password_stays_in_memory,
    ];
    libtest_mimic::run(&options, trials).exit_code()
}
