//! Tests of several instances of the key server that share a Redis, and of faults of the Redis.
//!
//! The program has its own harness, because it is the key server as well: `kill -9` needs a process. The tests take less
//! than a minute. The long run repeats every fault:
//!
//! ```sh
//! cargo test --release --package dockpass-tests --test keyserver_store -- --requests 1000000
//! ```

use std::process::ExitCode;

#[cfg(test)]
mod contract;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod load;
#[cfg(test)]
mod lockups;
#[cfg(test)]
mod process;
#[cfg(test)]
mod secrecy;
#[cfg(test)]
mod shared;
#[cfg(test)]
mod soak;
#[cfg(test)]
mod tls;

#[global_allocator]
static ALLOCATOR: dockpass_keyserver::ZeroOnFree = dockpass_keyserver::ZeroOnFree;

/// Runs the tests whose names contain the filter, and counts them.
macro_rules! run {
    ($wanted:expr, $count:ident, $($test:path),* $(,)?) => { $(
        let name = stringify!($test);
        if $wanted.iter().all(|wanted| name.contains(wanted.as_str())) {
            let begun = std::time::Instant::now();
            let runtime = tokio::runtime::Runtime::new().map_err(|error| eprintln!("no runtime: {error}"));
            let result = runtime.map(|runtime| {
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on($test())))
            });
            let good = matches!(result, Ok(Ok(())));
            let seconds = begun.elapsed().as_secs_f64();
            println!("test {name} ... {} ({seconds:.1} s)", if good { "ok" } else { "FAILED" });
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
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("serve-an-instance") => return process::serve(&arguments),
        Some("--requests" | "--seconds") => return soak::run(&arguments),
        _ => {}
    }
    // Options of the standard harness are ignored; other arguments filter tests by name.
    let wanted: Vec<String> = arguments.into_iter().filter(|word| !word.starts_with('-')).collect();
    let mut count = Count::default();
    run!(
        wanted,
        count,
        contract::in_the_process,
        contract::in_redis,
        shared::logouts_and_tokens_are_shared_between_instances,
        shared::a_logout_does_not_disturb_other_sessions,
        shared::a_session_unknown_to_the_instance_is_looked_up_in_the_store,
        tls::the_certificate_of_the_store_is_verified,
        shared::a_use_of_a_session_is_known_to_all_instances,
        secrecy::a_dump_of_the_store_reveals_neither_token_nor_user,
        faults::faults_of_the_store_never_give_a_wrong_response,
        faults::starts_without_the_store,
        lockups::nothing_locks_up_on_one_thread,
        process::sessions_outlive_a_killed_instance,
    );
    // The last line of the standard harness, so that these tests are counted as well.
    let Count { passed, failed, filtered } = count;
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {verdict}. {passed} passed; {failed} failed; 0 ignored; 0 measured; {filtered} filtered out"
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
