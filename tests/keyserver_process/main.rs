//! Tests of the key server as a process: start and stop, its commands, its files and logs, its memory, and faults of its
//! environment.
//!
//! The program has its own harness, because started as `… serve` it is the key server, with the same allocator. So no other
//! binary has to be built first.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

#[cfg(test)]
mod chaos;
#[cfg(test)]
mod live;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod process;
#[cfg(test)]
mod program;
#[cfg(test)]
mod resources;
#[cfg(test)]
mod tls;

#[global_allocator]
static ALLOCATOR: dockpass_keyserver::ZeroOnFree = dockpass_keyserver::ZeroOnFree;

/// Runs these functions as tests, named by their paths.
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
        Some(
            "serve" | "keygen" | "check-config" | "config-schema" | "doctor" | "token" | "completions"
            | "man",
        ) => {
            return dockpass_keyserver::cli::run(std::env::args_os());
        }
        Some("serve-for-a-scan") => return memory::serve(&arguments),
        Some("--seconds") => return chaos::soak(&arguments),
        _ => {}
    }
    let mut options = Arguments::from_args();
    // A memory scan waits until the server's buffers are wiped, which other tests would delay.
    options.test_threads = Some(1);
    let trials = trials![
        process::sigterm_finishes_requests_and_exits,
        process::no_secret_is_in_logs_files_arguments_or_environment,
        process::keys_are_reloaded_on_sighup,
        tls::tls_is_served_and_its_certificate_is_reloaded,
        process::failures_at_start_have_a_message_and_exit_code,
        resources::a_log_that_nobody_reads_stops_no_request,
        resources::registries_are_reached_when_clients_have_all_connections,
        resources::the_limit_on_open_files_is_raised_or_refused_by_name,
        live::the_doctor_finds_a_healthy_registry_healthy,
        live::the_doctor_names_what_is_wrong,
        live::a_token_is_described_and_printed_only_on_request,
        live::a_registry_of_the_configuration_is_diagnosed_as_configured,
        live::completions_and_manual_pages_name_every_command,
        chaos::faults_of_a_registry_stay_with_it,
        chaos::few_descriptors_are_shared_with_upstreams,
        chaos::little_memory_is_enough,
        chaos::a_day_forwards_and_back,
        memory::the_memory_scan_finds_a_planted_password,
        memory::no_password_stays_in_memory,
    ];
    libtest_mimic::run(&options, trials).exit_code()
}
