//! Programs from the operating system's package manager.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::rust_wasm;
use crate::failure::Failure;
use crate::{process, util};

/// A program that a command may need from the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Requirement {
    Chromium,
    ChromeDriver,
    Firefox,
    Registry,
    Skopeo,
    Redis,
    Htpasswd,
    Openssl,
    Curl,
    Jq,
    Nginx,
    Wrk,
    Fonts,
    Node,
    Npm,
    Go,
    Python,
    /// A Rust toolchain that can build for wasm32-unknown-unknown, and its linker.
    RustWasm,
    CCompiler,
    Java,
    Maven,
    Buildah,
    Compose,
    Caddy,
    Systemd,
    Strace,
}

/// How a missing program can be installed.
#[derive(Debug, PartialEq, Eq)]
enum Fix {
    /// Debian packages of these names.
    Packages(Vec<String>),
    /// By hand: the instruction for the user.
    ByHand(&'static str),
}

/// What to do about missing programs.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    Nothing,
    /// Install these packages now.
    Install(Vec<String>),
    /// Print this and stop.
    Tell(String),
}

impl Requirement {
    /// The requirements of `test --only registries` only.
    pub(crate) const HEAVY: [Self; 3] = [Self::CCompiler, Self::Java, Self::Maven];

    /// The requirements of `image` and `test --only deploy` only.
    pub(crate) const DEPLOY: [Self; 5] =
        [Self::Buildah, Self::Compose, Self::Caddy, Self::Systemd, Self::Strace];

    /// The requirements of all other commands.
    pub(crate) const ALL: [Self; 18] = [
        Self::Chromium,
        Self::ChromeDriver,
        Self::Firefox,
        Self::Registry,
        Self::Skopeo,
        Self::Redis,
        Self::Htpasswd,
        Self::Openssl,
        Self::Curl,
        Self::Jq,
        Self::Nginx,
        Self::Wrk,
        Self::Fonts,
        Self::Node,
        Self::Npm,
        Self::Go,
        Self::Python,
        Self::RustWasm,
    ];

    /// The requirements of the browser module's build.
    pub(crate) const BROWSER_MODULE: [Self; 3] = [Self::RustWasm, Self::Node, Self::Npm];

    /// The name of the program.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::ChromeDriver => "chromedriver",
            Self::Firefox => "firefox-esr",
            Self::Registry => "docker-registry",
            Self::Skopeo => "skopeo",
            Self::Redis => "redis-server",
            Self::Htpasswd => "htpasswd",
            Self::Openssl => "openssl",
            Self::Curl => "curl",
            Self::Jq => "jq",
            Self::Nginx => "nginx",
            Self::Wrk => "wrk",
            Self::Fonts => "fonts",
            Self::Node => "node",
            Self::Npm => "npm",
            Self::Go => "go",
            Self::Python => "python3",
            Self::RustWasm => "rust for wasm32",
            Self::CCompiler => "gcc",
            Self::Java => "java",
            Self::Maven => "mvn",
            Self::Buildah => "buildah",
            Self::Compose => "docker-compose",
            Self::Caddy => "caddy",
            Self::Systemd => "systemd-analyze",
            Self::Strace => "strace",
        }
    }

    /// The path of the program; `None` if it is missing or not a program.
    pub(crate) fn found(self) -> Option<PathBuf> {
        match self {
            Self::Chromium => {
                let set = std::env::var_os("CHROMIUM").map(PathBuf::from).filter(|path| path.is_file());
                set.or_else(|| {
                    ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(util::which)
                })
            }
            Self::Firefox => ["firefox-esr", "firefox"].into_iter().find_map(util::which),
            Self::Fonts | Self::RustWasm => None,
            // Debian's is in a folder that only root has in its PATH.
            Self::Nginx => util::which("nginx")
                .or_else(|| Some(PathBuf::from("/usr/sbin/nginx")).filter(|path| path.is_file())),
            _ => util::which(self.name()),
        }
    }

    fn is_there(self) -> bool {
        match self {
            Self::Fonts => ["/usr/share/fonts", "/System/Library/Fonts"]
                .iter()
                .any(|folder| !util::files(Path::new(folder)).is_empty()),
            Self::RustWasm => rust_wasm::is_available(),
            // Debian has what creates virtual environments in a package of its own.
            Self::Python => {
                process::output(process::command("python3").args(["-c", "import ensurepip, venv"])).is_ok()
            }
            _ => self.found().is_some(),
        }
    }

    fn fix(self) -> Fix {
        let package = |name: &str| Fix::Packages(vec![name.to_owned()]);
        match self {
            Self::Chromium => package("chromium"),
            Self::ChromeDriver => package("chromium-driver"),
            Self::Firefox => package("firefox-esr"),
            Self::Registry => package("docker-registry"),
            Self::Skopeo => package("skopeo"),
            Self::Redis => package("redis-server"),
            Self::Htpasswd => package("apache2-utils"),
            Self::Openssl | Self::Curl | Self::Jq | Self::Nginx | Self::Wrk | Self::CCompiler => {
                package(self.name())
            }
            Self::Python => package("python3-venv"),
            Self::Java => package("openjdk-17-jre-headless"),
            Self::Maven => package("maven"),
            Self::Buildah | Self::Compose | Self::Caddy | Self::Strace => package(self.name()),
            Self::Systemd => package("systemd"),
            Self::Fonts => package("fonts-dejavu-core"),
            Self::Node => Fix::ByHand("install Node.js 20 or newer, from nodejs.org or a package manager"),
            Self::Npm => Fix::ByHand("install npm 10 or newer; it comes with Node.js"),
            Self::Go => Fix::ByHand("install Go 1.26 or newer, from go.dev"),
            Self::RustWasm => rust_wasm::debian_packages()
                .map_or(Fix::ByHand("type: rustup target add wasm32-unknown-unknown"), Fix::Packages),
        }
    }
}

