//! The command line.

use std::ffi::OsString;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{ConfigProblems, NoOrigin, Settings};
use crate::serve::{ServeError, Server};
use crate::session::keyring::{self, KeyError, KeyRing};
use crate::state::StartError;
use crate::telemetry;

/// Exit codes besides 0 and clap's own 2 for usage.
const CONFIGURATION: u8 = 3;
const LISTEN: u8 = 4;
const KEYS: u8 = 5;
const FAILED: u8 = 1;

const ABOUT: &str =
    "The key server of dockpass: lets a web page talk to container registries without storing a password.";
const LONG_ABOUT: &str = "\
The key server of dockpass: lets a web page talk to container registries.

A login is proven at the registry, then user name and password are sealed into a session that only this server can
open; the session goes back to the browser, and nothing is stored here. With it the server asks token services for the
browser, and relays registry requests that browsers may not send themselves.";
const AFTER_HELP: &str = "\
Examples:
  dockpass-keyserver serve                              Docker Hub, GitHub, Quay, GitLab.com, NVIDIA on 127.0.0.1:8780
  dockpass-keyserver keygen --out session.pem           a key, so that sessions outlive a restart
  dockpass-keyserver check-config config.yaml           every problem at once, with its line
  dockpass-keyserver serve --config config.yaml
  DOCKPASS__LOG__FORMAT=json dockpass-keyserver serve   any key by a variable: DOCKPASS__SECTION__KEY

Exit codes: 0 done, 1 failed, 2 usage, 3 configuration, 4 cannot listen, 5 keys.
config.example.yaml explains every key.";

#[derive(Debug, Parser)]
#[command(name = "dockpass-keyserver", version, about = ABOUT, long_about = LONG_ABOUT, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the page, the API and the gateway.
    ///
    /// Prints `dockpass-keyserver listening on http://ADDRESS` to standard output when it is ready; logs go to standard
    /// error. SIGTERM or Ctrl-C: no new requests, those in flight may end. SIGHUP: the key files are read again.
    Serve {
        /// The configuration file; without one, the defaults of config.example.yaml.
        #[arg(long, value_name = "FILE", env = "DOCKPASS_CONFIG")]
        config: Option<PathBuf>,
        /// Listen here instead of on the configured address; port 0 takes any free one.
        #[arg(long, value_name = "ADDRESS:PORT")]
        listen: Option<SocketAddr>,
    },
    /// Make an RSA key that seals sessions, for `session.key_files`.
    ///
    /// Writes PKCS#8 PEM that only its owner can read. An existing file is never touched.
    Keygen {
        /// 3072 and 4096 are slower to open (3 and 7 times) and last longer.
        #[arg(long, default_value = "2048", value_parser = ["2048", "3072", "4096"])]
        bits: String,
        /// The file to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Say what is wrong with a configuration, key files included, without serving.
    CheckConfig {
        /// The configuration file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print the JSON schema of the configuration file, for editors that complete and check YAML.
    ConfigSchema,
}

/// Runs the program. Usage errors end it within, as clap does.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let code = match Arguments::parse_from(arguments).command {
        Command::Serve { config, listen } => serve(config.as_deref(), listen),
        Command::Keygen { bits, out } => keygen(&bits, &out),
        Command::CheckConfig { file } => check_config(&file),
        Command::ConfigSchema => {
            say(crate::config::schema_text().trim_end());
            Ok(())
        }
    };
    match code {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code, message }) => {
            say_wrong(&message);
            ExitCode::from(code)
        }
    }
}

/// Why the program ends, and with which code.
#[derive(Debug)]
struct Failure {
    code: u8,
    message: String,
}

