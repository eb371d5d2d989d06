//! Where the next page is (RFC 8288; distribution-spec "Listing tags").
//!
//! A registry names it in a `Link` field. That text decides where the next request goes, with its `Authorization`; so it
//! is followed only on the same origin, and only to the registry API (GHSA-h7vf-4x9w-h99v).

use crate::origin::{Origin, split_scheme};
use crate::text;

/// The longest field line that is read.
const MAX_LINE: usize = 8 * 1024;
/// The longest path that is followed.
const MAX_PATH: usize = 4 * 1024;

/// The path, with its query, of the page after the one at `path`, or `None` when this was the last one, or when what is
/// named may not be followed.
///
/// `lines` are the `Link` field lines of the answer to `GET path` at `registry`; of several links the first with the
/// relation `next` counts. Relative references are resolved against `path` (RFC 3986 §5). A page that names itself is
/// no next one.
pub fn next_page<'a>(
    lines: impl IntoIterator<Item = &'a str>,
    registry: &Origin,
    path: &str,
) -> Option<String> {
    let target = lines.into_iter().filter(|line| line.len() <= MAX_LINE).find_map(next_target)?;
    let next = resolve(target, registry, path)?;
    (next != path).then_some(next)
}

/// The target of the first link of a field line whose relation types hold `next`.
fn next_target(line: &str) -> Option<&str> {
    let mut rest = line;
    loop {
        let (_, after) = rest.split_once('<')?;
        let (target, after) = after.split_once('>')?;
        let (is_next, after) = params(after);
        if is_next {
            return Some(target.trim());
        }
        rest = after;
    }
}

/// Whether the parameters up to the next comma hold `rel=next`, and what follows the comma. Only the first `rel` counts
/// (RFC 8288 §3.3).
fn params(text: &str) -> (bool, &str) {
    let mut relation: Option<bool> = None;
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        if let Some(after) = rest.strip_prefix(',') {
            return (relation == Some(true), after);
        }
        let Some(after) = rest.strip_prefix(';') else {
            // The end, or something that is no parameter: then what was read still counts, and no more is read.
            return (relation == Some(true) && rest.is_empty(), "");
        };
        let after = after.trim_start_matches([' ', '\t']);
        let end = after.find(['=', ';', ',']).unwrap_or(after.len());
        let (name, after) = after.split_at_checked(end).unwrap_or((after, ""));
        let (value, after) = match after.strip_prefix('=') {
            Some(after) => value(after.trim_start_matches([' ', '\t'])),
            None => ("", after),
        };
        if relation.is_none() && name.trim_end().eq_ignore_ascii_case("rel") {
            relation = Some(value.split(' ').any(|relation| relation.eq_ignore_ascii_case("next")));
        }
        rest = after;
    }
}

/// A parameter's value, and what follows it. Escapes in quoted strings only matter for where the string ends.
fn value(text: &str) -> (&str, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',']).unwrap_or(text.len());
        let (value, after) = text.split_at_checked(end).unwrap_or((text, ""));
        return (value.trim_end(), after);
    };
    let mut escaped = false;
    let end = quoted.find(|c: char| {
        let is_end = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        is_end
    });
    end.and_then(|end| quoted.split_at_checked(end))
        .map_or(("", ""), |(value, after)| (value, after.strip_prefix('"').unwrap_or(after)))
}

