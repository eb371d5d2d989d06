//! Users, their permissions, and scopes.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::kind::Kind;
use super::rules::{BrokenRule, Rule};
use super::store::Store;

/// A user. The password is shown in the ready file, never in the journal.
#[derive(Clone)]
pub struct User {
    /// Name to log in with.
    pub name: String,
    /// Password to log in with.
    pub password: String,
    /// The repositories that this user may see, besides the public ones.
    pub sees: Visibility,
}

/// The repositories that a user may see, besides the public ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Every repository, with every action.
    Everything,
    /// The repositories whose name begins with this, to pull and push.
    Below(&'static str),
}

impl User {
    /// A user with this name, password and view.
    pub fn new(name: &str, password: &str, sees: Visibility) -> Self {
        Self { name: name.to_owned(), password: password.to_owned(), sees }
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("name", &self.name).field("sees", &self.sees).finish_non_exhaustive()
    }
}

/// An entry of a token's `access` claim, or a requested scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Access {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) actions: Vec<String>,
}

impl Access {
    /// Reads one scope by the grammar of the token specification: the first colon ends the type, the last one
    /// begins the actions. Stricter than the grammar: an action is never empty.
    pub(crate) fn parse(text: &str) -> Result<Self, BrokenRule> {
        let broken = |why: &str| BrokenRule::new(Rule::MalformedScope, format!("scope {text:?}: {why}"));
        if text.contains(' ') {
            return Err(broken("a GET request repeats the parameter instead of joining with spaces"));
        }
        let (kind, rest) = text.split_once(':').ok_or_else(|| broken("no colon"))?;
        let (name, actions) = rest.rsplit_once(':').ok_or_else(|| broken("no actions"))?;
        let bare_kind = match kind.split_once('(') {
            Some((bare, class)) => {
                let class = class.strip_suffix(')').ok_or_else(|| broken("class without `)`"))?;
                if !is_lower_alphanumeric(class) {
                    return Err(broken("class"));
                }
                bare
            }
            None => kind,
        };
        if !is_lower_alphanumeric(bare_kind) {
            return Err(broken("type"));
        }
        if !is_scope_name(name) {
            return Err(broken("name"));
        }
        let actions: Vec<String> = actions.split(',').map(str::to_owned).collect();
        if actions.iter().any(|action| !is_action(action)) {
            return Err(broken("actions"));
        }
        Ok(Self { kind: bare_kind.to_owned(), name: name.to_owned(), actions })
    }

    /// The scope as text.
    pub(crate) fn scope(&self) -> String {
        format!("{}:{}:{}", self.kind, self.name, self.actions.join(","))
    }
}

/// Whether a token with this `access` allows everything in `needed`: one entry has the same type and name and every
/// action. `*` is not expanded.
pub(crate) fn allows(access: &[Access], needed: &Access) -> bool {
    access.iter().any(|entry| {
        entry.kind == needed.kind
            && entry.name == needed.name
            && needed.actions.iter().all(|action| entry.actions.contains(action))
    })
}

/// The requested actions that this user (`None`: an anonymous one) may have.
pub(crate) fn grant(kind: Kind, store: &Store, user: Option<&User>, requested: &Access) -> Access {
    let held = held_actions(kind, store, user, requested);
    let actions = requested.actions.iter().filter(|action| held.contains(action.as_str())).cloned();
    let actions: BTreeSet<String> = actions.collect();
    Access {
        kind: requested.kind.clone(),
        name: requested.name.clone(),
        actions: actions.into_iter().collect(),
    }
}

/// Whether the repository is visible to this user (`None`: an anonymous one).
pub(crate) fn sees(store: &Store, user: Option<&User>, repository: &str) -> bool {
    let public = store.repository(repository).is_some_and(|repository| repository.public);
    public
        || user.is_some_and(|user| match user.sees {
            Visibility::Everything => true,
            Visibility::Below(prefix) => repository.starts_with(prefix),
        })
}

