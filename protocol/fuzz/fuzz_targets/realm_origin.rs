//! Origins and realms: no panic, one canonical form, and only allowed realms are admitted.
#![no_main]

use dockpass_protocol::origin::Origin;
use dockpass_protocol::realm::RealmPolicy;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(origin) = Origin::parse(text) {
        let printed = origin.to_string();
        assert_eq!(Origin::parse(&printed).as_ref(), Ok(&origin), "{printed}");
        assert!(printed.is_ascii() && !printed.contains(['@', '%', '\\', ' ']));
        assert_eq!(
            RealmPolicy::new(origin.clone()).admit(&format!("{printed}/t")).map(|r| r.origin().clone()),
            Ok(origin)
        );
    }
    let registry = Origin::parse("https://reg.example").expect("an origin");
    let policy = RealmPolicy::new(registry).allow("https://auth.example:5001/auth").expect("a pair");
    if let Ok(realm) = policy.admit(text) {
        let printed = realm.to_string();
        assert_eq!(policy.admit(&printed).as_ref(), Ok(&realm), "{printed}");
        let origin = realm.origin().to_string();
        assert!(
            origin == "https://reg.example"
                || (origin == "https://auth.example:5001" && realm.path() == "/auth")
        );
        assert!(printed.bytes().all(|byte| byte.is_ascii_graphic()) && !printed.contains(['#', '\\', ';']));
        assert!(realm.path().starts_with('/'));
    }
});
