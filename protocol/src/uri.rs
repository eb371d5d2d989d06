//! URI references (RFC 3986): the one reader for the targets of `Link` and `Location`, and the one percent-decoder.
//!
//! Strict where two readers could disagree about which server a reference means: no user information, no backslashes,
//! no characters outside printable ASCII, no encoded dot segments. Realms have a stricter reader of their own
//! ([`RealmPolicy`](crate::realm::RealmPolicy)), because credentials are sent there.

use crate::origin::{Origin, split_scheme};
use crate::text;

/// The longest reference that is read, in bytes.
const MAX_REFERENCE: usize = 8 * 1024;

/// What a reference means at the place where it was read: a server, and the path with query to request there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// Scheme, host and port.
    pub origin: Origin,
    /// The path, which starts with `/`, and the query with its `?` if there is one. Without dot segments.
    pub path_and_query: String,
}

impl Target {
    /// The path without the query.
    pub fn path(&self) -> &str {
        path_of(&self.path_and_query)
    }
}

/// Resolves a reference that was read in a response from `base` to a request for `base_path` (a path, with or without
/// query), by RFC 3986 §5.2: absolute (`https://host/path`), without scheme (`//host/path`), without host (`/path`),
/// relative to the path (`list?n=2`, `../list`), or the query alone (`?n=2`).
///
/// `None` when it is no `http` or `https` reference, has a fragment, or is one that is read differently elsewhere (see
/// the module's documentation).
///
/// ```
/// use dockpass_protocol::{origin::Origin, uri::resolve};
/// let registry = Origin::parse("https://reg.example").unwrap();
/// let target = resolve("?n=2&last=b", &registry, "/v2/_catalog?n=2").unwrap();
/// assert_eq!((&target.origin, &*target.path_and_query), (&registry, "/v2/_catalog?n=2&last=b"));
/// ```
pub fn resolve(reference: &str, base: &Origin, base_path: &str) -> Option<Target> {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#' | b'"' | b'<' | b'>');
    if reference.is_empty() || reference.len() > MAX_REFERENCE || !reference.bytes().all(plain) {
        return None;
    }
    let (origin, path) = if let Some((scheme, rest)) = split_scheme(reference) {
        let (authority, path) = split_authority(rest)?;
        (Origin::from_authority(scheme, authority).ok()?, path.to_owned())
    } else if let Some(rest) = reference.strip_prefix("//") {
        let (authority, path) = split_authority(rest)?;
        (Origin::from_authority(base.scheme(), authority).ok()?, path.to_owned())
    } else if reference.starts_with('/') {
        (base.clone(), reference.to_owned())
    } else if reference.starts_with('?') {
        (base.clone(), format!("{}{reference}", path_of(base_path)))
    } else {
        // `javascript:…` has a scheme, and is none of ours (§4.2: a first segment with a colon cannot stand alone).
        if reference.split(['/', '?']).next().is_some_and(|first| first.contains(':')) {
            return None;
        }
        let (folder, _) = text::split_last(path_of(base_path), b'/')?;
        (base.clone(), format!("{folder}/{reference}"))
    };
    Some(Target { origin, path_and_query: without_dot_segments(&path)? })
}

/// The reference that means `to` (a path with or without query) wherever `from` is the path of the request: without
/// scheme, host or leading slash, so that it holds behind every prefix under which both paths are served.
///
/// Both are absolute paths without dot segments. [`resolve`] is its inverse.
pub fn relative(from: &str, to: &str) -> String {
    let from = path_of(from);
    let (to_path, query) = to.split_at_checked(path_of(to).len()).unwrap_or((to, ""));
    if from == to_path && !query.is_empty() {
        return query.to_owned();
    }
    let mut from: Vec<&str> = from.split('/').collect();
    let mut to: Vec<&str> = to_path.split('/').collect();
    from.pop();
    let last = to.pop().unwrap_or_default();
    let shared = from.iter().zip(&to).take_while(|(from, to)| from == to).count();
    let mut out = "../".repeat(from.len() - shared);
    for segment in to.into_iter().skip(shared) {
        out.push_str(segment);
        out.push('/');
    }
    out.push_str(last);
    // An empty path would mean the same document, and a first segment with a colon a scheme.
    if out.is_empty() || out.split('/').next().is_some_and(|first| first.contains(':')) {
        out.insert_str(0, "./");
    }
    out.push_str(query);
    out
}

/// Decodes `%XX` (RFC 3986 §2.1). `+` stays as it is. `None` for a `%` without two hexadecimal digits.
pub fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' {
            let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
            u8::try_from(digit()? * 16 + digit()?).ok()?
        } else {
            byte
        });
    }
    Some(decoded)
}

/// The path of a path with query.
fn path_of(target: &str) -> &str {
    target.split(['?', '#']).next().unwrap_or_default()
}

/// Host and port, and the path with query.
fn split_authority(rest: &str) -> Option<(&str, &str)> {
    rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len()))
}

