//! `cargo xtask run`: runs page, key server and demo registry until Ctrl-C.

mod child;
mod config;
mod demo;

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::flags::RunOptions;
use crate::process::Step;
use crate::{process, util, wasm};
use child::Child;

/// How long a program may take to start. Generating the RSA key is the slow part.
const START_LIMIT: Duration = Duration::from_secs(30);

/// The text that the key server prints before its address.
const LISTENING: &str = "dockpass-keyserver listening on ";

/// Builds and starts the programs.
pub(crate) fn run(options: &RunOptions) -> Result<(), Failure> {
    free(&options.listen)?;
    let own = !options.registries.is_empty();
    // Most of the module's build runs on one core. The demo shares most dependencies with the key server, which must wait
    // for the page that it embeds.
    let demo = if own { None } else { Some(build_demo(options.release)?) };
    wasm::build()?;
    if let Some(demo) = demo {
        demo.wait()?;
    }
    build_server(options.release)?;

    // From here on a signal must stop the child processes as well.
    let stop = stop_flag()?;
    let folder = util::target().join("run");
    util::create_dir(&folder)?;
    let mut children = Vec::new();
    let (registries, table) = if own {
        let registries: Vec<_> = options.registries.iter().map(config::Registry::of_person).collect();
        let rows: Vec<_> = registries.iter().map(|one| format!("  {:<24} {}", one.name, one.url)).collect();
        let table = rows.join("\n") + "\n";
        (registries, table)
    } else {
        let (child, ready) = start_demo(options.release, &folder, &stop)?;
        children.push(child);
        (ready.registries(), ready.table())
    };

    let path = folder.join("config.yaml");
    // The demo holds nothing that needs protection.
    let mut pages = if own { Vec::new() } else { config::development_pages() };
    pages.extend_from_slice(&options.page_origins);
    util::write(&path, config::text(&options.listen, &registries, &pages))?;
    let mut command = process::command(program("dockpass-keyserver", options.release));
    command.args(["serve", "--listen", &options.listen, "--config"]).arg(&path);
    children.push(Child::start("key server", LISTENING, &mut command)?);
    let address = wait(&mut children, &stop, |children| children.last()?.announcement())?;

    println!("\n{table}");
    println!("Open {address}    (Ctrl-C stops everything)\n");
    if !pages.is_empty() {
        println!("Your own pages may use it from {}\n", pages.join(", "));
    }
    let outcome = watch(&mut children, &stop);
    // The key server stops first, because it may still send requests to the registry.
    children.reverse();
    children.drain(..).for_each(drop);
    outcome
}

/// Set by SIGINT, SIGTERM and SIGHUP. The children are in process groups of their own, so that the terminal's Ctrl-C
/// reaches only this process, which then stops them in order. A second signal changes nothing.
fn stop_flag() -> Result<Arc<AtomicBool>, Failure> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .map_err(|error| Failure::Failed(format!("cannot listen for signals: {error}")))?;
    }
    Ok(stop)
}

/// Fails before anything is built if the address is not available.
fn free(listen: &str) -> Result<(), Failure> {
    let addresses: Vec<SocketAddr> = listen
        .to_socket_addrs()
        .map_err(|error| Failure::Usage(format!("--listen takes ADDRESS:PORT, not `{listen}`: {error}")))?
        .collect();
    let Err(error) = TcpListener::bind(addresses.as_slice()) else { return Ok(()) };
    if error.kind() != ErrorKind::AddrInUse {
        return Err(Failure::Unavailable(format!("cannot listen on {listen}: {error}")));
    }
    let other = addresses.first().and_then(|address| {
        let next = (1..100)
            .filter_map(|step| Some(SocketAddr::new(address.ip(), address.port().checked_add(step)?)));
        next.into_iter().find(|address| TcpListener::bind(address).is_ok())
    });
    let advice =
        other.map(|address| format!("; type: cargo xtask run --listen {address}")).unwrap_or_default();
    Err(Failure::Unavailable(format!("{listen} is in use by another program{advice}")))
}

fn program(name: &str, release: bool) -> PathBuf {
    util::target().join(if release { "release" } else { "debug" }).join(name)
}

fn build_demo(release: bool) -> Result<Step, Failure> {
    Step::start("building the demo registry", &mut cargo_build("dockpass-demo", release))
}

