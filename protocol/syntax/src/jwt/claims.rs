//! The registered claims, and `access`.

use std::borrow::Cow;
use std::fmt;

use super::{Claims, JwtProblem, MAX_ACCESS, MAX_TIME};
use crate::json::{self, Kind, Value};
use crate::tape::{Tape, Word};
use crate::{is_default_class, split_class};

/// A claim that is a string, a list of strings or absent.
#[derive(Clone, Copy, Default)]
pub struct Strings<'a>(Value<'a>);

/// The `access` claim: a list of entries, or absent.
#[derive(Clone, Copy)]
pub struct AccessList<'a> {
    list: Value<'a>,
    is_plain: bool,
    is_well_formed: bool,
}

/// One entry of an [`AccessList`].
#[derive(Clone)]
pub struct AccessEntry<'a> {
    /// The type of the resource, without its class.
    pub resource_type: Cow<'a, str>,
    /// The class; the empty one counts as none.
    pub class: Option<Cow<'a, str>>,
    /// The name of the resource.
    pub name: Cow<'a, str>,
    /// The granted actions.
    pub actions: Strings<'a>,
}

/// `alg` and `kid` of a header.
pub(super) fn read_header(header: Value<'_>) -> Result<(Cow<'_, str>, Option<Cow<'_, str>>), JwtProblem> {
    let mut seen = SeenClaims::default();
    let (mut algorithm, mut key_id) = (None, None);
    for (name, value) in header.members() {
        if name.word() == Some(Word::Alg) {
            seen.mark(1)?;
            algorithm = Some(value.string().ok_or(JwtProblem::Algorithm)?);
        } else if name.word() == Some(Word::Kid) {
            seen.mark(2)?;
            key_id = text_claim(value)?;
        }
    }
    Ok((algorithm.ok_or(JwtProblem::Algorithm)?, key_id))
}

pub(super) fn read_claims(object: Value<'_>) -> Result<Claims<'_>, JwtProblem> {
    let mut claims = Claims::default();
    let mut seen = SeenClaims::default();
    for (name, value) in object.members() {
        match name.word() {
            Some(Word::Iss) => {
                seen.mark(1)?;
                claims.issuer = text_claim(value)?;
            }
            Some(Word::Sub) => {
                seen.mark(2)?;
                claims.subject = text_claim(value)?;
            }
            Some(Word::Aud) => {
                seen.mark(4)?;
                claims.audience = Strings::audience(value)?;
            }
            Some(Word::Exp) => {
                seen.mark(8)?;
                claims.expires_at = time_claim(value)?;
            }
            Some(Word::Nbf) => {
                seen.mark(16)?;
                claims.not_before = time_claim(value)?;
            }
            Some(Word::Iat) => {
                seen.mark(32)?;
                claims.issued_at = time_claim(value)?;
            }
            Some(Word::Jti) => {
                seen.mark(64)?;
                text_claim(value)?;
            }
            Some(Word::Access) => {
                seen.mark(128)?;
                let access = AccessList::read(value)?;
                claims.problem = (!access.is_well_formed).then_some(JwtProblem::Access);
                claims.access = Some(access);
            }
            _ => {}
        }
    }
    Ok(claims)
}

/// Which names have been read, one bit each.
#[derive(Default)]
struct SeenClaims(u8);

impl SeenClaims {
    fn mark(&mut self, bit: u8) -> Result<(), JwtProblem> {
        if self.0 & bit != 0 {
            return Err(JwtProblem::Duplicate);
        }
        self.0 |= bit;
        Ok(())
    }
}

/// A string, or `null` for none.
fn text_claim(value: Value<'_>) -> Result<Option<Cow<'_, str>>, JwtProblem> {
    match value.kind() {
        Kind::String => Ok(value.string()),
        Kind::Null => Ok(None),
        _ => Err(JwtProblem::ClaimType),
    }
}

/// A `NumericDate` (RFC 7519 §2) in milliseconds, or `null` for none.
fn time_claim(value: Value<'_>) -> Result<Option<i64>, JwtProblem> {
    match value.number() {
        Some(number) => Ok(Some(number.saturating_thousandths(MAX_TIME))),
        None if value.kind() == Kind::Null => Ok(None),
        None => Err(JwtProblem::ClaimType),
    }
}

impl<'a> Strings<'a> {
    /// One string, a list of strings, or `null` (distribution's `AudienceList` takes all three).
    fn audience(value: Value<'a>) -> Result<Self, JwtProblem> {
        match value.kind() {
            Kind::Array if value.count() > MAX_ACCESS => Err(JwtProblem::TooLarge),
            Kind::Array if !value.elements().all(|element| element.kind() == Kind::String) => {
                Err(JwtProblem::ClaimType)
            }
            Kind::Array | Kind::String | Kind::Null => Ok(Self(value)),
            _ => Err(JwtProblem::ClaimType),
        }
    }

    /// A list of strings, or `null`.
    fn actions(value: Value<'a>) -> Option<Self> {
        match value.kind() {
            Kind::Array if value.elements().all(|element| element.kind() == Kind::String) => {
                Some(Self(value))
            }
            Kind::Null => Some(Self(value)),
            _ => None,
        }
    }

    /// Whether they were written as a list.
    pub fn is_list(self) -> bool {
        self.0.kind() == Kind::Array
    }

    /// Whether the list is empty or absent.
    pub fn is_empty(self) -> bool {
        self.0.kind() != Kind::String && self.0.count() == 0
    }

    /// The strings, in order.
    pub fn iter(self) -> impl Iterator<Item = Cow<'a, str>> {
        self.0.string().into_iter().chain(self.0.elements().filter_map(|element| element.string()))
    }
}

impl<'a> AccessList<'a> {
    /// Parses a list of entries outside of a token.
    ///
    /// # Errors
    /// [`JwtProblem::Access`] if it is not JSON, or [`JwtProblem::TooLarge`].
    pub fn parse(text: &'a str, tape: &'a mut Tape) -> Result<Self, JwtProblem> {
        Self::read(json::read(text, tape).map_err(|_| JwtProblem::Access)?)
    }

    fn read(list: Value<'a>) -> Result<Self, JwtProblem> {
        if list.count() > MAX_ACCESS && list.kind() == Kind::Array {
            return Err(JwtProblem::TooLarge);
        }
        let mut is_plain = list.kind() == Kind::Array;
        let mut is_well_formed = matches!(list.kind(), Kind::Array | Kind::Null);
        for entry in list.elements() {
            let members = EntryMembers::read(entry);
            is_plain &= members.as_ref().is_some_and(EntryMembers::is_plain);
            is_well_formed &= members.is_some();
        }
        Ok(Self { list, is_plain, is_well_formed })
    }

    /// Whether the claim is a list whose entries can be used unchanged: each has `type`, `name` and `actions`, no class, and
    /// none is malformed.
    pub fn is_plain(self) -> bool {
        self.is_plain
    }

    /// The well-formed entries, in order.
    pub fn iter(self) -> impl Iterator<Item = AccessEntry<'a>> {
        self.list.elements().filter_map(|entry| EntryMembers::read(entry)?.entry())
    }
}