/// The path and query of a reference on the same origin, in the registry API.
fn resolve(target: &str, registry: &Origin, base: &str) -> Option<String> {
    let base_path = base.split(['?', '#']).next().unwrap_or_default();
    let path = if let Some((scheme, rest)) = split_scheme(target) {
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let origin = Origin::from_authority(scheme, authority).ok()?;
        (origin == *registry).then(|| path.to_owned())?
    } else if target.starts_with("//") {
        let end = target.get(2..)?.find(['/', '?', '#', '\\']).map_or(target.len(), |end| end + 2);
        let (authority, path) = target.split_at_checked(end)?;
        let origin = Origin::from_authority(registry.scheme(), authority.get(2..)?).ok()?;
        (origin == *registry).then(|| path.to_owned())?
    } else if target.starts_with('/') {
        target.to_owned()
    } else if target.starts_with('?') {
        format!("{base_path}{target}")
    } else {
        // `list?n=2` beside the request's own last segment; a colon there would make it a scheme (RFC 3986 §4.2).
        let first = target.split(['/', '?']).next().unwrap_or_default();
        if target.is_empty() || first.contains(':') {
            return None;
        }
        let (folder, _) = base_path.rsplit_once('/')?;
        format!("{folder}/{target}")
    };
    is_api_path(&path).then_some(path)
}

/// A path below `/v2/` that every parser reads alike: visible ASCII, no backslash, no fragment, no dot segments.
fn is_api_path(path: &str) -> bool {
    let only_path = path.split('?').next().unwrap_or_default();
    path.len() <= MAX_PATH
        && path.starts_with("/v2/")
        && path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#' | b'"' | b'<' | b'>'))
        && !only_path.split('/').any(text::is_dot_segment)
        && !text::has(only_path, "//")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/v2/a/b/tags/list?n=2";

    fn next(lines: &[&str]) -> Option<String> {
        next_page(lines.iter().copied(), &Origin::parse("https://reg.example:5000").unwrap(), PATH)
    }

    #[test]
    fn the_first_link_of_the_right_relation() {
        let expected = Some("/v2/a/b/tags/list?n=2&last=b".to_owned());
        for line in [
            r#"</v2/a/b/tags/list?n=2&last=b>; rel="next""#,
            "</v2/a/b/tags/list?n=2&last=b>;rel=next",
            r#"<https://reg.example:5000/v2/a/b/tags/list?n=2&last=b>; title="a, b; \"c\""; REL="prev Next""#,
            r#"</v2/x>; rel="prev", </v2/a/b/tags/list?n=2&last=b> ; rel = "next" , </v2/y>; rel="next""#,
            r#"<list?n=2&last=b>; rel="next""#,
            r#"<?n=2&last=b>; rel="next""#,
            r#"<//REG.example:5000/v2/a/b/tags/list?n=2&last=b>; rel="next""#,
        ] {
            assert_eq!(next(&[line]), expected, "{line}");
            assert_eq!(next(&["<>; rel=\"last\"", line]), expected, "{line}");
        }
    }

    #[test]
    fn other_places_are_not_followed() {
        for target in [
            "https://evil.example/v2/a/b/tags/list",
            "https://reg.example/v2/a/b/tags/list",
            "http://reg.example:5000/v2/a/b/tags/list",
            "https://reg.example:5000@evil.example/v2/",
            "https://reg.example:5000\\@evil.example/v2/",
            "//evil.example/v2/x",
            "/v2",
            "/v1/x",
            "/v2/../admin",
            "/v2/%2e%2E/admin",
            "/v2//evil.example/x",
            "/v2/a\\b",
            "/v2/a b",
            "/v2/a#b",
            "/v2/\u{e9}",
            "javascript:alert(1)",
            "ftp:/v2/x",
            "",
            PATH,
        ] {
            assert_eq!(next(&[&format!("<{target}>; rel=\"next\"")]), None, "{target}");
        }
    }

    #[test]
    fn what_is_no_next_link() {
        for line in [
            "",
            "</v2/x>",
            "</v2/x>; rel=prev",
            "</v2/x>; rel=nextish",
            "</v2/x>; rel=prev; rel=next",
            "</v2/x; rel=next",
            "/v2/x; rel=next",
            "</v2/x> rel=next",
            "</v2/x>; rel=\"next",
            "</v2/x>; title=\"rel=next\"",
        ] {
            assert_eq!(next(&[line]), None, "{line}");
        }
        assert_eq!(next(&[]), None);
        assert_eq!(next(&[&format!("{}</v2/x>; rel=next", " ".repeat(MAX_LINE))]), None);
    }
}
