use super::*;

fn policy(skip: &str) -> Policy {
    let text = format!(
        "[graph]\ntargets = []\n[licenses]\nallow = [\"MIT\", \"Zlib\"]\n[bans]\n\
         deny = [{{ crate = \"rsa\", reason = \"timing\" }}]\nskip = [{skip}]\n\
         [sources]\nallow-registry = [\"https://crates\"]\n"
    );
    basic_toml::from_str(&text).unwrap()
}

/// What is wrong with packages `(name, version, license, source, shipped)`.
fn found(skip: &str, packages: &[(&str, &str, &str, &str, bool)]) -> Vec<String> {
    let package = |&(name, version, license, source, _): &(&str, &str, &str, &str, bool)| Package {
        name: name.to_owned(),
        version: version.to_owned(),
        license: Some(license.to_owned()),
        source: Some(source.to_owned()),
    };
    let shipped = packages.iter().filter(|package| package.4);
    let shipped = shipped.map(|package| format!("{} {}", package.0, package.1)).collect();
    breaches(&policy(skip), &packages.iter().map(package).collect::<Vec<_>>(), &shipped)
}

const CRATES: &str = "registry+https://crates";

// Threats: SUP-02.
#[test]
fn rsa_is_allowed_in_tests_and_nowhere_else() {
    assert!(found("", &[("rsa", "1", "MIT", CRATES, false)]).is_empty());
    assert_eq!(found("", &[("rsa", "1", "MIT", CRATES, true)]), ["rsa 1 is banned outside tests: timing"]);
}

#[test]
fn a_licence_that_is_not_listed_is_a_breach() {
    let breaches = found("", &[("a", "1", "GPL-3.0", CRATES, true)]);
    assert_eq!(breaches, ["a 1 has the licence `GPL-3.0`, which [licenses] does not allow"]);
    assert!(found("", &[("a", "1", "GPL-3.0", CRATES, false)]).is_empty());
}

// Threats: SUP-02.
#[test]
fn a_source_that_is_not_listed_is_a_breach_in_tests_too() {
    for source in ["git+https://host/a", "registry+https://other", "registry+https://crates.example"] {
        assert_eq!(found("", &[("a", "1", "MIT", source, false)]).len(), 1, "{source}");
    }
}

#[test]
fn two_versions_are_a_breach_unless_one_is_skipped() {
    let two = [("a", "1", "MIT", CRATES, true), ("a", "2", "MIT", CRATES, true)];
    assert_eq!(
        found("", &two),
        ["a has several versions: 1 and 2; to allow one, add `a@VERSION` to [bans] skip"]
    );
    assert!(found("{ crate = \"a@1\", reason = \"b\" }", &two).is_empty());
}

#[test]
fn a_skip_that_matches_nothing_is_a_breach() {
    let skip = "{ crate = \"gone@1\", reason = \"b\" }";
    assert_eq!(found(skip, &[]), ["[bans] skips gone@1, which is no longer there"]);
}

#[test]
fn licence_expressions_follow_spdx() {
    let allowed = ["MIT", "Zlib"].map(str::to_owned).into();
    for expression in
        ["MIT", "GPL OR MIT", "MIT/GPL", "MIT AND Zlib", "(GPL OR MIT) AND Zlib", "GPL AND ISC OR MIT"]
    {
        assert!(is_allowed(expression, &allowed), "{expression}");
    }
    for expression in [
        "",
        "GPL",
        "MIT AND GPL",
        "MIT WITH x",
        "MIT AND (GPL OR ISC)",
        "MIT OR",
        "(MIT",
        "MIT)",
        "MIT Zlib",
        "OR",
    ] {
        assert!(!is_allowed(expression, &allowed), "{expression}");
    }
}

#[test]
fn package_and_version_are_read_from_the_output_of_cargo_tree() {
    assert_eq!(shipped("serde_derive v1.0.229 (proc-macro)").as_deref(), Some("serde_derive 1.0.229"));
    assert_eq!(shipped(""), None);
}
