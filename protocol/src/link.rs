//! Parser for the `Link` field (RFC 8288 §3), used by the page and by the gateway.

use std::iter;

/// The maximum length of a line. Quay's links, the longest known, have less than 2 kB.
const MAX_LINE: usize = 8 * 1024;

/// One link of a `Link` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// The reference between `<` and `>`, not resolved (see [`uri::resolve`](crate::uri::resolve)).
    pub target: &'a str,
    /// The parameters as they were written, from the first `;` on. Empty when there is none.
    pub params: &'a str,
    /// The value of `rel`; the first one counts (§3.3).
    relation: Option<&'a str>,
}

impl Link<'_> {
    /// Whether this relation type is in `rel` (§3.3). Relation types are compared case-insensitively.
    pub fn has_relation(&self, relation: &str) -> bool {
        self.relation
            .is_some_and(|list| list.split([' ', '\t']).any(|item| item.eq_ignore_ascii_case(relation)))
    }
}

/// Parses the lines of a `Link` field, in order. The rest of a line after a syntax error is skipped, and so are lines of
/// more than 8 KiB. A line of a single link may lack `<` and `>`, as zot sent it until 2023.
///
/// ```
/// use dockpass_protocol::link::parse;
/// let mut links = parse([r#"</v2/_catalog?last=b>; rel="next""#]);
/// assert!(links.next().is_some_and(|link| link.has_relation("next")));
/// ```
pub fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = Link<'a>> {
    lines.into_iter().filter(|line| line.len() <= MAX_LINE).flat_map(|line| {
        let mut rest = line;
        iter::from_fn(move || {
            let (link, after) = read(rest)?;
            rest = after;
            Some(link)
        })
    })
}

/// Whether a line has a syntax error and contains the relation `next`. The list then has a next page, although its link
/// cannot be read.
pub(crate) fn hides_next(line: &str) -> bool {
    let mut rest = line;
    while let Some((_, after)) = read(rest) {
        rest = after;
    }
    let is_cut = line.len() > MAX_LINE || !rest.trim().is_empty();
    is_cut && {
        let plain = line.bytes().filter(|byte| !matches!(byte, b' ' | b'\t' | b'"'));
        let plain: Vec<u8> = plain.map(|byte| byte.to_ascii_lowercase()).collect();
        plain.windows(REL_NEXT.len()).any(|window| window == REL_NEXT)
    }
}

const REL_NEXT: &[u8] = b"rel=next";

/// One link, and the rest of the line after its comma.
fn read(text: &str) -> Option<(Link<'_>, &str)> {
    let (target, params) = match text.split_once('<') {
        Some((_, after)) => after.split_once('>')?,
        None => text.split_at_checked(text.find(';')?)?,
    };
    let mut relation = None;
    let mut rest = params;
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        if rest.is_empty() || rest.starts_with(',') {
            let length = params.len() - rest.len();
            let link = Link { target: target.trim(), params: params.get(..length)?.trim(), relation };
            return Some((link, rest.strip_prefix(',').unwrap_or(rest)));
        }
        let param = rest.strip_prefix(';')?.trim_start_matches([' ', '\t']);
        let end = param.find(['=', ';', ',']).unwrap_or(param.len());
        let (name, after) = param.split_at_checked(end)?;
        let (value, after) = match after.strip_prefix('=') {
            Some(after) => value(after.trim_start_matches([' ', '\t']))?,
            None => ("", after),
        };
        if relation.is_none() && name.trim_end().eq_ignore_ascii_case("rel") {
            // Single quotes are no quotes (RFC 9110 §5.6.4), and part of no relation type.
            relation = Some(value.trim_matches('\''));
        }
        rest = after;
    }
}

/// A value and the rest of the line. Backslash escapes in a quoted value are skipped but not removed, because the value is
/// only compared. `None` when the closing quote is missing.
fn value(text: &str) -> Option<(&str, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',']).unwrap_or(text.len());
        let (value, after) = text.split_at_checked(end)?;
        return Some((value.trim_end(), after));
    };
    let mut escaped = false;
    let end = quoted.find(|c: char| {
        let is_end = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        is_end
    })?;
    let (value, after) = quoted.split_at_checked(end)?;
    Some((value, after.strip_prefix('"')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(line: &str) -> Vec<(&str, &str, bool)> {
        parse([line]).map(|link| (link.target, link.params, link.has_relation("next"))).collect()
    }

    #[test]
    fn targets_parameters_and_relations_are_read() {
        for (line, expected) in [
            (r#"</a>; rel="next""#, vec![("/a", r#"; rel="next""#, true)]),
            ("</a>;rel=next", vec![("/a", ";rel=next", true)]),
            (
                r#"</a>; title="x, y; \"z\""; REL="prev Next""#,
                vec![("/a", r#"; title="x, y; \"z\""; REL="prev Next""#, true)],
            ),
            (
                r#"</p>; rel="prev", </a> ; rel = "next" , </y>; rel="next""#,
                vec![
                    ("/p", r#"; rel="prev""#, false),
                    ("/a", r#"; rel = "next""#, true),
                    ("/y", r#"; rel="next""#, true),
                ],
            ),
            ("<>; rel=\"next\"", vec![("", "; rel=\"next\"", true)]),
            ("</a>", vec![("/a", "", false)]),
            ("</a>; rel=prev; rel=next", vec![("/a", "; rel=prev; rel=next", false)]),
            ("</a>; rel='next'", vec![("/a", "; rel='next'", true)]),
            ("</a>; rel='prev next'", vec![("/a", "; rel='prev next'", true)]),
            ("</a>; rel=nextish", vec![("/a", "; rel=nextish", false)]),
            ("</a>; title=\"rel=next\"", vec![("/a", "; title=\"rel=next\"", false)]),
            ("/a; rel=next", vec![("/a", "; rel=next", true)]),
            (" /a?b , c ;rel=\"next\"", vec![("/a?b , c", ";rel=\"next\"", true)]),
            ("", vec![]),
            ("/a", vec![]),
            ("</a; rel=next", vec![]),
            ("</a> rel=next", vec![]),
            ("</a>; rel=\"next", vec![]),
        ] {
            assert_eq!(all(line), expected, "{line}");
        }
        assert_eq!(all(&format!("{}</a>; rel=next", " ".repeat(MAX_LINE))), []);
    }

    #[test]
    fn a_line_that_cannot_be_read_to_its_end_may_hide_the_next_page() {
        let long = format!("{}</a>; rel=next", " ".repeat(MAX_LINE));
        for line in [
            "</a; rel=next",
            "</a> Rel = \"Next\"",
            "</a>; rel=\"next",
            "</a>; rel=prev, <b; rel=next",
            &long,
        ] {
            assert!(hides_next(line), "{line}");
        }
        for line in ["", "</a>", "</a>; rel=next", "</a>; rel=prev; rel=next", "</a; rel=prev", "/a", "rel"] {
            assert!(!hides_next(line), "{line}");
        }
    }
}
