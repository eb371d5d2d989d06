//! Who may be sent credentials.
//!
//! A registry names its token service in a challenge, and whoever controls the registry (or the way to it) controls
//! that text. So a realm is never used as it comes: it is admitted, for one registry, or refused. Sharing a domain is
//! no reason: `evil.jfrog.io` is not `victim.jfrog.io`.

use std::fmt;

use crate::code::ErrorCode;
use crate::origin::{Origin, Scheme, split_scheme};

/// The longest path and query of a realm, in canonical form.
const MAX_REALM: usize = 2048;

/// Public registries whose token service is on another host than the registry: registry host, realm.
const SHIPPED: &[(&str, &str)] = &[
    ("registry-1.docker.io", "https://auth.docker.io/token"),
    ("registry.gitlab.com", "https://gitlab.com/jwt/auth"),
    ("nvcr.io", "https://authn.nvidia.com/token"),
];

/// A token service that may be sent credentials for one registry. Exists only by [`RealmPolicy::admit`].
///
/// `Display` prints the canonical URL; admitting that text again gives an equal value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Realm {
    origin: Origin,
    path_and_query: String,
}

impl Realm {
    /// Scheme, host and port.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Path and query, canonical.
    pub fn path_and_query(&self) -> &str {
        &self.path_and_query
    }

    /// The path alone.
    pub fn path(&self) -> &str {
        self.path_and_query.split_once('?').map_or(self.path_and_query.as_str(), |(path, _)| path)
    }

    /// The query alone, without its question mark; empty if there is none.
    pub fn query(&self) -> &str {
        self.path_and_query.split_once('?').map_or("", |(_, query)| query)
    }
}

impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path_and_query)
    }
}

/// Which realms a registry may name: its own origin, or a configured pair.
#[derive(Clone, Debug)]
pub struct RealmPolicy {
    registry: Origin,
    pairs: Vec<Pair>,
}

/// One more token service of the registry. The path `/` stands for every path.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pair {
    origin: Origin,
    path: String,
}

/// What a flow asks of a policy. A page's flows have none, and by this trait its module does not carry one either.
pub(crate) trait AdmitRealm: fmt::Debug + Send + Sync {
    /// See [`RealmPolicy::admit`].
    fn admit(&self, realm: &str) -> Result<Realm, ErrorCode>;

    /// Whether the registry may name this realm, and is itself at its origin.
    fn is_own(&self, realm: &str) -> bool;
}

impl AdmitRealm for RealmPolicy {
    fn admit(&self, realm: &str) -> Result<Realm, ErrorCode> {
        Self::admit(self, realm)
    }

    fn is_own(&self, realm: &str) -> bool {
        self.admit(realm).is_ok_and(|realm| realm.origin == self.registry)
    }
}

impl RealmPolicy {
    /// The policy of a registry, with the pairs that ship (Docker Hub, GitLab.com, nvcr.io).
    pub fn new(registry: Origin) -> Self {
        let policy = Self { pairs: Vec::new(), registry };
        let registry = &policy.registry;
        if registry.scheme() != Scheme::Https || registry.port() != Scheme::Https.default_port() {
            return policy;
        }
        let pairs = SHIPPED
            .iter()
            .filter(|(host, _)| *host == registry.host())
            .filter_map(|(_, realm)| policy.pair(realm).ok())
            .collect();
        Self { pairs, ..policy }
    }

    /// The policy that admits the origin's own realms and no other.
    pub(crate) fn own_origin(origin: Origin) -> Self {
        Self { registry: origin, pairs: Vec::new() }
    }

    /// The same with one more realm, written as a URL: `https://host[:port][/path]`. Without a path, or with `/`, it
    /// stands for every path of that origin; else the path has to be this one.
    ///
    /// # Errors
    /// [`ErrorCode::RealmNotAllowed`] when the text is no http(s) URL that may be a realm: with user information, query,
    /// fragment, or `http` for a registry that is `https`. [`ErrorCode::UpstreamInvalid`] when it is no URL.
    pub fn allow(mut self, realm: &str) -> Result<Self, ErrorCode> {
        let pair = self.pair(realm)?;
        if !self.pairs.contains(&pair) {
            self.pairs.push(pair);
        }
        Ok(self)
    }

    /// The registry it is for.
    pub fn registry(&self) -> &Origin {
        &self.registry
    }

    /// The realm, if this registry may name it: on its own scheme, host and port, or paired with it.
    ///
    /// A realm that is only a path is one of the registry's own origin. The realm's own query is kept.
    ///
    /// # Errors
    /// [`ErrorCode::RealmNotAllowed`], or [`ErrorCode::UpstreamInvalid`] when it is no URL.
    pub fn admit(&self, realm: &str) -> Result<Realm, ErrorCode> {
        let realm = self.read(realm)?;
        let paired =
            |pair: &Pair| pair.origin == realm.origin && (pair.path == "/" || pair.path == realm.path());
        if realm.origin == self.registry || self.pairs.iter().any(paired) {
            Ok(realm)
        } else {
            Err(ErrorCode::RealmNotAllowed)
        }
    }

