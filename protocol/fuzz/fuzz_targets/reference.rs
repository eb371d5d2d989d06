//! Image references and registry names: no panic, one canonical form.
#![no_main]

use dockpass_protocol::reference::{Reference, RegistryName};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(reference) = text.parse::<Reference>() {
        let printed = reference.to_string();
        assert_eq!(printed.parse::<Reference>().as_ref(), Ok(&reference), "{printed}");
    }
    if let Ok(name) = RegistryName::parse(text) {
        assert_eq!(RegistryName::parse(name.as_str()).as_ref(), Ok(&name));
        assert!(name.as_str().is_ascii() && !name.as_str().contains(['@', '/', '%', ' ']));
    }
});
