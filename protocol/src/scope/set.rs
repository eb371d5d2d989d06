//! Sets of scopes in one canonical form.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use super::Scope;
use super::error::{ScopeError, ScopeErrorKind};
use super::parse::Parts;

/// Scopes in canonical form: one per type, class and name; actions sorted, without duplicates, `*` alone where it
/// occurs; the scopes in the order of their printed form. Two sets are equal exactly when they request the same.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct ScopeSet(Vec<Scope>);

impl ScopeSet {
    /// The empty set: a token for logging in, not for any resource.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Reads a list of scopes separated by spaces, as in the `scope` of a challenge or of a form.
    ///
    /// # Errors
    /// The first scope that is malformed.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        Self::read(text, Scope::from_str)
    }

    /// Reads a list as [`parse`](Self::parse) does, in which a scope may name no resource
    /// ([`Scope::without_resource`]).
    ///
    /// # Errors
    /// The first scope that is malformed.
    pub fn parse_as_stated(text: &str) -> Result<Self, ScopeError> {
        Self::read(text, |part| part.parse().or_else(|error| Scope::without_resource(part).ok_or(error)))
    }

    fn read(text: &str, scope: fn(&str) -> Result<Scope, ScopeError>) -> Result<Self, ScopeError> {
        let mut scopes = Vec::new();
        super::each_in_list(text, |part| {
            scopes.push(scope(part)?);
            Ok(())
        })?;
        Ok(Self::from(scopes))
    }

    /// Whether a scope names no resource.
    pub fn is_without_resource(&self) -> bool {
        self.iter().any(|scope| scope.name.is_empty())
    }

    /// Whether there are no scopes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of scopes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The scopes in canonical order.
    pub fn iter(&self) -> std::slice::Iter<'_, Scope> {
        self.0.iter()
    }

    /// The scopes in canonical order, as a slice.
    pub fn as_slice(&self) -> &[Scope] {
        &self.0
    }

    /// The union of both sets.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if other.is_empty() {
            return self.clone();
        }
        let mut all = Vec::with_capacity(self.len() + other.len());
        all.extend_from_slice(&self.0);
        all.extend_from_slice(&other.0);
        Self::from(all)
    }

    /// Whether this set includes everything that `other` requests; `*` includes every action. (For what a token grants,
    /// see [`TokenInfo::grant`](crate::jwt::TokenInfo::grant).)
    pub fn is_superset(&self, other: &Self) -> bool {
        other.iter().all(|requested| self.iter().any(|scope| scope.covers(requested)))
    }

    /// The scopes as text, in canonical order.
    pub fn to_strings(&self) -> Vec<String> {
        self.iter().map(Scope::text).collect()
    }
}

impl From<Vec<Scope>> for ScopeSet {
    /// Merges and sorts, in O(n log n). Scopes without actions are removed.
    fn from(mut scopes: Vec<Scope>) -> Self {
        scopes.retain(|scope| !scope.actions.is_empty() || scope.is_word());
        for scope in &mut scopes {
            scope.drop_default_class();
        }
        scopes.sort_unstable_by(Scope::cmp_resource);
        let mut merged: Vec<Scope> = Vec::with_capacity(scopes.len());
        for scope in scopes {
            match merged.last_mut() {
                Some(last) if last.cmp_resource(&scope) == Ordering::Equal => {
                    last.actions.extend(scope.actions);
                }
                _ => merged.push(scope),
            }
        }
        for scope in &mut merged {
            scope.normalize_actions();
        }
        sort_by_text(&mut merged);
        Self(merged)
    }
}

impl From<Scope> for ScopeSet {
    fn from(scope: Scope) -> Self {
        Self::from(vec![scope])
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self::from(Vec::from_iter(scopes))
    }
}

impl<'a> IntoIterator for &'a ScopeSet {
    type Item = &'a Scope;
    type IntoIter = std::slice::Iter<'a, Scope>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromStr for ScopeSet {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        Self::parse(text)
    }
}

/// The canonical list, separated by spaces: the form of a challenge and of the OAuth2 POST.
impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            fmt::Display::fmt(scope, f)?;
        }
        Ok(())
    }
}

/// Brings a list of scopes into canonical form: merged by type and name, actions and list sorted, `*` alone where it
/// occurs.
///
/// Each string may contain several scopes separated by spaces. Strings outside the grammar of scopes (`aws`, `*`) are kept
/// unchanged, once each, because registries request them. Scopes without actions are removed. O(n log n) and idempotent;
/// the order of the input does not matter.
pub fn normalize(scopes: &[&str]) -> Vec<String> {
    let mut parsed: Vec<Parts<'_>> = Vec::with_capacity(scopes.len());
    let mut list = Vec::with_capacity(scopes.len());
    for text in scopes.iter().flat_map(|text| text.split(' ')).filter(|text| !text.is_empty()) {
        match Parts::parse(text) {
            Ok(parts) => parsed.push(parts),
            Err(ScopeError { kind: ScopeErrorKind::NoActions, .. }) => {}
            Err(_) => list.push(text.to_owned()),
        }
    }
    merge(parsed, |parts, actions| {
        let mut text = String::with_capacity(parts.name.len() + parts.resource_type.len() + 24);
        text.push_str(parts.resource_type);
        if let Some(class) = parts.class {
            text.push('(');
            text.push_str(class);
            text.push(')');
        }
        text.push(':');
        text.push_str(parts.name);
        for (index, action) in actions.iter().enumerate() {
            text.push(if index == 0 { ':' } else { ',' });
            text.push_str(action);
        }
        list.push(text);
    });
    list.sort_unstable();
    list.dedup();
    list
}

/// Yields each resource once, with its actions in canonical form, in O(n log n) and in no particular order.
fn merge<'a>(mut parsed: Vec<Parts<'a>>, mut each: impl FnMut(&Parts<'a>, &[&'a str])) {
    parsed.sort_unstable_by(|a, b| key(a).cmp(&key(b)));
    let mut actions: Vec<&str> = Vec::new();
    let mut rest = parsed.iter().peekable();
    while let Some(parts) = rest.next() {
        actions.extend(parts.actions());
        if rest.peek().is_some_and(|next| key(next) == key(parts)) {
            continue;
        }
        canonical_actions(&mut actions);
        each(parts, &actions);
        actions.clear();
    }
}

/// The key of a resource; the name first, because it differs most.
fn key<'a>(parts: &Parts<'a>) -> (&'a str, &'a str, Option<&'a str>) {
    (parts.name, parts.resource_type, parts.class)
}

/// Sorts scopes, given in the order of their resources, by their printed form. The two orders differ only where a name
/// contains a colon: `h:pull` and `h:5000/a:pull`.
fn sort_by_text(scopes: &mut [Scope]) {
    if scopes.iter().any(|scope| scope.name.contains(':')) {
        scopes.sort_unstable();
    }
}

/// Sorts and removes duplicates; `*` replaces all other actions.
pub(super) fn canonical_actions<S: AsRef<str> + Ord>(actions: &mut Vec<S>) {
    if let Some(star) = actions.iter().position(|action| action.as_ref() == "*") {
        actions.swap(0, star);
        actions.truncate(1);
    } else if actions.len() > 1 {
        actions.sort_unstable();
        actions.dedup();
    }
}
