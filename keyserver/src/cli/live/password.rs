//! Reads a password, never from an argument or the environment, which other users of the machine can see.

use std::io::{IsTerminal, Read, Write};
use std::path::Path;

use secrecy::SecretString;
use zeroize::Zeroizing;

/// Longest password: that of the largest value of `limits.credential_bytes`, and a line break.
const MAX_BYTES: u64 = 10_242;

/// Why there is no password.
#[derive(Debug, thiserror::Error)]
pub(super) enum PasswordError {
    /// The file cannot be read.
    #[error("--password-file: {0}")]
    File(std::io::Error),
    /// Standard input or the terminal cannot be read.
    #[error("the password cannot be read: {0}")]
    Input(std::io::Error),
    /// Nothing was typed or piped.
    #[error("no password: type it at the prompt, pipe it to standard input, or use --password-file")]
    Empty,
    /// Longer than any session can hold.
    #[error("the password is longer than 10240 bytes")]
    TooLong,
}

/// The password from this file; else from the terminal, without showing it; else from standard input.
pub(super) fn read(
    file: Option<&Path>,
    username: &str,
    registry: &str,
) -> Result<SecretString, PasswordError> {
    let text = match file {
        Some(path) => whole(std::fs::File::open(path).map_err(PasswordError::File)?, PasswordError::File)?,
        None if std::io::stdin().is_terminal() => {
            let prompt = format!("Password of {username} at {registry}: ");
            Zeroizing::new(rpassword::prompt_password(prompt).map_err(PasswordError::Input)?)
        }
        None => whole(std::io::stdin().lock(), PasswordError::Input)?,
    };
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() { Err(PasswordError::Empty) } else { Ok(SecretString::from(line)) }
}

fn whole(
    input: impl Read,
    failed: impl Fn(std::io::Error) -> PasswordError,
) -> Result<Zeroizing<String>, PasswordError> {
    let mut text = Zeroizing::new(String::new());
    input.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > MAX_BYTES { Err(PasswordError::TooLong) } else { Ok(text) }
}

/// Tells people what is going on. Programs read standard error as well, and do not need it.
pub(super) fn progress(text: &str) {
    let mut err = std::io::stderr().lock();
    if err.is_terminal() {
        writeln!(err, "{text} …").ok();
    }
}