/// Installs those that are missing, with one run of the package manager, or fails with instructions.
pub(crate) fn require(needs: &[Requirement]) -> Result<(), Failure> {
    let missing: Vec<Requirement> = needs.iter().copied().filter(|need| !need.is_there()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let apt = util::which("apt-get").is_some();
    let root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if apt && root {
        // The package lists may be empty or outdated.
        process::quiet("updating the package lists", &mut apt_get(&["update"]))?;
    }
    let fixes: Vec<(&str, Fix)> = missing.iter().map(|need| (need.name(), need.fix())).collect();
    match plan(&fixes, apt, root) {
        Plan::Nothing => Ok(()),
        Plan::Tell(text) => Err(Failure::Unavailable(text)),
        Plan::Install(packages) => {
            let mut install = apt_get(&["install", "-y", "--no-install-recommends"]);
            install.args(&packages);
            process::quiet(&format!("installing {}", packages.join(", ")), &mut install)?;
            match missing.into_iter().find(|need| !need.is_there()) {
                None => Ok(()),
                Some(need) => Err(Failure::Unavailable(format!(
                    "{} is still missing after `{}`",
                    need.name(),
                    process::typed(&install)
                ))),
            }
        }
    }
}

fn apt_get(arguments: &[&str]) -> std::process::Command {
    let mut command = process::command("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Decides what to do. Packages are installed only if nothing has to be installed by hand, so that an error never leaves a
/// partial installation.
fn plan(missing: &[(&str, Fix)], apt: bool, root: bool) -> Plan {
    let mut packages = Vec::new();
    let mut by_hand = Vec::new();
    for (name, fix) in missing {
        match fix {
            Fix::Packages(names) if apt => packages.extend(names.iter().cloned()),
            Fix::Packages(names) => {
                by_hand.push(format!("{name}: install it (Debian package: {})", names.join(", ")));
            }
            Fix::ByHand(text) => by_hand.push(format!("{name}: {text}")),
        }
    }
    if by_hand.is_empty() && packages.is_empty() {
        return Plan::Nothing;
    }
    if by_hand.is_empty() && root {
        return Plan::Install(packages);
    }
    let names: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
    let mut text = format!("missing: {}", names.join(", "));
    if !packages.is_empty() {
        let sudo = if root { "" } else { "sudo " };
        _ = write!(
            text,
            "\n  type: {sudo}apt-get update && {sudo}apt-get install -y --no-install-recommends {}",
            packages.join(" ")
        );
    }
    for line in by_hand {
        _ = write!(text, "\n  {line}");
    }
    Plan::Tell(text)
}
