//! The requests of the distribution specification, and the scopes that they need.

use super::error::EndpointError;
use super::{Scope, ScopeSet};
use crate::reference::grammar;
use crate::text;
use crate::uri::percent_decode;

/// The longest path that is read, in bytes: a name has at most 255, a digest or upload id at most 512.
const MAX_PATH: usize = 1024;
/// The maximum length of an upload id. Registries choose its form.
const MAX_UPLOAD_ID: usize = 512;

/// A request path of the distribution specification ("Endpoints", end-1 to end-13, and `/v2/_catalog`), in its parts.
///
/// [`Endpoint::parse`] accepts these paths and no other; the parts hold no character that needs escaping, so that a
/// path put together from them is the path that was read.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Endpoint<'a> {
    /// `/v2/`: is this a registry, and how does it authenticate? (end-1)
    Base,
    /// `/v2/_catalog`: the repositories.
    Catalog,
    /// `/v2/<name>/tags/list` (end-8)
    Tags {
        /// The repository.
        name: &'a str,
    },
    /// `/v2/<name>/manifests/<reference>` (end-3, end-7, end-9)
    Manifest {
        /// The repository.
        name: &'a str,
        /// A tag or digest.
        reference: &'a str,
    },
    /// `/v2/<name>/blobs/<digest>` (end-2, end-10)
    Blob {
        /// The repository.
        name: &'a str,
        /// The digest.
        digest: &'a str,
    },
    /// `/v2/<name>/blobs/uploads/`: begins an upload or mounts a blob (end-4, end-11)
    Uploads {
        /// The repository.
        name: &'a str,
    },
    /// `/v2/<name>/blobs/uploads/<id>` (end-5, end-6, end-13)
    Upload {
        /// The repository.
        name: &'a str,
        /// The registry's name for the upload.
        id: &'a str,
    },
    /// `/v2/<name>/referrers/<digest>` (end-12)
    Referrers {
        /// The repository.
        name: &'a str,
        /// The digest of the subject.
        digest: &'a str,
    },
}

impl<'a> Endpoint<'a> {
    /// Reads a path, without its query, and checks that the endpoint has the method.
    ///
    /// Strict on purpose, because a gateway relays what this accepts: no escapes (`%2e`, `%2f`), no `.` or `..`
    /// segments, no empty ones, no trailing slash but the two that the specification has, ASCII only, and every part by
    /// its grammar. A name may itself hold words such as `manifests`; the last ones count.
    ///
    /// # Errors
    /// [`EndpointError`]; [`EndpointError::Method`] only where the path is valid.
    pub fn parse(method: &str, path: &'a str) -> Result<Self, EndpointError> {
        let endpoint = Self::parse_path(path)?;
        if endpoint.allows(method) { Ok(endpoint) } else { Err(EndpointError::Method) }
    }

    fn parse_path(path: &'a str) -> Result<Self, EndpointError> {
        let allowed = |byte: u8| {
            byte.is_ascii_alphanumeric()
                || matches!(byte, b'/' | b'.' | b'_' | b'-' | b':' | b'=' | b'+' | b'~')
        };
        if path.len() > MAX_PATH || !path.bytes().all(allowed) {
            return Err(EndpointError::Character);
        }
        let rest = path.strip_prefix("/v2/").ok_or(EndpointError::Unknown)?;
        if rest.split('/').any(|segment| matches!(segment, "." | "..")) || text::has(path, "//") {
            return Err(EndpointError::Character);
        }
        match rest {
            "" => return Ok(Self::Base),
            "_catalog" => return Ok(Self::Catalog),
            _ => {}
        }
        let (head, last) = text::split_last(rest, b'/').ok_or(EndpointError::Unknown)?;
        let (before, kind) = text::split_last(head, b'/').unwrap_or(("", head));
        let (endpoint, reference_ok) = match (kind, last) {
            ("tags", "list") => (Self::Tags { name: before }, true),
            ("uploads", id) if before.ends_with("/blobs") || before == "blobs" => {
                let name = before.strip_suffix("/blobs").unwrap_or_default();
                if id.is_empty() {
                    (Self::Uploads { name }, true)
                } else {
                    (Self::Upload { name, id }, id.len() <= MAX_UPLOAD_ID && !id.contains(':'))
                }
            }
            ("manifests", reference) => (
                Self::Manifest { name: before, reference },
                grammar::is_tag(reference) || grammar::is_digest(reference),
            ),
            ("blobs", digest) => (Self::Blob { name: before, digest }, grammar::is_digest(digest)),
            ("referrers", digest) => (Self::Referrers { name: before, digest }, grammar::is_digest(digest)),
            _ => return Err(EndpointError::Unknown),
        };
        if !endpoint.repository().is_some_and(grammar::is_repository) {
            return Err(EndpointError::Name);
        }
        if reference_ok { Ok(endpoint) } else { Err(EndpointError::Reference) }
    }