fn held_actions(
    kind: Kind,
    store: &Store,
    user: Option<&User>,
    requested: &Access,
) -> BTreeSet<&'static str> {
    match (requested.kind.as_str(), user) {
        ("repository", _) => {
            // Docker Hub responds in the same way for private repositories and for those that do not exist.
            if kind == Kind::Hub && store.repository(&requested.name).is_none() {
                return BTreeSet::new();
            }
            match user.map(|user| user.sees) {
                Some(Visibility::Everything) => BTreeSet::from(["*", "delete", "pull", "push"]),
                Some(Visibility::Below(prefix)) if requested.name.starts_with(prefix) => {
                    BTreeSet::from(["pull", "push"])
                }
                _ if sees(store, user, &requested.name) => BTreeSet::from(["pull"]),
                _ => BTreeSet::new(),
            }
        }
        ("registry", Some(user)) if requested.name == "catalog" => match (kind, user.sees) {
            (Kind::Token, _) | (Kind::Opaque | Kind::OwnRealm, Visibility::Everything) => {
                BTreeSet::from(["*"])
            }
            _ => BTreeSet::new(),
        },
        _ => BTreeSet::new(),
    }
}

fn is_lower_alphanumeric(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// `[host[:port]/]component(/component)*`; a host may have upper-case letters, a component not.
fn is_scope_name(name: &str) -> bool {
    let path = match name.split_once('/') {
        Some((host, path))
            if host.contains([':', '.']) || host.contains(|c: char| c.is_ascii_uppercase()) =>
        {
            let host = match host.split_once(':') {
                Some((host, port)) if port.parse::<u16>().is_ok() => host,
                Some(_) => return false,
                None => host,
            };
            let label = |label: &str| {
                !label.is_empty()
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            };
            // A name such as `my.project/app` is not a host and is valid as a path.
            if !host.split('.').all(label) && !is_repository_name(host) {
                return false;
            }
            path
        }
        _ => name,
    };
    is_repository_name(path) && name.len() <= 255
}

/// The distribution specification's grammar of repository names.
pub(crate) fn is_repository_name(name: &str) -> bool {
    name.split('/').all(is_name_component)
}

fn is_name_component(component: &str) -> bool {
    let alphanumeric = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
    component.starts_with(alphanumeric)
        && component.ends_with(alphanumeric)
        && component.split(alphanumeric).all(|separator| {
            matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|b| b == b'-')
        })
}

/// `pull`, `*`, and words of vendors such as `scanner-pull` or `content/read`.
fn is_action(action: &str) -> bool {
    action == "*"
        || (!action.is_empty()
            && action.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_' | b'/')))
}

#[cfg(test)]
mod tests {
    use super::{Access, allows, is_repository_name};

    #[test]
    fn scopes_are_read_by_the_grammar() {
        let cases = [
            ("repository:library/alpine:pull", Some(("repository", "library/alpine", 1))),
            ("repository:host.example:5000/a/b:pull,push", Some(("repository", "host.example:5000/a/b", 2))),
            ("repository(plugin):a:pull", Some(("repository", "a", 1))),
            ("registry:catalog:*", Some(("registry", "catalog", 1))),
            ("repository::pull", None),
            ("repository:A/b:pull", Some(("repository", "A/b", 1))),
            ("repository:A:pull", None),
            ("repository:a/B:pull", None),
            ("repository:a:", None),
            ("repository:a:pull,", None),
            ("repository:a:pull repository:b:pull", None),
            ("repository:../a:pull", None),
            ("aws", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let read = Access::parse(text).ok();
            let read = read.as_ref().map(|access| (&*access.kind, &*access.name, access.actions.len()));
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn a_grant_needs_type_name_and_every_action_in_one_entry() {
        let access = |text: &str| Access::parse(text).unwrap();
        let held = [access("repository:a/b:pull,push"), access("repository:a/c:*")];
        assert!(allows(&held, &access("repository:a/b:push,pull")));
        assert!(!allows(&held, &access("repository:a/b:pull,delete")));
        assert!(!allows(&held, &access("repository:a/c:pull")), "`*` is compared literally");
        assert!(!allows(&held, &access("registry:a/b:pull")));
        assert!(!allows(&[], &access("repository:a/b:pull")));
    }

    #[test]
    fn repository_names_follow_the_distribution_grammar() {
        for good in ["a", "library/alpine", "a.b/c__d/e---f", "0"] {
            assert!(is_repository_name(good), "{good}");
        }
        for bad in ["", "/", "a//b", "a/", "A", "a..b", "a___b", "-a", "a-", "a/../b", "a b"] {
            assert!(!is_repository_name(bad), "{bad}");
        }
    }
}