    fn pair(&self, realm: &str) -> Result<Pair, ErrorCode> {
        let realm = self.read(realm)?;
        if realm.path_and_query.contains('?') {
            return Err(ErrorCode::RealmNotAllowed);
        }
        Ok(Pair { origin: realm.origin, path: realm.path_and_query })
    }

    /// The canonical realm, not yet admitted.
    fn read(&self, text: &str) -> Result<Realm, ErrorCode> {
        if !is_uri(text) {
            return Err(ErrorCode::UpstreamInvalid);
        }
        let Some((scheme, rest)) = split_scheme(text) else {
            // `/token` is a path of the registry; `//evil.example/token` is another host, and `ftp:` no scheme of ours.
            if !text.starts_with('/') && !has_scheme(text) {
                return Err(ErrorCode::UpstreamInvalid);
            }
            if text.starts_with('/') && !text.starts_with("//") {
                let path_and_query = canonical_path(text).ok_or(ErrorCode::RealmNotAllowed)?;
                return Ok(Realm { origin: self.registry.clone(), path_and_query });
            }
            return Err(ErrorCode::RealmNotAllowed);
        };
        // Credentials for a registry on TLS never leave TLS, whatever is configured.
        if scheme < self.registry.scheme() {
            return Err(ErrorCode::RealmNotAllowed);
        }
        Realm::absolute(scheme, rest).ok_or(ErrorCode::RealmNotAllowed)
    }
}

impl Realm {
    /// The canonical form of what follows `scheme://`, not yet admitted.
    fn absolute(scheme: Scheme, rest: &str) -> Option<Self> {
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let origin = Origin::from_authority(scheme, authority).ok()?;
        Some(Self { origin, path_and_query: canonical_path(path)? })
    }
}

/// Whether two realms, as registries write them, are the same in canonical form. Says nothing of whether to trust them.
pub(crate) fn is_same(a: &str, b: &str) -> bool {
    let canonical = |text| split_scheme(text).and_then(|(scheme, rest)| Realm::absolute(scheme, rest));
    a == b || canonical(a).is_some_and(|a| canonical(b) == Some(a))
}

/// Whether the text consists of what URIs consist of (RFC 3986 §2): a template that was not filled in, as
/// `http://registry:%!s(<nil>)/token`, is broken, and nobody can allow it. Backslashes, spaces and what is beyond ASCII are
/// left to the stricter rules: some parsers make URLs of them.
fn is_uri(text: &str) -> bool {
    let escapes = text.match_indices('%').all(|(at, _)| {
        text.as_bytes().get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    escapes && !text.bytes().any(|byte| matches!(byte, b'<' | b'>' | b'"' | b'{' | b'}' | b'|' | b'^' | b'`'))
}

/// Whether the text starts with a URI scheme and a colon (RFC 3986 §3.1), or holds `//` where an authority would be.
fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    })
}

/// Path and query with an explicit `/` and percent-encodings in capitals (RFC 3986 §6.2.2.1), or `None` for what no
/// token service has and a second parser may read differently: fragments, dot segments, backslashes, spaces, controls,
/// broken percent-encodings, characters beyond ASCII.
fn canonical_path(text: &str) -> Option<String> {
    let (path, query) = match text.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (text, None),
    };
    let mut canonical = String::with_capacity(text.len() + 1);
    if path.is_empty() {
        canonical.push('/');
    }
    push_canonical(&mut canonical, path)?;
    if canonical.split('/').any(crate::text::is_dot_segment) {
        return None;
    }
    if let Some(query) = query.filter(|query| !query.is_empty()) {
        canonical.push('?');
        push_canonical(&mut canonical, query)?;
    }
    // Measured when canonical, so that what was admitted is admitted again.
    (canonical.len() <= MAX_REALM).then_some(canonical)
}

fn push_canonical(out: &mut String, text: &str) -> Option<()> {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let (high, low) = (bytes.next()?, bytes.next()?);
                if !high.is_ascii_hexdigit() || !low.is_ascii_hexdigit() {
                    return None;
                }
                out.push('%');
                out.push(char::from(high.to_ascii_uppercase()));
                out.push(char::from(low.to_ascii_uppercase()));
            }
            // Some servers split a query at semicolons too, which would let a realm smuggle parameters.
            b';' => out.push_str("%3B"),
            byte if byte.is_ascii_alphanumeric() || b"-._~/?:@!$&'()*+,=".contains(&byte) => {
                out.push(char::from(byte));
            }
            _ => return None,
        }
    }
    Some(())
}

#[cfg(test)]
mod tests;
