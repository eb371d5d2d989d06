//! Why a command failed, and its exit code.

use std::fmt;
use std::path::Path;

/// Why a command failed. The exit codes are those of `sysexits.h`, so that scripts can distinguish the cases.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line is invalid. Exit code 64.
    Usage(String),
    /// A program is missing or an address is in use. The message contains the command to type. Exit code 69.
    Unavailable(String),
    /// A step ran and failed. Exit code 1.
    Failed(String),
    /// A file of the project or the cache could not be read or written. Exit code 74.
    Io(String),
}

impl Failure {
    /// The exit code of the process.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 64,
            Self::Unavailable(_) => 69,
            Self::Io(_) => 74,
        }
    }

    /// Adds operation and path to an I/O error: `failure::io("read", path)`.
    pub(crate) fn io(verb: &str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let place = format!("cannot {verb} {}", path.display());
        move |error| Self::Io(format!("{place}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Usage(text) | Self::Unavailable(text) | Self::Failed(text) | Self::Io(text)) = self;
        write!(f, "✗ {text}")
    }
}
