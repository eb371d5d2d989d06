//! Scopes: the permissions that a token is requested for (distribution `docs/content/spec/auth/scope.md`).
//!
//! ```text
//! scope-list = scope *( " " scope )
//! scope      = type [ "(" class ")" ] ":" name ":" action *( "," action )
//! ```
//! The first colon ends the type and the last one begins the actions, because a name may contain a host with a port.
//! The specification allows only lower-case letters in actions. `*` and the words that registries use (`scanner-pull`,
//! `metadata_read`, `content/read`) are accepted as well. Names follow the repository grammar.
//!
//! [`Scope`] is one scope and [`ScopeSet`] a canonical list. [`scopes_for`] returns the scopes that a request needs.
//! [`Grant`] tells whether a token grants a scope.

mod endpoint;
mod error;
mod parse;
mod set;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

pub use endpoint::{Endpoint, scopes_for};
pub use error::{EndpointError, ScopeError, ScopeErrorKind};
pub use set::{ScopeSet, normalize};

use parse::Parts;

/// The maximum length of a scope, in bytes. A name has at most 255.
pub const MAX_SCOPE: usize = 1024;

/// The maximum length of a scope that names no resource, in bytes.
const MAX_WORD: usize = 256;

/// The maximum length of a list of scopes, in bytes.
pub const MAX_SCOPE_LIST: usize = 64 * 1024;

/// One scope: actions on one resource.
///
/// [`FromStr`] keeps the actions in the order in which they were written; [`ScopeSet`] sorts them. The order of
/// scopes is that of their text.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Scope {
    /// The type of the resource: `repository` or `registry`.
    pub resource_type: String,
    /// The class, as in `repository(plugin)`. Deprecated: grants ignore it. `image`, the default class of a repository, is
    /// not stored.
    pub class: Option<String>,
    /// The name of the resource, e.g. `library/alpine` or `catalog`.
    pub name: String,
    /// The actions: `pull`, `push`, `delete`, `*`, or a word of the registry.
    pub actions: Vec<String>,
}

/// Whether a token grants a scope.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Grant {
    /// The token lists the resource with every requested action.
    Granted,
    /// The token lists what it grants, and the scope is not in the list; or it is a broken JWT.
    Denied,
    /// The token is opaque or has no `access` claim, so only a request to the registry shows whether it grants the scope.
    Unknown,
}

impl Grant {
    /// The wire form: `granted`, `denied` or `unknown`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Denied => "denied",
            Self::Unknown => "unknown",
        }
    }
}

/// Parses a list of scopes separated by spaces; extra spaces and the empty string are allowed. Nothing is merged.
///
/// # Errors
/// The first scope that is malformed, with its position in `text`.
pub fn parse_scopes(text: &str) -> Result<Vec<Scope>, ScopeError> {
    let mut scopes = Vec::new();
    each_in_list(text, |scope| {
        scopes.push(scope.parse()?);
        Ok(())
    })?;
    Ok(scopes)
}

/// Yields the parts of a list. The position of an error is relative to the whole list.
fn each_in_list<'a>(
    text: &'a str,
    mut each: impl FnMut(&'a str) -> Result<(), ScopeError>,
) -> Result<(), ScopeError> {
    if text.len() > MAX_SCOPE_LIST {
        return Err(ScopeError { position: MAX_SCOPE_LIST, kind: ScopeErrorKind::TooLong });
    }
    let mut at = 0;
    for part in text.split(' ') {
        if !part.is_empty() {
            each(part).map_err(|error| ScopeError { position: at + error.position, ..error })?;
        }
        at += part.len() + 1;
    }
    Ok(())
}

impl Scope {
    /// A scope on a repository, e.g. `Scope::repository("library/alpine", &["pull"])`. The name is taken as it is.
    pub fn repository(name: &str, actions: &[&str]) -> Self {
        Self::new("repository", name, actions)
    }

    /// The scope of `GET /v2/_catalog`: `registry:catalog:*`.
    pub fn catalog() -> Self {
        Self::new("registry", "catalog", &["*"])
    }

