//! Error bodies of registries and token services: `{"errors":[{"code","message","detail"}]}`
//! (distribution-spec "Error Codes").

mod code;
#[cfg(test)]
mod tests;

use std::fmt;

pub use code::OciErrorCode;

use crate::json::{JsonError, Kind, Reader};

/// The longest body that is looked at, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// The most errors of one body that are kept.
const MAX_ERRORS: usize = 16;

/// One error of a registry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OciError {
    /// What went wrong.
    pub code: OciErrorCode,
    /// The registry's own words. They may hold anything: markup, a password, another user's data.
    pub message: Option<UntrustedText>,
}

/// A text of a registry, kept away from logs and pages: neither `Debug` nor `Display` shows it.
#[derive(Clone, Eq, PartialEq)]
pub struct UntrustedText(String);

impl UntrustedText {
    /// The text. Whoever calls this answers for where it ends up.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UntrustedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UntrustedText(..)")
    }
}

/// Reads the errors of a body, in order; a body of another kind (HTML, plain text, another envelope) has none. Entries
/// without a readable code are left out, at most 16 are kept, and nothing of `detail`.
pub fn parse_errors(body: &[u8]) -> Vec<OciError> {
    let Some(text) = std::str::from_utf8(body).ok().filter(|text| text.len() <= MAX_BODY) else {
        return Vec::new();
    };
    let mut reader = Reader::new(text);
    let mut errors = Vec::new();
    let read: Result<(), JsonError> = reader.object(|name, value| {
        if name != "errors" || value.kind()? != Kind::Array {
            return value.skip();
        }
        value.array(|entry| {
            if entry.kind()? != Kind::Object || errors.len() == MAX_ERRORS {
                return entry.skip();
            }
            errors.extend(read_error(entry)?);
            Ok(())
        })
    });
    match read.and_then(|()| reader.end()) {
        Ok(()) => errors,
        Err(_) => Vec::new(),
    }
}

/// The code of the first error of a body.
pub fn first_code(body: &[u8]) -> Option<OciErrorCode> {
    parse_errors(body).into_iter().next().map(|error| error.code)
}

fn read_error(entry: &mut Reader<'_>) -> Result<Option<OciError>, JsonError> {
    let (mut code, mut message) = (None, None);
    entry.object(|name, value| {
        let is_text = value.kind()? == Kind::String;
        match name {
            "code" if is_text => code = OciErrorCode::parse(&value.string()?),
            "message" if is_text => message = Some(UntrustedText(value.string()?.into_owned())),
            _ => value.skip()?,
        }
        Ok::<(), JsonError>(())
    })?;
    Ok(code.map(|code| OciError { code, message }))
}
