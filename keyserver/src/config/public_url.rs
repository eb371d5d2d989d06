//! `public_origin`: where browsers reach the server, with a base path if it shares its host with others.

use std::fmt;
use std::str::FromStr;

use dockpass_protocol::origin::Origin;

/// Longest base path.
const MAX_PATH: usize = 128;
/// The first segments of our own paths. A base path that begins with one could not be told from them.
const OWN_SEGMENTS: [&str; 6] = ["r", "v1", "healthz", "readyz", "openapi.json", "dockpass"];

/// The path below which a proxy serves this server: empty, or a slash and segments, without a slash at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BasePath(String);

impl BasePath {
    /// `None` for a path with other characters than unreserved ones (RFC 3986 §2.3), with dot segments, or that begins
    /// like one of the server's own paths.
    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('/').unwrap_or(text);
        if text.is_empty() {
            return Some(Self::default());
        }
        let is_segment = |segment: &str| {
            !matches!(segment, "" | "." | "..")
                && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
        };
        let mut segments = text.strip_prefix('/')?.split('/').peekable();
        let is_own = segments.peek().is_some_and(|first| OWN_SEGMENTS.contains(first));
        (text.len() <= MAX_PATH && !is_own && segments.all(is_segment)).then(|| Self(text.to_owned()))
    }

    /// The text: empty, or as `/registry-login`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The rest of a path below the base path, with its slash. A proxy may remove the base path itself, so that a path
    /// may also come without it.
    pub fn strip<'p>(&self, path: &'p str) -> Option<&'p str> {
        if self.0.is_empty() {
            return None;
        }
        path.strip_prefix(&self.0).filter(|rest| rest.starts_with('/'))
    }

    /// Whether a path is the base path without the slash, from which the page's relative addresses would lead elsewhere.
    pub fn lacks_slash(&self, path: &str) -> bool {
        !self.0.is_empty() && path == self.0
    }
}

/// An origin with a base path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    /// Scheme, host and port.
    pub origin: Origin,
    /// The path below which the server is.
    pub base_path: BasePath,
}

/// The text is no such URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected scheme and host, and perhaps a path")]
pub struct InvalidPublicUrl;

impl FromStr for PublicUrl {
    type Err = InvalidPublicUrl;

    fn from_str(text: &str) -> Result<Self, InvalidPublicUrl> {
        let after_scheme = text.find("://").map_or(0, |at| at + 3);
        let slash = text.get(after_scheme..).and_then(|rest| rest.find('/')).map(|at| after_scheme + at);
        let (origin, path) = text.split_at_checked(slash.unwrap_or(text.len())).unwrap_or((text, ""));
        Ok(Self {
            origin: Origin::parse(origin).map_err(|_| InvalidPublicUrl)?,
            base_path: BasePath::parse(path).ok_or(InvalidPublicUrl)?,
        })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.base_path.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_has_an_origin_and_perhaps_a_path() {
        for (text, canonical) in [
            ("https://a.test", "https://a.test"),
            ("HTTPS://A.test:443/", "https://a.test"),
            ("https://a.test:8443/registry-login", "https://a.test:8443/registry-login"),
            ("https://a.test/tools/registry/", "https://a.test/tools/registry"),
            ("https://[::1]/x", "https://[::1]/x"),
        ] {
            assert_eq!(text.parse::<PublicUrl>().unwrap().to_string(), canonical, "{text}");
        }
        for bad in [
            "",
            "/registry-login",
            "a.test/x",
            "https://a.test//",
            "https://a.test/a//b",
            "https://a.test/../x",
            "https://a.test/a%2fb",
            "https://a.test/a?b",
            "https://a.test/a#b",
            "https://a.test/a b",
            "https://a.test/r/x",
            "https://a.test/v1",
            "https://u:p@a.test/x",
        ] {
            assert!(bad.parse::<PublicUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_whole_segments_are_stripped() {
        let base = BasePath::parse("/app").unwrap();
        for (path, rest) in [
            ("/app/v1/token", Some("/v1/token")),
            ("/app/", Some("/")),
            ("/app/app/x", Some("/app/x")),
            ("/app", None),
            ("/application/v1/token", None),
            ("/v1/token", None),
        ] {
            assert_eq!(base.strip(path), rest, "{path}");
        }
        assert!(base.lacks_slash("/app") && !base.lacks_slash("/app/"));
        assert_eq!(BasePath::default().strip("/app/x"), None);
    }
}
