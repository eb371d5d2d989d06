//! The command line.

mod live;

use std::ffi::OsString;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::config::{ConfigProblems, NoOrigin, Settings};
use crate::registry::CatalogAccount;
use crate::serve::{ServeError, Server};
use crate::session::keyring::{self, KeyError, KeyRing};
use crate::state::StartError;
use crate::{descriptors, telemetry};

/// Exit codes besides 0 and clap's own 2 for usage.
const CONFIGURATION: u8 = 3;
const LISTEN: u8 = 4;
const KEYS: u8 = 5;
const DIAGNOSED: u8 = 6;
const FAILED: u8 = 1;

const ABOUT: &str =
    "The key server of dockpass: lets a web page talk to container registries without storing a password.";
const LONG_ABOUT: &str = "\
The key server of dockpass: lets a web page talk to container registries.

A login is checked at the registry; then user name and password are sealed into a session that only this server can
open. The browser keeps the session, and the server stores nothing. With the session, the server requests tokens for the
browser and relays registry requests that browsers cannot send because of CORS.";
const AFTER_HELP: &str = "\
Examples:
  dockpass-keyserver serve                              Docker Hub, GitHub, Quay, GitLab.com, NVIDIA on 127.0.0.1:8780
  dockpass-keyserver keygen --out session.pem           create a key, so that sessions survive a restart
  dockpass-keyserver check-config config.yaml           report every problem with line and column
  dockpass-keyserver serve --config config.yaml
  DOCKPASS__LOG__FORMAT=json dockpass-keyserver serve   override any key: DOCKPASS__SECTION__KEY
  dockpass-keyserver doctor quay.io --username ada      log in there, and say what is wrong and what to do
  dockpass-keyserver token docker.io repository:library/alpine:pull
  dockpass-keyserver completions bash                   for bash, elvish, fish, powershell or zsh

Exit codes: 0 success, 1 failure, 2 usage, 3 configuration, 4 cannot listen, 5 keys, 6 `doctor` or `token` found a problem.
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
    /// Prints `dockpass-keyserver listening on http://ADDRESS` to standard output when it is ready, and logs to standard
    /// error. SIGTERM and Ctrl-C stop it: requests in flight are completed. SIGHUP reloads the key files.
    Serve {
        /// The configuration file; without one, the defaults of config.example.yaml.
        #[arg(long, value_name = "FILE", env = "DOCKPASS_CONFIG")]
        config: Option<PathBuf>,
        /// Listen on this address instead of the configured one. Port 0 uses any free port.
        #[arg(long, value_name = "ADDRESS:PORT")]
        listen: Option<SocketAddr>,
    },
    /// Create an RSA key that seals sessions, for `session.key_files`.
    ///
    /// Writes PKCS#8 PEM, readable by its owner only. An existing file is never overwritten.
    Keygen {
        /// Size of the key. Opening a session takes 3 times as long with 3072 bits and 7 times with 4096.
        #[arg(long, default_value = "2048", value_parser = ["2048", "3072", "4096"])]
        bits: String,
        /// The file to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Check a configuration, including key and certificate files, and report every problem.
    CheckConfig {
        /// The configuration file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print the JSON schema of the configuration file, for editors that complete and check YAML.
    ConfigSchema,
    /// Run the authorization flow against a live registry; print each step, what is wrong, and what to do.
    ///
    /// With --username it logs in as the key server does and lists through the gateway. Passwords and tokens are never
    /// printed. Ends with 0 if nothing is wrong, and with 6 otherwise.
    Doctor(live::DoctorOptions),
    /// Request a registry token; print each step, and which scopes are granted, denied or unknown.
    ///
    /// Ends with 0 if every scope is granted or unknown, and with 6 otherwise.
    Token(live::TokenOptions),
    /// Print a completion script for a shell.
    ///
    /// For bash: dockpass-keyserver completions bash > /etc/bash_completion.d/dockpass-keyserver
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write those of all commands into a folder.
    Man {
        /// The folder to write to, such as /usr/share/man/man1. It must exist.
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
    },
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
        Command::Doctor(options) => live::doctor(&options),
        Command::Token(options) => live::token(&options),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "dockpass-keyserver", &mut script);
            say(String::from_utf8_lossy(&script).trim_end());
            Ok(())
        }
        Command::Man { out } => man(out.as_deref()),
    };
    match code {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code, message }) => {
            if !message.is_empty() {
                say_wrong(&format!("dockpass-keyserver: {message}"));
            }
            ExitCode::from(code)
        }
    }
}

