//! Properties. The cases are in `testdata/references.json`.

use proptest::prelude::*;

use super::*;

fn component() -> &'static str {
    "[a-z0-9]{1,3}(([._]|__|-{1,3})[a-z0-9]{1,3}){0,2}"
}

fn host() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z]([a-zA-Z0-9-]{0,5}[a-zA-Z0-9])?(\\.[a-zA-Z]{1,4}){1,2}(:[1-9][0-9]{0,3})?",
        "[a-z]{1,6}:[1-9][0-9]{0,3}",
        "localhost(:[1-9][0-9]{0,3})?",
        "10\\.[1-9]\\.0\\.1(:443)?",
        "\\[(::1|2001:DB8::[1-9])\\](:5000)?",
        prop::sample::select(vec!["docker.io", "index.docker.io", "registry-1.docker.io:443", "Registry"])
            .prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_normal_form_reads_the_same(host in prop::option::of(host()), path in prop::collection::vec(component(), 1..4), tag in prop::option::of("[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,8}"), digest in prop::option::of("sha256:[0-9a-f]{64}")) {
        let path = path.join("/");
        let mut text = host.map_or_else(|| path.clone(), |host| format!("{host}/{path}"));
        if let Some(tag) = &tag {
            text = format!("{text}:{tag}");
        }
        if let Some(digest) = &digest {
            text = format!("{text}@{digest}");
        }
        let Ok(reference) = text.parse::<Reference>() else {
            // Without a host, the first component may look like one.
            prop_assert!(path.contains('.'), "{}", text);
            return Ok(());
        };
        prop_assert_eq!(reference.tag.as_ref().map(Tag::as_str), tag.as_deref());
        prop_assert_eq!(reference.digest.as_ref().map(Digest::as_str), digest.as_deref());
        let printed = reference.to_string();
        prop_assert_eq!(printed.parse::<Reference>(), Ok(reference.clone()));
        prop_assert_eq!(printed.parse::<Reference>().unwrap().to_string(), printed);
        prop_assert_eq!(RegistryName::parse(reference.registry.as_str()), Ok(reference.registry));
    }

    #[test]
    fn the_case_of_a_host_does_not_matter(host in host()) {
        prop_assert_eq!(RegistryName::parse(&host.to_ascii_uppercase()), RegistryName::parse(&host));
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,40}|[a-zA-Z0-9:/@._-]{0,60}") {
        if let Ok(reference) = text.parse::<Reference>() {
            prop_assert!(reference.to_string().is_ascii());
            prop_assert_eq!(reference.to_string().parse::<Reference>(), Ok(reference));
        }
        let _ = RegistryName::parse(&text);
    }

    #[test]
    fn components_follow_their_grammar(text in "[a-c0._-]{0,8}|[a-cA ._/-]{0,6}") {
        // The grammar once more, as naively as possible.
        let words: Vec<&str> = text.split(['.', '_', '-']).collect();
        let separators: Vec<&str> = text.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
        let good = !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte))
            && !words[0].is_empty()
            && !words[words.len() - 1].is_empty()
            && separators.iter().all(|separator| matches!(*separator, "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-'));
        prop_assert_eq!(grammar::is_component(&text), good);
    }
}

#[test]
fn digests_have_their_parts() {
    let digest: Digest = format!("sha256:{}", "0a".repeat(32)).parse().unwrap();
    assert_eq!((digest.algorithm(), digest.encoded()), ("sha256", "0a".repeat(32).as_str()));
    for bad in [
        "sha256",
        ":abc",
        "sha256:",
        "SHA256:abc",
        "a++b:c",
        "+a:b",
        "a:b/c",
        "a:b.c",
        "a:b:c",
        "sha256:../x",
    ] {
        assert_eq!(Digest::parse(bad), Err(ReferenceError::Digest), "{bad}");
    }
    assert_eq!(Digest::parse(&format!("x:{}", "a".repeat(254))), Err(ReferenceError::Digest));
}

#[test]
fn registries_have_an_endpoint() {
    let name = RegistryName::parse("INDEX.docker.io").unwrap();
    assert!(name.is_docker_hub());
    assert_eq!(
        (name.as_str(), name.endpoint(), name.api_host()),
        (DOCKER_HUB, DOCKER_HUB_ENDPOINT, DOCKER_HUB_ENDPOINT)
    );
    let name = RegistryName::parse("ghcr.io").unwrap();
    assert!(!name.is_docker_hub());
    assert_eq!((name.as_str(), name.endpoint()), ("ghcr.io", "ghcr.io"));
}

#[test]
fn errors_do_not_show_the_input() {
    let error = "ghcr.io/Secret".parse::<Reference>().unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        ("reference_upper_case", "repository names are lower case")
    );
}