fn build_server(release: bool) -> Result<(), Failure> {
    process::quiet("building the key server", &mut cargo_build("dockpass-keyserver", release))
}

/// Selects both packages for each program: cargo unifies the features of what is selected, and would otherwise build shared
/// dependencies twice.
fn cargo_build(program: &str, release: bool) -> Command {
    let mut cargo =
        process::cargo(&["build", "--package", "dockpass-keyserver", "--package", "dockpass-tests"]);
    cargo.args(["--bin", program]);
    if release {
        cargo.arg("--release");
    }
    cargo
}

fn start_demo(
    release: bool,
    folder: &std::path::Path,
    stop: &AtomicBool,
) -> Result<(Child, demo::Ready), Failure> {
    let ready = folder.join("demo.json");
    util::remove(&ready)?;
    let mut command = process::command(program("dockpass-demo", release));
    command.arg("--ready-file").arg(&ready);
    let mut children = vec![Child::start("demo registry", "dockpass-demo ", &mut command)?];
    let found = wait(&mut children, stop, |_| demo::read(&ready))?;
    let child = children.pop().ok_or_else(|| Failure::Failed("the demo registry has exited".to_owned()))?;
    Ok((child, found))
}

/// Waits until `ready` returns a value, a child exits, or a signal arrives.
fn wait<T>(
    children: &mut [Child],
    stop: &AtomicBool,
    ready: impl Fn(&[Child]) -> Option<T>,
) -> Result<T, Failure> {
    let start = Instant::now();
    loop {
        if let Some(found) = ready(children) {
            return Ok(found);
        }
        if let Some(obituary) = children.iter_mut().find_map(Child::obituary) {
            return Err(Failure::Failed(obituary));
        }
        if stop.load(Ordering::Relaxed) {
            return Err(Failure::Failed("stopped before all programs were running".to_owned()));
        }
        if start.elapsed() > START_LIMIT {
            let name = children.last().map_or("it", Child::name);
            let limit = process::seconds(START_LIMIT);
            return Err(Failure::Failed(format!("the {name} did not start listening within {limit}")));
        }
        thread::sleep(Duration::from_millis(30));
    }
}

/// Waits until a signal arrives (`Ok`) or a child exits (an error).
fn watch(children: &mut [Child], stop: &AtomicBool) -> Result<(), Failure> {
    while !stop.load(Ordering::Relaxed) {
        if let Some(obituary) = children.iter_mut().find_map(Child::obituary) {
            return Err(Failure::Failed(obituary));
        }
        thread::sleep(Duration::from_millis(100));
    }
    eprintln!("stopping");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_reported_with_a_free_one() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let failure = free(&taken.local_addr().unwrap().to_string()).unwrap_err();
        assert_eq!(failure.exit_code(), 69);
        assert!(failure.to_string().contains("type: cargo xtask run --listen 127.0.0.1:"), "{failure}");
        assert!(free("127.0.0.1:0").is_ok());
        assert_eq!(free("nonsense").unwrap_err().exit_code(), 64);
    }

    #[test]
    fn the_exit_of_a_program_ends_the_wait_and_shows_its_last_lines() {
        let mut shell = process::command("sh");
        let mut children =
            vec![Child::start("demo registry", "", shell.args(["-c", "echo no disk >&2; exit 7"])).unwrap()];
        let stop = AtomicBool::new(false);
        let failure = wait(&mut children, &stop, |_| None::<()>).unwrap_err().to_string();
        assert!(failure.contains("demo registry has exited (exit status: 7)"), "{failure}");
        assert!(failure.contains("no disk"), "{failure}");
    }

    #[test]
    fn stopping_stops_the_children() {
        let mut shell = process::command("sh");
        let child = Child::start("sleeper", "", shell.args(["-c", "sleep 600 & wait"])).unwrap();
        let id = child.id();
        let stop = AtomicBool::new(true);
        let mut children = [child];
        assert!(watch(&mut children, &stop).is_ok());
        drop(children);
        let left =
            process::command("sh").arg("-c").arg(format!("kill -0 {id} 2>/dev/null")).status().unwrap();
        assert!(!left.success(), "process {id} still runs");
    }
}