/// RFC 3986 §5.2.4, with `/` for an empty path. `None` for a dot segment that is written with escapes: some servers
/// decode it, some do not.
fn without_dot_segments(path_and_query: &str) -> Option<String> {
    let path = path_of(path_and_query);
    let query = path_and_query.get(path.len()..)?;
    if !path.split('/').any(text::is_dot_segment) {
        let slash = if path.is_empty() { "/" } else { "" };
        return Some(format!("{slash}{path_and_query}"));
    }
    let mut segments: Vec<&str> = Vec::new();
    let mut rest = path.split('/').skip(1).peekable();
    while let Some(segment) = rest.next() {
        match segment {
            "." => {}
            ".." => {
                segments.pop();
            }
            _ if text::is_dot_segment(segment) => return None,
            _ => {
                segments.push(segment);
                continue;
            }
        }
        // A dot segment at the end leaves a folder.
        if rest.peek().is_none() {
            segments.push("");
        }
    }
    let mut joined = String::with_capacity(path.len() + query.len() + 1);
    for segment in &segments {
        joined.push('/');
        joined.push_str(segment);
    }
    if segments.is_empty() {
        joined.push('/');
    }
    joined.push_str(query);
    Some(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Origin {
        Origin::parse("https://reg.example:5000").unwrap()
    }

    fn at(reference: &str, path: &str) -> Option<String> {
        let target = resolve(reference, &base(), path)?;
        let origin = if target.origin == base() { String::new() } else { target.origin.to_string() };
        Some(format!("{origin}{}", target.path_and_query))
    }

    #[test]
    fn every_form_of_a_reference_is_resolved() {
        // RFC 3986 §5.4.1, without the forms that have a fragment or parameters of ours.
        for (reference, expected) in [
            ("g", "/b/c/g"),
            ("./g", "/b/c/g"),
            ("g/", "/b/c/g/"),
            ("/g", "/g"),
            ("//g", "https://g/"),
            ("?y", "/b/c/d;p?y"),
            ("g?y", "/b/c/g?y"),
            (".", "/b/c/"),
            ("./", "/b/c/"),
            ("..", "/b/"),
            ("../", "/b/"),
            ("../g", "/b/g"),
            ("../..", "/"),
            ("../../g", "/g"),
            ("../../../g", "/g"),
            ("/./g", "/g"),
            ("/../g", "/g"),
            ("./g/.", "/b/c/g/"),
            ("g/../h", "/b/c/h"),
            ("..g", "/b/c/..g"),
            ("g?y/../x", "/b/c/g?y/../x"),
            ("HTTPS://REG.example:5000/x?y", "/x?y"),
            ("http://reg.example:5000", "http://reg.example:5000/"),
            ("https://other.example?x", "https://other.example/?x"),
            ("https://CDN.example/a%2Fb?X=1", "https://cdn.example/a%2Fb?X=1"),
        ] {
            assert_eq!(at(reference, "/b/c/d;p?q").as_deref(), Some(expected), "{reference}");
        }
    }

    #[test]
    fn ambiguous_references_are_refused() {
        for reference in [
            "",
            "#x",
            "/a#x",
            "/a b",
            "/a\\b",
            "\\\\evil.example/",
            "/\u{e9}",
            "/a\r\nb",
            "/%2e%2E/a",
            "/a/.%2e/b",
            "javascript:alert(1)",
            "ftp://reg.example/x",
            "https:reg.example",
            "https://user@reg.example/",
            "https://reg.example:5000@evil.example/",
            "//",
            "https:///x",
            "https://127.1/",
            "https://reg.example:0/",
            "https://u:p@reg.example/",
        ] {
            assert_eq!(at(reference, "/v2/"), None, "{reference}");
        }
        assert_eq!(at(&"a".repeat(MAX_REFERENCE + 1), "/v2/"), None);
    }

    #[test]
    fn a_relative_reference_resolves_to_what_it_was_made_of() {
        for (from, to, expected) in [
            ("/v2/_catalog?n=2", "/v2/_catalog?n=2&last=b", "?n=2&last=b"),
            ("/v2/a/tags/list", "/v2/a/tags/list", "list"),
            ("/v2/a/tags/list", "/v2/b/c/tags/list?n=1", "../../b/c/tags/list?n=1"),
            ("/v2/a/tags/list", "/v2/_catalog", "../../_catalog"),
            ("/v2/a/tags/list", "/v2/a/tags/other", "other"),
            ("/v2/", "/v2/", "./"),
            ("/v2/", "/v2/?x", "?x"),
            ("/v2/a/referrers/x", "/v2/a/referrers/sha256:0", "./sha256:0"),
            ("/v2/a/tags/list", "/other", "../../../other"),
        ] {
            assert_eq!(relative(from, to), expected, "{from} {to}");
            assert_eq!(at(expected, from).as_deref(), Some(to), "{from} {expected}");
            // The same behind a prefix.
            let prefixed = at(expected, &format!("/ks/r/host{from}")).unwrap();
            assert_eq!(prefixed, format!("/ks/r/host{to}"));
        }
    }

    #[test]
    fn only_whole_escapes_are_decoded() {
        assert_eq!(percent_decode("a%2Fb%3a+%25").as_deref(), Some(&b"a/b:+%"[..]));
        assert_eq!(percent_decode("%ff").as_deref(), Some(&b"\xff"[..]));
        for text in ["%", "%2", "%zz", "%2g", "a%"] {
            assert_eq!(percent_decode(text), None, "{text}");
        }
    }
}