/// Why the program fails, and its exit code. The message is empty where a report was printed.
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
                        "cannot listen on {address}: the address is already in use. Stop the other program, or choose \
                     another port: `dockpass-keyserver serve --listen 127.0.0.1:0` uses any free one"
                    ),
                }
            }
            ServeError::Listen { .. } => Self { code: LISTEN, message: error.to_string() },
            ServeError::Start(StartError::Keys(error)) => error.into(),
            ServeError::Start(StartError::Registries(error)) => {
                Self { code: CONFIGURATION, message: error.to_string() }
            }
            ServeError::Start(StartError::Tls(error)) => {
                Self { code: CONFIGURATION, message: error.to_string() }
            }
            ServeError::Start(StartError::Store(error)) => {
                Self { code: CONFIGURATION, message: error.to_string() }
            }
            ServeError::Start(error) => Self { code: FAILED, message: error.to_string() },
        }
    }
}

fn load(file: Option<&Path>) -> Result<Settings, ConfigProblems> {
    // A variable that is not UTF-8 cannot be one of ours.
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
    let log = telemetry::init(&settings.log);
    telemetry::log_panics();
    forbid_dumps();
    settings.limits.connections = descriptors::reserve(settings.limits.connections)
        .map_err(|message| Failure { code: FAILED, message })?;
    let failed = |reason: std::io::Error| Failure {
        code: FAILED,
        message: format!("the runtime cannot be started: {reason}"),
    };
    // On one processor, threads that hand tasks to each other only cost time.
    let mut runtime = match std::thread::available_parallelism() {
        Ok(processors) if processors.get() == 1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = runtime.enable_all().build().map_err(failed)?;
    runtime.block_on(async {
        let signals = Signals::listen().map_err(failed)?;
        let scheme = settings.scheme().as_str();
        let server = Server::bind(settings).await?;
        say(&format!("dockpass-keyserver listening on {scheme}://{}", server.address()));
        let state = server.state().clone();
        tokio::spawn(log.dropped().clone().report());
        server.run(signals.until_stop(state)).await;
        Ok(())
    })
}

/// Signals of the operator.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hang_up: tokio::signal::unix::Signal,
}

impl Signals {
    /// Installs the handlers; from here on the signals do not end the process.
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

    /// Completes when the server has to stop. Until then, reloads key files on SIGHUP.
    #[cfg(unix)]
    async fn until_stop(mut self, state: crate::state::AppState) {
        loop {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => return,
                _ = self.terminate.recv() => return,
                _ = self.hang_up.recv() => state.reload(),
            }
        }
    }

    #[cfg(not(unix))]
    async fn until_stop(self, _state: crate::state::AppState) {
        tokio::signal::ctrl_c().await.ok();
    }
}

/// Disables core dumps and debuggers of the same user, because the process holds keys. A failure is only logged.
fn forbid_dumps() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        if setrlimit(Resource::Core, none).is_err()
            || set_dumpable_behavior(DumpableBehavior::NotDumpable).is_err()
        {
            tracing::warn!("core dumps could not be disabled");
        }
    }
}

fn keygen(bits: &str, out: &Path) -> Result<(), Failure> {
    let bits = bits
        .parse()
        .map_err(|_| Failure { code: 2, message: "--bits must be 2048, 3072 or 4096".to_owned() })?;
    let kid = keyring::generate_file(out, bits)?;
    say(&format!("created {}: a new RSA key of {bits} bits, kid {kid}", out.display()));
    Ok(())
}

fn check_config(file: &Path) -> Result<(), Failure> {
    let settings = load(Some(file))?;
    for registry in &settings.registries {
        crate::http_client::check_certificates(registry.ca_file.as_deref())
            .map_err(|error| Failure { code: CONFIGURATION, message: error.to_string() })?;
        if let Some(account) = &registry.catalog_account {
            CatalogAccount::read(account).map_err(|error| Failure {
                code: CONFIGURATION,
                message: format!("{}: catalog_password_file: {error}", registry.name),
            })?;
        }
    }
    if !settings.session.key_files.is_empty() {
        KeyRing::load(&settings.session.key_files)?;
    }
    crate::tls::Tls::load(&settings.tls)
        .map_err(|error| Failure { code: CONFIGURATION, message: error.to_string() })?;
    if let Some(store) = crate::store::Endpoint::of(&settings.store, None) {
        store.client().map_err(|error| Failure { code: CONFIGURATION, message: error.to_string() })?;
    }
    for warning in settings.warnings() {
        say_wrong(&format!("warning: {warning}"));
    }
    say(&format!(
        "{} is valid; registries: {}; listening on {}",
        file.display(),
        settings.registries.len(),
        settings.listen
    ));
    Ok(())
}

fn man(folder: Option<&Path>) -> Result<(), Failure> {
    let failed = |reason: std::io::Error| Failure { code: FAILED, message: format!("manual page: {reason}") };
    if let Some(folder) = folder {
        return clap_mangen::generate_to(Arguments::command(), folder).map_err(failed);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(Arguments::command()).render(&mut page).map_err(failed)?;
    say(String::from_utf8_lossy(&page).trim_end());
    Ok(())
}

/// Writes a line to standard output. A closed output is not an error.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).ok();
}

/// Writes a line to standard error.
fn say_wrong(message: &str) {
    writeln!(std::io::stderr().lock(), "{message}").ok();
}

#[cfg(test)]
mod tests;
