//! Realms: the token services that credentials may be sent to.
//!
//! A registry names its token service in a challenge. An attacker who controls the registry, or the network path to it,
//! can name any server. A realm is therefore used only if the policy of that registry admits it. A common domain is not
//! enough: `evil.jfrog.io` is not `victim.jfrog.io`.

use std::fmt;

use crate::code::ErrorCode;
use crate::origin::{Origin, Scheme, split_scheme};

/// The maximum length of a realm's path and query, in canonical form.
const MAX_REALM: usize = 2048;

/// Public registries whose token service is on another host than the registry: registry host, realm.
const SHIPPED: &[(&str, &str)] = &[
    ("registry-1.docker.io", "https://auth.docker.io/token"),
    ("registry.gitlab.com", "https://gitlab.com/jwt/auth"),
    ("nvcr.io", "https://authn.nvidia.com/token"),
];

/// A token service that the credentials for one registry may be sent to. Only [`RealmPolicy::admit`] creates it.
///
/// `Display` prints the canonical URL; admitting the result gives an equal value.
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

/// The realms that a registry may name: those on its own origin, and configured ones.
#[derive(Clone, Debug)]
pub struct RealmPolicy {
    registry: Origin,
    pairs: Vec<Pair>,
}

/// A configured token service of the registry. The path `/` stands for every path.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pair {
    origin: Origin,
    path: String,
}

/// The part of a policy that a flow needs. A trait, so that the browser's module does not contain the policy.
pub(crate) trait AdmitRealm: fmt::Debug + Send + Sync {
    /// See [`RealmPolicy::admit`].
    fn admit(&self, realm: &str) -> Result<Realm, ErrorCode>;

    /// Whether the realm is admitted and is on the registry's own origin.
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
    /// The policy of a registry, with the built-in realms (Docker Hub, GitLab.com, nvcr.io).
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

    /// The policy that admits only realms on the registry's own origin.
    pub(crate) fn own_origin(origin: Origin) -> Self {
        Self { registry: origin, pairs: Vec::new() }
    }

    /// Allows one more realm, written as a URL: `https://host[:port][/path]`. Without a path, or with `/`, it allows every
    /// path of that origin; otherwise only this path.
    ///
    /// # Errors
    /// [`ErrorCode::RealmNotAllowed`] for a URL that cannot be a realm: another scheme, user information, query or fragment,
    /// or `http` for a registry on `https`. [`ErrorCode::UpstreamInvalid`] when it is not a URL.
    pub fn allow(mut self, realm: &str) -> Result<Self, ErrorCode> {
        let pair = self.pair(realm)?;
        if !self.pairs.contains(&pair) {
            self.pairs.push(pair);
        }
        Ok(self)
    }

    /// The origin of the registry.
    pub fn registry(&self) -> &Origin {
        &self.registry
    }

    /// Admits a realm that is on the registry's own scheme, host and port, or configured for it.
    ///
    /// A realm that is only a path is on the registry's own origin. The realm's own query is kept.
    ///
    /// # Errors
    /// [`ErrorCode::RealmNotAllowed`], or [`ErrorCode::UpstreamInvalid`] when it is not a URL.
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
            // `/token` is a path of the registry; `//evil.example/token` is another host; `ftp:` is not supported.
            if !text.starts_with('/') && !has_scheme(text) {
                return Err(ErrorCode::UpstreamInvalid);
            }
            if text.starts_with('/') && !text.starts_with("//") {
                let path_and_query = canonical_path(text).ok_or(ErrorCode::RealmNotAllowed)?;
                return Ok(Realm { origin: self.registry.clone(), path_and_query });
            }
            return Err(ErrorCode::RealmNotAllowed);
        };
        // Credentials for a registry on https are never sent over http, whatever is configured.
        if scheme < self.registry.scheme() {
            return Err(ErrorCode::RealmNotAllowed);
        }
        Realm::absolute(scheme, rest).ok_or(ErrorCode::RealmNotAllowed)
    }
}

impl Realm {
    /// The canonical realm from the part after `scheme://`, not yet admitted.
    fn absolute(scheme: Scheme, rest: &str) -> Option<Self> {
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let origin = Origin::from_authority(scheme, authority).ok()?;
        Some(Self { origin, path_and_query: canonical_path(path)? })
    }
}

/// Whether two realms, as registries write them, have the same canonical form. This does not admit them.
pub(crate) fn is_same(a: &str, b: &str) -> bool {
    let canonical = |text| split_scheme(text).and_then(|(scheme, rest)| Realm::absolute(scheme, rest));
    a == b || canonical(a).is_some_and(|a| canonical(b) == Some(a))
}

/// Whether the string consists of URI characters (RFC 3986 §2). A template that was not filled in, such as
/// `http://registry:%!s(<nil>)/token`, does not. Backslashes, spaces and non-ASCII characters pass here and are refused
/// later as not allowed, because some parsers read such strings as URLs.
fn is_uri(text: &str) -> bool {
    let escapes = text.match_indices('%').all(|(at, _)| {
        text.as_bytes().get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    escapes && !text.bytes().any(|byte| matches!(byte, b'<' | b'>' | b'"' | b'{' | b'}' | b'|' | b'^' | b'`'))
}

/// Whether the string starts with a URI scheme and a colon (RFC 3986 §3.1), or has `//` in the place of an authority.
fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    })
}

/// Path and query with an explicit `/` and upper-case percent-encodings (RFC 3986 §6.2.2.1). `None` for parts that another
/// parser may read differently: fragments, dot segments, backslashes, spaces, control characters, invalid
/// percent-encodings and non-ASCII characters.
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
    // The canonical form is measured, so that an admitted realm is always admitted again.
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
            // Some servers also split a query at semicolons, so a realm could override parameters.
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
