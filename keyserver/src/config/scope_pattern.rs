//! Scopes that may be requested at a registry: `repository:team/*:pull`.

use std::fmt;
use std::str::FromStr;

use dockpass_protocol::scope::Scope;

/// Longest pattern.
const MAX: usize = 512;

/// A type, a name or the beginning of one, and actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopePattern {
    resource_type: String,
    name: String,
    /// Whether `name` is only the beginning.
    is_prefix: bool,
    /// `None` for every action.
    actions: Option<Vec<String>>,
}

impl ScopePattern {
    /// Whether every action of this scope is allowed. The class of a resource does not count, as in grants.
    pub fn covers(&self, scope: &Scope) -> bool {
        let has_name =
            if self.is_prefix { scope.name.starts_with(&self.name) } else { scope.name == self.name };
        let has_actions = match &self.actions {
            None => true,
            Some(actions) => scope.actions.iter().all(|action| actions.contains(action)),
        };
        self.resource_type == scope.resource_type && has_name && has_actions
    }
}

/// The text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected type:name:actions, such as repository:team/*:pull")]
pub struct InvalidScopePattern;

impl FromStr for ScopePattern {
    type Err = InvalidScopePattern;

    fn from_str(text: &str) -> Result<Self, InvalidScopePattern> {
        // As in a scope, the first colon ends the type and the last one begins the actions.
        let (resource_type, rest) = text.split_once(':').ok_or(InvalidScopePattern)?;
        let (name, actions) = rest.rsplit_once(':').ok_or(InvalidScopePattern)?;
        let is_word = |text: &str, more: &[u8]| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || more.contains(&byte))
        };
        let (beginning, is_prefix) = match name.strip_suffix('*') {
            Some(beginning) => (beginning, true),
            None => (name, false),
        };
        let has_name = (is_prefix && beginning.is_empty()) || is_word(beginning, b"._-/:");
        let actions = match actions {
            "*" => None,
            actions => Some(actions.split(',').map(str::to_owned).collect::<Vec<_>>()),
        };
        let has_actions = actions.iter().flatten().all(|action| is_word(action, b"_-/"));
        if text.len() > MAX || !is_word(resource_type, b"-_") || !has_name || !has_actions {
            return Err(InvalidScopePattern);
        }
        Ok(Self { resource_type: resource_type.to_owned(), name: beginning.to_owned(), is_prefix, actions })
    }
}

impl fmt::Display for ScopePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = if self.is_prefix { "*" } else { "" };
        let actions = self.actions.as_ref().map_or_else(|| "*".to_owned(), |actions| actions.join(","));
        write!(f, "{}:{}{star}:{actions}", self.resource_type, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_its_type_names_and_actions_only() {
        for (pattern, scope, covers) in [
            ("repository:team/app:pull", "repository:team/app:pull", true),
            ("repository:team/app:pull", "repository:team/app:pull,push", false),
            ("repository:team/app:pull", "repository:team/apps:pull", false),
            ("repository:team/app:pull", "repository:team/app:*", false),
            ("repository:team/*:pull,push", "repository:team/a/b:push", true),
            ("repository:team/*:pull,push", "repository:teams/a:pull", false),
            ("repository:*:pull", "repository:any/thing:pull", true),
            ("repository:*:pull", "registry:catalog:*", false),
            ("repository:*:*", "repository:any/thing:*", true),
            ("repository:*:*", "repository(plugin):any/thing:pull", true),
            ("registry:catalog:*", "registry:catalog:*", true),
            ("repository:host.example:5000/a:pull", "repository:host.example:5000/a:pull", true),
        ] {
            let parsed: ScopePattern = pattern.parse().unwrap();
            assert_eq!(parsed.to_string(), pattern);
            assert_eq!(parsed.covers(&scope.parse().unwrap()), covers, "{pattern} {scope}");
        }
        for bad in [
            "",
            "repository",
            "repository:app",
            "repository::pull",
            "repository:app:",
            "repository:a*b:pull",
            ":a:pull",
            "repository:a:pull,",
            "repository:A:pull",
            "repository:a b:pull",
        ] {
            assert!(bad.parse::<ScopePattern>().is_err(), "{bad}");
        }
    }
}
