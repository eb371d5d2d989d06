//! The paths that are relayed: those of the distribution specification and no others.

use std::fmt;

use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::scope::{Endpoint, EndpointError, ScopeSet};

/// Longest query: a tag or repository name, a number, or an upload's state.
const MAX_QUERY: usize = 4_096;

/// A path of the registry API with its query. `Display` writes it as it is sent upstream: the grammar has no
/// character that could be read in two ways, so what was matched is what is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    path: &'a str,
    query: &'a str,
    endpoint: Endpoint<'a>,
}

impl<'a> Target<'a> {
    /// Reads path and query of a request with this method.
    ///
    /// # Errors
    /// `invalid_path`, or `method_not_allowed` where the path is good.
    pub(crate) fn parse(method: &str, path: &'a str, query: Option<&'a str>) -> Result<Self, ErrorCode> {
        let query = query.unwrap_or_default();
        let plain = query
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'\\' | b'"' | b'<' | b'>'));
        if query.len() > MAX_QUERY || !plain {
            return Err(ErrorCode::InvalidPath);
        }
        let endpoint = Endpoint::parse(method, path).map_err(code)?;
        Ok(Self { path, query, endpoint })
    }

    /// The same for a path with its query.
    ///
    /// # Errors
    /// As [`Target::parse`].
    pub(crate) fn parse_target(method: &str, target: &'a str) -> Result<Self, ErrorCode> {
        match target.split_once('?') {
            Some((path, query)) => Self::parse(method, path, Some(query)),
            None => Self::parse(method, target, None),
        }
    }

    /// What the request is about.
    pub(crate) fn endpoint(&self) -> Endpoint<'a> {
        self.endpoint
    }

    /// The scopes that it needs.
    ///
    /// # Errors
    /// `invalid_path` when the query names a repository that is none.
    pub(crate) fn scopes(&self, method: &str) -> Result<ScopeSet, ErrorCode> {
        self.endpoint.scopes(method, self.query).map_err(code)
    }
}

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path)?;
        if self.query.is_empty() { Ok(()) } else { write!(f, "?{}", self.query) }
    }
}

fn code(error: EndpointError) -> ErrorCode {
    match error {
        EndpointError::Method => ErrorCode::MethodNotAllowed,
        _ => ErrorCode::InvalidPath,
    }
}
