use super::*;

fn candidate(name: &str, has_target: bool, has_source: bool) -> Candidate {
    Candidate {
        rustc: Some(name.into()),
        version: format!("rustc 1.95.0\nhost: {name}\nLLVM version: 22.1.8\n"),
        sysroot: "/nowhere".into(),
        has_target,
        has_source,
        linker: Some("/usr/bin/rust-lld".into()),
    }
}

#[test]
fn the_active_toolchain_wins_when_it_has_the_target() {
    let all = [candidate("active", true, false), candidate("debian", true, true)];
    assert_eq!(choose(&all), all.first());
}

#[test]
fn an_installed_library_beats_building_one() {
    let all = [candidate("active", false, true), candidate("other", true, false)];
    assert_eq!(choose(&all), all.last());
}

#[test]
fn the_source_of_the_library_is_sufficient() {
    let all = [candidate("active", false, false), candidate("debian", false, true)];
    assert_eq!(choose(&all), all.last());
    assert_eq!(choose(&all[..1]), None);
    assert_eq!(choose(&[]), None);
}

#[test]
fn a_toolchain_without_a_linker_is_not_used() {
    let mut lame = candidate("active", true, true);
    lame.linker = None;
    assert_eq!(choose(&[lame.clone()]), None);
    let all = [lame, candidate("debian", false, true)];
    assert_eq!(choose(&all), all.last());
}

#[test]
fn the_linker_package_has_the_llvm_version_of_the_compiler() {
    assert_eq!(
        llvm_version("Package: rust-web-llvm\nDepends: libc6 (>= 2.34), libgcc-s1, llvm-22\n"),
        Some("22")
    );
    assert_eq!(llvm_version("Depends: llvm-runtime, llvm-19 (>= 1:19)\n"), Some("19"));
    assert_eq!(llvm_version("Recommends: llvm-22\n"), None);
}
