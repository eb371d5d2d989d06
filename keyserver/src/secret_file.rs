//! Files that hold one secret: a password or a user name, in one line.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use zeroize::Zeroizing;

/// The largest file with a secret, in bytes.
const MAX_SECRET: u64 = 4_096;

/// A file that cannot be used. The message names the file, never its content.
#[derive(Debug, thiserror::Error)]
#[error("{file} cannot be used: {reason}")]
pub struct FileError {
    file: PathBuf,
    reason: String,
}

impl FileError {
    /// This file, and why it cannot be used.
    pub(crate) fn new(file: &Path, reason: impl Into<String>) -> Self {
        Self { file: file.to_owned(), reason: reason.into() }
    }
}

/// The only line of a small file.
///
/// # Errors
/// [`FileError`], also when the file is empty or has several lines.
pub(crate) fn read_line(file: &Path) -> Result<SecretString, FileError> {
    let bytes = Zeroizing::new(read(file, MAX_SECRET)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| FileError::new(file, "it is not UTF-8"))?;
    // Editors add the end of the line.
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() || text.contains(['\n', '\r', '\0']) {
        return Err(FileError::new(file, "it must hold one line"));
    }
    Ok(SecretString::from(text))
}

/// A file of at most so many bytes.
///
/// # Errors
/// [`FileError`].
pub(crate) fn read(file: &Path, max: u64) -> Result<Vec<u8>, FileError> {
    let unusable = |reason: String| FileError::new(file, reason);
    let meta = std::fs::metadata(file).map_err(|error| unusable(error.kind().to_string()))?;
    if !meta.is_file() || meta.len() > max {
        return Err(unusable(format!("it is not a file of at most {max} bytes")));
    }
    std::fs::read(file).map_err(|error| unusable(error.kind().to_string()))
}
