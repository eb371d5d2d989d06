//! The `dockpass-keyserver` program.

#[global_allocator]
static ALLOCATOR: dockpass_keyserver::ZeroOnFree = dockpass_keyserver::ZeroOnFree;

fn main() -> std::process::ExitCode {
    dockpass_keyserver::cli::run(std::env::args_os())
}