    /// Parses a scope that names no resource, as some registries send it: a word (`aws` of ECR Public, `*` of Gitea), or a
    /// scope without a name (`repository::pull` of zot's catalog). It can only be requested unchanged. The word becomes the
    /// type, and missing parts are empty. `None` for every other string.
    pub fn without_resource(text: &str) -> Option<Self> {
        // RFC 6749 §3.3, `scope-token`, so that it is valid wherever a scope is.
        let is_token = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        if text.is_empty() || text.len() > MAX_WORD || !text.bytes().all(is_token) {
            return None;
        }
        let (resource_type, actions) = match text.split_once(':') {
            None => (text, ""),
            Some((resource_type, rest)) => (resource_type, rest.strip_prefix(':')?),
        };
        let is_plain = !resource_type.is_empty() && !actions.contains(':');
        is_plain.then(|| Self {
            resource_type: resource_type.to_owned(),
            class: None,
            name: String::new(),
            actions: actions.split(',').filter(|action| !action.is_empty()).map(str::to_owned).collect(),
        })
    }

    /// Whether this is a word that names neither resource nor actions.
    pub(crate) fn is_word(&self) -> bool {
        self.name.is_empty() && self.actions.is_empty()
    }

    fn new(resource_type: &str, name: &str, actions: &[&str]) -> Self {
        Self {
            resource_type: resource_type.to_owned(),
            class: None,
            name: name.to_owned(),
            actions: actions.iter().map(|&action| action.to_owned()).collect(),
        }
    }

    /// Whether this scope includes every action of `other` on the same resource; `*` includes every action.
    pub fn covers(&self, other: &Self) -> bool {
        self.cmp_resource(other) == Ordering::Equal
            && (self.actions.iter().any(|action| action == "*")
                || other.actions.iter().all(|action| self.actions.contains(action)))
    }

    fn has_default_class(&self) -> bool {
        self.class.as_ref().is_some_and(|class| dockpass_syntax::is_default_class(&self.resource_type, class))
    }

    fn drop_default_class(&mut self) {
        if self.has_default_class() {
            self.class = None;
        }
    }

    /// The scope as text, as `to_string` returns it. `Display` calls this and not the other way round, so that the page's module
    /// contains no formatting code.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(self.resource_type.len() + self.name.len() + 24);
        text.push_str(&self.resource_type);
        if self.is_word() && self.class.is_none() {
            return text;
        }
        if let Some(class) = self.class.as_ref().filter(|_| !self.has_default_class()) {
            text.push('(');
            text.push_str(class);
            text.push(')');
        }
        text.push(':');
        text.push_str(&self.name);
        let mut separator = ':';
        for action in &self.actions {
            text.push(separator);
            text.push_str(action);
            separator = ',';
        }
        if self.actions.is_empty() {
            text.push(':');
        }
        text
    }

    fn normalize_actions(&mut self) {
        set::canonical_actions(&mut self.actions);
    }

    /// Compares all but the actions, in the order of the printed text: lexicographically by `type(` or `type:`, `class)`
    /// and `name:`. Equal only for the same resource, whatever the parts hold.
    fn cmp_resource(&self, other: &Self) -> Ordering {
        let after_type = |scope: &Self| if scope.class.is_some() { b'(' } else { b':' };
        compare(&self.resource_type, after_type(self), &other.resource_type, after_type(other))
            .then_with(|| match (&self.class, &other.class) {
                (Some(own), Some(others)) => compare(own, b')', others, b')'),
                (own, others) => own.is_some().cmp(&others.is_some()),
            })
            .then_with(|| compare(&self.name, b':', &other.name, b':'))
    }
}

/// Compares two parts as if each were followed by its terminator.
fn compare(a: &str, after_a: u8, b: &str, after_b: u8) -> Ordering {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a == b {
        return after_a.cmp(&after_b);
    }
    let common = a.len().min(b.len());
    let next = |part: &[u8], after: u8| part.get(common).copied().unwrap_or(after);
    let start = a.get(..common).cmp(&b.get(..common));
    // A part may contain the terminator itself and compare equal up to it; the shorter one then comes first.
    start.then_with(|| next(a, after_a).cmp(&next(b, after_b))).then_with(|| a.len().cmp(&b.len()))
}

impl Ord for Scope {
    fn cmp(&self, other: &Self) -> Ordering {
        let parts = |scope: &'_ Self| (scope.resource_type.clone(), scope.class.clone(), scope.name.clone());
        self.text().cmp(&other.text()).then_with(|| parts(self).cmp(&parts(other))).then_with(|| {
            // Different parts can print the same string, because entries of tokens may contain separators anywhere.
            self.actions.cmp(&other.actions)
        })
    }
}

impl PartialOrd for Scope {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let parts = Parts::parse(text)?;
        Ok(Self {
            resource_type: parts.resource_type.to_owned(),
            class: parts.class.map(str::to_owned),
            name: parts.name.to_owned(),
            actions: parts.actions().map(str::to_owned).collect(),
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}
