//! Scope lists: no panic, one canonical form.
#![no_main]

use dockpass_protocol::scope::{ScopeSet, normalize, parse_scopes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let normal = normalize(&[text]);
    let again: Vec<&str> = normal.iter().map(String::as_str).collect();
    assert_eq!(normalize(&again), normal);
    let Ok(scopes) = parse_scopes(text) else { return };
    let set = ScopeSet::from(scopes.clone());
    assert_eq!(ScopeSet::parse(&set.to_string()).as_ref(), Ok(&set));
    assert_eq!(set.to_strings(), normal);
    assert!(scopes.iter().all(|scope| set.iter().any(|covering| covering.covers(scope))));
    let reversed: ScopeSet = scopes.into_iter().rev().collect();
    assert_eq!(reversed, set);
    assert_eq!(set.union(&reversed), set);
    assert!(set.is_superset(&reversed));
});
