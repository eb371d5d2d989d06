//! The key server as a process: how it starts and stops, what it writes, what stays in its memory.
//!
//! A test program without the usual harness, because it is both sides: started as `… serve` it is the key server,
//! allocator included, so that no other build has to be there first.

use std::process::ExitCode;

#[cfg(test)]
mod memory;
#[cfg(test)]
mod process;
#[cfg(test)]
mod program;

#[global_allocator]
static ALLOCATOR: dockpass_keyserver::ZeroOnFree = dockpass_keyserver::ZeroOnFree;

/// Runs the tests whose names hold what is asked for, and counts them.
macro_rules! run {
    ($wanted:expr, $count:ident, $($test:path),* $(,)?) => { $(
        let name = stringify!($test);
        if $wanted.iter().all(|wanted| name.contains(wanted.as_str())) {
            let runtime = tokio::runtime::Runtime::new().map_err(|error| eprintln!("no runtime: {error}"));
            let result = runtime.map(|runtime| {
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on($test())))
            });
            let good = matches!(result, Ok(Ok(())));
            println!("test {name} ... {}", if good { "ok" } else { "FAILED" });
            if good { $count.passed += 1 } else { $count.failed += 1 }
        } else {
            $count.filtered += 1;
        }
    )* };
}

#[derive(Debug, Default)]
struct Count {
    passed: u32,
    failed: u32,
    filtered: u32,
}

#[expect(clippy::print_stdout, reason = "a test program of its own tells how it went")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("serve" | "keygen" | "check-config") => {
            return dockpass_keyserver::cli::run(std::env::args_os());
        }
        Some("serve-for-a-scan") => return memory::serve(&arguments),
        _ => {}
    }
    // Options of the usual harness mean nothing here; words choose tests by their names.
    let wanted: Vec<String> = arguments.into_iter().skip(1).filter(|word| !word.starts_with('-')).collect();
    let mut count = Count::default();
    run!(
        wanted,
        count,
        process::it_serves_and_ends_in_order,
        process::nothing_secret_is_written_anywhere,
        process::keys_are_read_again_on_sighup,
        process::what_keeps_it_from_starting_is_said_with_a_code,
        memory::the_scan_finds_what_is_there,
        memory::no_password_stays_in_memory,
    );
    // The line that the usual harness ends with, so that whoever counts tests counts these.
    let Count { passed, failed, filtered } = count;
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {verdict}. {passed} passed; {failed} failed; 0 ignored; 0 measured; {filtered} filtered out"
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