    fn allows(self, method: &str) -> bool {
        match self {
            Self::Base | Self::Catalog | Self::Tags { .. } | Self::Referrers { .. } => {
                matches!(method, "GET" | "HEAD")
            }
            Self::Manifest { .. } => matches!(method, "GET" | "HEAD" | "PUT" | "DELETE"),
            Self::Blob { .. } => matches!(method, "GET" | "HEAD" | "DELETE"),
            Self::Uploads { .. } => method == "POST",
            Self::Upload { .. } => matches!(method, "GET" | "HEAD" | "PATCH" | "PUT" | "DELETE"),
        }
    }

    /// The repository, where the endpoint is of one.
    pub fn repository(self) -> Option<&'a str> {
        match self {
            Self::Base | Self::Catalog => None,
            Self::Tags { name }
            | Self::Manifest { name, .. }
            | Self::Blob { name, .. }
            | Self::Uploads { name }
            | Self::Upload { name, .. }
            | Self::Referrers { name, .. } => Some(name),
        }
    }

    /// The scopes of a request with this method and query (without `?`), by distribution's
    /// `registry/handlers/app.go` (`appendAccessRecords`, `appendCatalogAccessRecord`): `pull` to read, `pull,push` to
    /// write, `delete` to delete, `registry:catalog:*` for the catalog, nothing for `/v2/`. A query parameter `from`
    /// adds `pull` on the repository that a blob is mounted from, whatever the method.
    ///
    /// # Errors
    /// [`EndpointError::Query`] if `from` is given twice or is not a repository name.
    pub fn scopes(self, method: &str, query: &str) -> Result<ScopeSet, EndpointError> {
        let Some(name) = self.repository() else {
            return Ok(match self {
                Self::Catalog => ScopeSet::from(Scope::catalog()),
                _ => ScopeSet::new(),
            });
        };
        let actions: &[&str] = match method {
            "GET" | "HEAD" => &["pull"],
            "DELETE" => &["delete"],
            "OPTIONS" => return Ok(ScopeSet::new()),
            _ => &["pull", "push"],
        };
        let mut scopes = vec![Scope::repository(name, actions)];
        if let Some(from) = mount_source(query)? {
            scopes.push(Scope::repository(&from, &["pull"]));
        }
        Ok(ScopeSet::from(scopes))
    }
}

/// The scopes that a request needs, by its method and its path with or without a query. What comes before `/v2/` is
/// skipped: scheme, host, and the path of a gateway. (A gateway itself uses [`Endpoint::parse`], which skips nothing.)
///
/// The table is that of distribution, see [`Endpoint::scopes`]. `OPTIONS` needs none. Registries differ (Quay takes no
/// `delete`, Harbor's catalog is behind Basic): the flow adds what their challenge requires beyond this.
///
/// # Errors
/// [`EndpointError`] if it is not a request of the distribution specification.
///
/// ```
/// use dockpass_protocol::scope::scopes_for;
/// let scopes = scopes_for("POST", "/v2/a/b/blobs/uploads/?mount=sha256:0&from=c/d").unwrap();
/// assert_eq!(scopes.to_string(), "repository:a/b:pull,push repository:c/d:pull");
/// ```
pub fn scopes_for(method: &str, path_and_query: &str) -> Result<ScopeSet, EndpointError> {
    let target = path_of(path_and_query)?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let endpoint = Endpoint::parse_path(path)?;
    if method != "OPTIONS" && !endpoint.allows(method) {
        return Err(EndpointError::Method);
    }
    endpoint.scopes(method, query)
}

/// The target from `/v2/` on: without scheme and authority, and without what a gateway puts before it.
fn path_of(target: &str) -> Result<&str, EndpointError> {
    let path = match target.strip_prefix("https://").or_else(|| target.strip_prefix("http://")) {
        None => target,
        Some(rest) => rest.find('/').and_then(|slash| rest.get(slash..)).ok_or(EndpointError::Unknown)?,
    };
    let query = path.find(['?', '#']).unwrap_or(path.len());
    let start = path.get(..query).and_then(|path| text::find(path, "/v2/")).ok_or(EndpointError::Unknown)?;
    path.get(start..).ok_or(EndpointError::Unknown)
}

/// The value of `from` in a query, if it is given and not empty.
fn mount_source(query: &str) -> Result<Option<String>, EndpointError> {
    if query.contains('#') {
        return Err(EndpointError::Query);
    }
    let mut source = None;
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if decode(key)? != "from" {
            continue;
        }
        let value = decode(value)?;
        if source.is_some() || !(value.is_empty() || grammar::is_repository(&value)) {
            return Err(EndpointError::Query);
        }
        source = Some(value);
    }
    Ok(source.filter(|value| !value.is_empty()))
}

/// `+` stays: no name has a space or plus, so that either reading refuses it.
fn decode(text: &str) -> Result<String, EndpointError> {
    let decoded = percent_decode(text).ok_or(EndpointError::Query)?;
    String::from_utf8(decoded).map_err(|_| EndpointError::Query)
}
