//! The next page of a listing (distribution-spec "Listing tags", "Listing referrers").

use crate::link::{self, Link};
use crate::origin::Origin;
use crate::text;
use crate::uri::{self, Target};

/// The maximum length of a path that is followed, query included.
const MAX_PATH: usize = 4 * 1024;

/// The next page of a listing, by the `Link` field of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextPage {
    /// The list is complete: no link has the relation `next`.
    None,
    /// The path to request, with its query.
    Path(String),
    /// The list is not complete, but the link to the next page cannot be followed.
    Unusable,
}

impl NextPage {
    /// The path to request, if there is one.
    pub fn path(self) -> Option<String> {
        match self {
            Self::Path(path) => Some(path),
            Self::None | Self::Unusable => None,
        }
    }
}

/// The next page, by the first link with the relation `next` in the lines of a `Link` field. `path` is the path of the
/// request, with its query.
///
/// The next page is always requested from the server and path of this one, because a token is sent with the request.
/// Only the query of the link is used, because registries behind proxies write the rest as seen on their side of the proxy:
/// - The host must be the registry's. Its scheme and a missing port are ignored, because TLS may end at a proxy.
/// - If the link's path is that of the request, or ends with it (after a prefix), its query is used unchanged.
/// - Otherwise `n` and `last` of its query are used (Artifactory leaves out the repository key).
///
/// A link without a usable query, a link to the same page, and a malformed line that contains the relation `next` are
/// [`NextPage::Unusable`].
pub fn next_page<'a>(
    lines: impl IntoIterator<Item = &'a str, IntoIter: Clone>,
    registry: &Origin,
    path: &str,
) -> NextPage {
    let lines = lines.into_iter();
    match link::parse(lines.clone()).find(|link| link.has_relation("next")) {
        Some(link) => match page_of(&link, registry, path) {
            Some(next) if next != path && next.len() <= MAX_PATH => NextPage::Path(next),
            _ => NextPage::Unusable,
        },
        None if lines.into_iter().any(link::hides_next) => NextPage::Unusable,
        None => NextPage::None,
    }
}

/// The page that a link points to, as a path of the same listing.
fn page_of(link: &Link<'_>, registry: &Origin, path: &str) -> Option<String> {
    let target = uri::resolve(link.target, registry, path)?;
    let Target { origin, path_and_query } = &target;
    let is_same_port = origin.port() == registry.port() || origin.port() == origin.scheme().default_port();
    if origin.host() != registry.host() || !is_same_port {
        return None;
    }
    let (own, own_query) = path.split_once('?').unwrap_or((path, ""));
    let (linked, query) = path_and_query.split_once('?')?;
    if linked.ends_with(own) {
        return (!query.is_empty()).then(|| format!("{own}?{query}"));
    }
    let last = parameter(query, "last=").filter(|last| !last.is_empty())?;
    let number = parameter(query, "n=").or_else(|| parameter(own_query, "n="));
    Some(match number {
        Some(n) => format!("{own}?n={n}&last={last}"),
        None => format!("{own}?last={last}"),
    })
}

/// The value of the first parameter with this name (given with its `=`), still percent-encoded.
fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| pair.strip_prefix(name))
}

/// The path of the registry's API that a link points to, with its query; `None` when it points anywhere else. `path` is
/// the path of the request.
pub fn api_path(link: &Link<'_>, registry: &Origin, path: &str) -> Option<String> {
    let target = uri::resolve(link.target, registry, path)?;
    let only_path = target.path();
    let is_api = target.origin == *registry
        && target.path_and_query.len() <= MAX_PATH
        && only_path.starts_with("/v2/")
        && !text::has(only_path, "//");
    is_api.then_some(target.path_and_query)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/v2/a/b/tags/list?n=2";

    fn next(lines: &[&str]) -> NextPage {
        next_page(lines.iter().copied(), &Origin::parse("https://reg.example:5000").unwrap(), PATH)
    }

    #[test]
    fn the_first_next_link_is_followed() {
        let expected = NextPage::Path("/v2/a/b/tags/list?n=2&last=b".to_owned());
        for line in [
            r#"</v2/a/b/tags/list?n=2&last=b>; rel="next""#,
            r#"<https://reg.example:5000/v2/a/b/tags/list?n=2&last=b>; title="a, b; \"c\""; REL="prev Next""#,
            r#"</v2/x>; rel="prev", </v2/a/b/tags/list?n=2&last=b> ; rel = "next" , </v2/y>; rel="next""#,
            r#"<list?n=2&last=b>; rel="next""#,
            r#"<../tags/list?n=2&last=b>; rel="next""#,
            r#"<?n=2&last=b>; rel="next""#,
            r#"<//REG.example:5000/v2/a/b/tags/list?n=2&last=b>; rel="next""#,
        ] {
            assert_eq!(next(&[line]), expected, "{line}");
            assert_eq!(next(&["<>; rel=\"last\"", line]), expected, "{line}");
        }
    }

    #[test]
    fn a_link_elsewhere_is_unusable() {
        for target in [
            "https://evil.example/v2/a/b/tags/list?last=b",
            "https://reg.example:5000@evil.example/v2/?last=b",
            "https://reg.example:9999/v2/a/b/tags/list?last=b",
            "//evil.example/v2/x?last=b",
            "/v2",
            "/v1/x",
            "/v2/../admin",
            "/v2/%2e%2E/a/b/tags/list?last=b",
            "/v2/a#b",
            "javascript:alert(1)",
            "",
            PATH,
        ] {
            assert_eq!(next(&[&format!("<{target}>; rel=\"next\"")]), NextPage::Unusable, "{target}");
        }
    }

    #[test]
    fn of_another_path_only_the_cursor_is_taken() {
        let expected = NextPage::Path("/v2/a/b/tags/list?n=2&last=c".to_owned());
        for target in [
            "/v2/b/tags/list?last=c&n=2",
            "/v2/other/secret/tags/list?last=c",
            "/v2//evil.example/x?last=c&x=y",
            "http://reg.example/prefix/v2/a/b/tags/list?n=2&last=c",
        ] {
            assert_eq!(next(&[&format!("<{target}>; rel=\"next\"")]), expected, "{target}");
        }
    }

    #[test]
    fn without_a_next_link_the_list_is_complete() {
        for line in ["", "</v2/x>", "</v2/x>; rel=prev", "</v2/x; rel=prev"] {
            assert_eq!(next(&[line]), NextPage::None, "{line}");
        }
        assert_eq!(next(&[]), NextPage::None);
    }
}