impl From<ConfigProblems> for Failure {
    fn from(problems: ConfigProblems) -> Self {
        Self { code: CONFIGURATION, message: format!("the configuration cannot be used:\n{problems}") }
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self { code: KEYS, message: error.to_string() }
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Listen { address, reason } if reason.kind() == std::io::ErrorKind::AddrInUse => {
                Self {
                    code: LISTEN,
                    message: format!(
                        "cannot listen on {address}: something else does already. Stop it, or choose another port: \
                     `dockpass-keyserver serve --listen 127.0.0.1:0` takes any free one"
                    ),
                }
            }
            ServeError::Listen { .. } => Self { code: LISTEN, message: error.to_string() },
            ServeError::Start(StartError::Keys(error)) => error.into(),
            ServeError::Start(StartError::Registries(error)) => {
                Self { code: CONFIGURATION, message: error.to_string() }
            }
            ServeError::Start(error) => Self { code: FAILED, message: error.to_string() },
        }
    }
}

fn load(file: Option<&Path>) -> Result<Settings, ConfigProblems> {
    // Variables that are not UTF-8 are none of ours.
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Settings::load(file, environment)
}

fn serve(file: Option<&Path>, listen: Option<SocketAddr>) -> Result<(), Failure> {
    let mut settings = load(file)?;
    if let Some(listen) = listen {
        settings.listen = listen;
        if let Err(problem @ NoOrigin::AllInterfaces) = settings.own_origin() {
            return Err(Failure { code: CONFIGURATION, message: format!("--listen: {problem}") });
        }
    }
    telemetry::init(&settings.log);
    telemetry::log_panics();
    forbid_dumps();
    let failed = |reason: std::io::Error| Failure {
        code: FAILED,
        message: format!("no threads can be started: {reason}"),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(failed)?;
    runtime.block_on(async {
        let signals = Signals::listen().map_err(failed)?;
        let server = Server::bind(settings).await?;
        say(&format!("dockpass-keyserver listening on http://{}", server.address()));
        let state = server.state().clone();
        server.run(signals.until_stop(state)).await;
        Ok(())
    })
}

/// The signals of an operator.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hang_up: tokio::signal::unix::Signal,
}

impl Signals {
    /// From here on they no longer end the process by themselves.
    fn listen() -> std::io::Result<Self> {
        #[cfg(unix)]
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate())?,
            #[cfg(unix)]
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Ready when the server is to stop. Meanwhile reads key files again when asked to.
    #[cfg(unix)]
    async fn until_stop(mut self, state: crate::state::AppState) {
        loop {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => return,
                _ = self.terminate.recv() => return,
                _ = self.hang_up.recv() => match state.reload_keys() {
                    Ok(()) => tracing::info!("key files were read again"),
                    Err(error) => tracing::error!(%error, "key files were not taken over; the keys stay as they were"),
                },
            }
        }
    }

    #[cfg(not(unix))]
    async fn until_stop(self, _state: crate::state::AppState) {
        tokio::signal::ctrl_c().await.ok();
    }
}

/// No core dumps and no debugger of the same user: the process holds keys. Where the system refuses, it is only said.
fn forbid_dumps() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        if setrlimit(Resource::Core, none).is_err()
            || set_dumpable_behavior(DumpableBehavior::NotDumpable).is_err()
        {
            tracing::warn!("core dumps could not be switched off");
        }
    }
}

fn keygen(bits: &str, out: &Path) -> Result<(), Failure> {
    let bits =
        bits.parse().map_err(|_| Failure { code: 2, message: "--bits is 2048, 3072 or 4096".to_owned() })?;
    let kid = keyring::generate_file(out, bits)?;
    say(&format!("{} holds a new RSA key of {bits} bits; kid {kid}", out.display()));
    Ok(())
}

fn check_config(file: &Path) -> Result<(), Failure> {
    let settings = load(Some(file))?;
    for registry in &settings.registries {
        crate::http_client::check_certificates(registry.ca_file.as_deref())
            .map_err(|error| Failure { code: CONFIGURATION, message: error.to_string() })?;
    }
    if !settings.session.key_files.is_empty() {
        KeyRing::load(&settings.session.key_files)?;
    }
    say(&format!(
        "{} is valid: {} registries, listening on {}",
        file.display(),
        settings.registries.len(),
        settings.listen
    ));
    Ok(())
}

/// Writes a line to standard output. A closed one is no reason to fail.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).ok();
}

fn say_wrong(message: &str) {
    writeln!(std::io::stderr().lock(), "dockpass-keyserver: {message}").ok();
}

#[cfg(test)]
mod tests;
