use std::collections::HashSet;

use super::{Kind, Name, StoreKey};
use crate::clock::SystemRandomness;

fn key(byte: u8) -> StoreKey {
    StoreKey::new(&[byte; 32]).unwrap()
}

fn name(key: &StoreKey, fields: &[&str]) -> Name {
    let mut naming = key.naming(Kind::Token);
    for field in fields {
        naming.field(field.as_bytes());
    }
    naming.finish()
}

/// CCH-01, CCH-08: fields do not run together, and a name is a letter and hex digits, whatever it was made of.
#[test]
fn names_are_distinct_and_reveal_nothing() {
    let key = key(1);
    let lists: [&[&str]; 7] =
        [&["a:b", "c"], &["a", "b:c"], &["a", "b", "c"], &["abc"], &["abc", ""], &[], &[""]];
    let mut names: HashSet<Name> = lists.iter().map(|fields| name(&key, fields)).collect();
    assert_eq!(names.len(), lists.len());
    for name in &names {
        let (letter, digits) = name.as_str().split_once(':').unwrap();
        assert_eq!(letter, "t");
        assert!(digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()), "{digits}");
    }
    names.insert(key.naming(Kind::Flight).finish());
    names.insert(key.naming(Kind::Counter).finish());
    names.insert(key.naming(Kind::Session).finish());
    names.insert(name(&self::key(2), &["abc"]));
    assert_eq!(names.len(), lists.len() + 4, "by kind and by key");
    assert_eq!(name(&key, &["abc"]), name(&self::key(1), &["abc"]), "instances with one key agree");
}

/// CCH-09: only the same key, name and holder open a value; every change of a byte, and every cut, is found.
#[test]
fn values_open_for_their_owner_and_name_only() {
    let (one, random) = (key(1), SystemRandomness::default());
    let place = name(&one, &["place"]);
    let value = one.seal(&place, b"session", b"a registry token", &random).unwrap();
    assert_eq!(&**one.open(&place, b"session", &value).unwrap(), b"a registry token");
    assert!(one.open(&place, b"another session", &value).is_none());
    assert!(one.open(&place, b"", &value).is_none());
    assert!(one.open(&name(&one, &["elsewhere"]), b"session", &value).is_none());
    assert!(key(2).open(&place, b"session", &value).is_none());
    for length in 0..value.len() {
        assert!(one.open(&place, b"session", &value[..length]).is_none(), "cut to {length}");
    }
    for at in 0..value.len() {
        let mut changed = value.clone();
        changed[at] ^= 1;
        assert!(one.open(&place, b"session", &changed).is_none(), "byte {at}");
    }
    assert!(one.open(&place, b"session", b"{\"token\":\"of an attacker\"}").is_none());
    let longer = [&value[..], b"x"].concat();
    assert!(one.open(&place, b"session", &longer).is_none());
}

#[test]
fn sealed_values_are_unreadable_and_never_equal() {
    let (key, random) = (key(1), SystemRandomness::default());
    let place = name(&key, &["place"]);
    let values: HashSet<Vec<u8>> =
        (0..100).map(|_| key.seal(&place, b"session", b"canary", &random).unwrap()).collect();
    assert_eq!(values.len(), 100);
    assert!(values.iter().all(|value| !value.windows(6).any(|part| part == b"canary")));
    assert_eq!(format!("{key:?}"), "StoreKey(..)");
}