/// The members of `{"type", "class"?, "name", "actions"}`; others are ignored. An absent class and absent actions are
/// `null`.
#[derive(Default)]
struct EntryMembers<'a> {
    resource_type: Value<'a>,
    class: Value<'a>,
    name: Value<'a>,
    actions: Strings<'a>,
}

impl<'a> EntryMembers<'a> {
    /// The members, unless one is missing, has the wrong type, or is given twice, which parsers could read differently.
    fn read(entry: Value<'a>) -> Option<Self> {
        let mut members = Self::default();
        let mut seen = SeenClaims::default();
        for (name, value) in entry.members() {
            match name.word() {
                Some(Word::Type) => {
                    seen.mark(1).ok()?;
                    members.resource_type = value;
                }
                Some(Word::Class) => {
                    seen.mark(2).ok()?;
                    members.class = value;
                }
                Some(Word::Name) => {
                    seen.mark(4).ok()?;
                    members.name = value;
                }
                Some(Word::Actions) => {
                    seen.mark(8).ok()?;
                    members.actions = Strings::actions(value)?;
                }
                _ => {}
            }
        }
        let kinds = [members.resource_type, members.name, members.class].map(|value| value.kind());
        matches!(kinds, [Kind::String, Kind::String, Kind::String | Kind::Null]).then_some(members)
    }

    /// Whether the entry can be used unchanged.
    fn is_plain(&self) -> bool {
        self.class.kind() == Kind::Null
            && self.actions.is_list()
            && self.resource_type.string().is_some_and(|text| !text.as_bytes().contains(&b'('))
    }

    fn entry(self) -> Option<AccessEntry<'a>> {
        let (resource_type, inline) = without_class(self.resource_type.string()?);
        let class = self.class.string().filter(|class| !class.is_empty()).or(inline);
        let class = class.filter(|class| !is_default_class(&resource_type, class));
        Some(AccessEntry { resource_type, class, name: self.name.string()?, actions: self.actions })
    }
}

/// Older services append the class to the type: `repository(plugin)`.
fn without_class(text: Cow<'_, str>) -> (Cow<'_, str>, Option<Cow<'_, str>>) {
    match text {
        Cow::Borrowed(text) => match split_class(text) {
            Some((plain, class)) => (Cow::Borrowed(plain), class.map(Cow::Borrowed)),
            None => (Cow::Borrowed(text), None),
        },
        Cow::Owned(text) => match split_class(&text) {
            Some((plain, Some(class))) => (Cow::Owned(plain.to_owned()), Some(Cow::Owned(class.to_owned()))),
            _ => (Cow::Owned(text), None),
        },
    }
}

macro_rules! hidden {
    ($($name:ident),*) => {$(
        /// Shows no claims, which contain personal data.
        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

hidden!(Strings, AccessList, AccessEntry);
