//! The next page of a listing (distribution-spec "Listing tags", "Listing referrers").

use crate::link::{self, Link};
use crate::origin::Origin;
use crate::text;
use crate::uri;

/// The longest path that is followed, query included.
const MAX_PATH: usize = 4 * 1024;

/// What the `Link` lines of a listing's response say of the page after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextPage {
    /// There is no link with the relation `next`: the list is complete.
    None,
    /// Request this path, with its query.
    Path(String),
    /// There is a next page, but its link cannot be followed: the list is not complete.
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

/// The next page, by the first link with the relation `next` among the lines of a `Link` field. `path` is the path of
/// the request that was answered, with its query. A link is followed only to the same registry, and only to a path of
/// its API: whoever requests it sends a token along.
pub fn next_page<'a>(lines: impl IntoIterator<Item = &'a str>, registry: &Origin, path: &str) -> NextPage {
    match link::parse(lines).find(|link| link.has_relation("next")) {
        None => NextPage::None,
        Some(link) => match api_path(&link, registry, path) {
            Some(next) if next != path => NextPage::Path(next),
            _ => NextPage::Unusable,
        },
    }
}

/// The path of the registry's API that a link leads to, with its query; `None` when it leads anywhere else. `path` is
/// the path of the request in whose response it was.
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
            "https://evil.example/v2/a/b/tags/list",
            "https://reg.example/v2/a/b/tags/list",
            "http://reg.example:5000/v2/a/b/tags/list",
            "https://reg.example:5000@evil.example/v2/",
            "//evil.example/v2/x",
            "/v2",
            "/v1/x",
            "/v2/../admin",
            "/v2/%2e%2E/admin",
            "/v2//evil.example/x",
            "/v2/a#b",
            "javascript:alert(1)",
            "",
            PATH,
        ] {
            assert_eq!(next(&[&format!("<{target}>; rel=\"next\"")]), NextPage::Unusable, "{target}");
        }
    }

    #[test]
    fn without_a_next_link_the_list_is_complete() {
        for line in ["", "</v2/x>", "</v2/x>; rel=prev", "/v2/x; rel=next"] {
            assert_eq!(next(&[line]), NextPage::None, "{line}");
        }
        assert_eq!(next(&[]), NextPage::None);
    }
}
