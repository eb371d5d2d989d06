//! Error bodies of registries and token services: `{"errors":[{"code","message","detail"}]}`
//! (distribution-spec "Error Codes").

mod code;
#[cfg(test)]
mod tests;

use std::fmt;

pub use code::OciErrorCode;

use dockpass_syntax::json::{self, Kind, Value};
use dockpass_syntax::tape::Tape;

/// The maximum length of a body, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// The maximum number of errors of one body.
const MAX_ERRORS: usize = 16;

/// One error of a registry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OciError {
    /// The error code.
    pub code: OciErrorCode,
    /// The registry's message. Untrusted: it may contain markup, a password or another user's data.
    pub message: Option<UntrustedText>,
}

/// A message of a registry that must not reach logs or pages by accident: neither `Debug` nor `Display` shows it.
#[derive(Clone, Eq, PartialEq)]
pub struct UntrustedText(String);

impl UntrustedText {
    /// The message. The caller decides where it may be shown.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UntrustedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UntrustedText(..)")
    }
}

/// Parses the errors of a body, in order. A body of another form (HTML, plain text, other JSON) has none. Entries without
/// a valid code and the member `detail` are ignored; at most 16 errors are returned.
pub fn parse_errors(body: &[u8]) -> Vec<OciError> {
    let Some(text) = std::str::from_utf8(body).ok().filter(|text| text.len() <= MAX_BODY) else {
        return Vec::new();
    };
    let mut tape = Tape::default();
    let Ok(body) = json::read(text, &mut tape) else { return Vec::new() };
    let lists = body
        .members()
        .filter(|(name, _)| name.string().is_some_and(|name| name == "errors"))
        .flat_map(|(_, list)| list.elements());
    lists.filter_map(read_error).take(MAX_ERRORS).collect()
}

/// The code of the first error of a body.
pub fn first_code(body: &[u8]) -> Option<OciErrorCode> {
    parse_errors(body).into_iter().next().map(|error| error.code)
}

fn read_error(entry: Value<'_>) -> Option<OciError> {
    let (mut code, mut message) = (None, None);
    for (name, value) in entry.members().filter(|(_, value)| value.kind() == Kind::String) {
        match &*name.string()? {
            "code" => code = OciErrorCode::parse(&value.string()?),
            "message" => message = Some(UntrustedText(value.string()?.into_owned())),
            _ => {}
        }
    }
    code.map(|code| OciError { code, message })
}
