//! The grammar of one scope, without allocation.

use super::MAX_SCOPE;
use super::error::{ScopeError, ScopeErrorKind as Kind};
use dockpass_syntax::{is_default_class, split_class};

use crate::reference::grammar;

/// The parts of one well-formed scope, as written; the class that a resource has by default is none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts<'a> {
    pub(super) resource_type: &'a str,
    pub(super) class: Option<&'a str>,
    pub(super) name: &'a str,
    pub(super) actions: &'a str,
}

impl<'a> Parts<'a> {
    /// Reads `type[(class)]:name:action[,action]`. The first colon ends the type and the last one begins the actions,
    /// because a name may hold a host with a port.
    pub(super) fn parse(text: &'a str) -> Result<Self, ScopeError> {
        let fail = |position, kind| Err(ScopeError { position, kind });
        if text.len() > MAX_SCOPE {
            return fail(MAX_SCOPE, Kind::TooLong);
        }
        let Some((head, rest)) = text.split_once(':') else { return fail(0, Kind::Parts) };
        let Some((name, actions)) = crate::text::split_last(rest, b':') else { return fail(0, Kind::Parts) };
        let Some((resource_type, class)) = split_class(head) else { return fail(0, Kind::Type) };
        let class = class.filter(|class| !is_default_class(resource_type, class));
        let name_at = head.len() + 1;
        if !grammar::is_scope_name(name) {
            return fail(name_at, Kind::Name);
        }
        let mut at = name_at + name.len() + 1;
        let mut any = false;
        for action in actions.split(',') {
            // The grammar allows empty actions ([a-z]*); they mean nothing.
            if !action.is_empty() && !is_action(action) {
                return fail(at, Kind::Action);
            }
            any |= !action.is_empty();
            at += action.len() + 1;
        }
        if !any {
            return fail(name_at + name.len() + 1, Kind::NoActions);
        }
        Ok(Self { resource_type, class, name, actions })
    }

    /// The actions as written, without empty ones.
    pub(super) fn actions(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.actions.split(',').filter(|action| !action.is_empty())
    }
}

/// `*`, or a word of lower-case letters, digits and the punctuation that vendors use (`scanner-pull`,
/// `metadata_read`, `content/read`). The specification's `[a-z]*` has neither, and all are in use.
fn is_action(action: &str) -> bool {
    action == "*"
        || action.bytes().enumerate().all(|(index, byte)| {
            byte.is_ascii_lowercase()
                || byte.is_ascii_digit()
                || (index > 0 && matches!(byte, b'-' | b'_' | b'/' | b'.'))
        })
}
