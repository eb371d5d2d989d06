use super::*;

fn packages(names: &[&str]) -> Fix {
    Fix::Packages(names.iter().map(|&name| name.to_owned()).collect())
}

#[test]
fn root_on_debian_installs_all_packages_at_once() {
    let missing =
        [("chromium", packages(&["chromium"])), ("rust for wasm32", packages(&["rustc-web", "lld-22"]))];
    let wanted = ["chromium", "rustc-web", "lld-22"].map(str::to_owned).to_vec();
    assert_eq!(plan(&missing, true, true), Plan::Install(wanted));
    assert_eq!(plan(&[], true, true), Plan::Nothing);
}

#[test]
fn other_users_get_a_list_of_all_missing_programs_with_the_command() {
    let missing = [
        ("chromium", packages(&["chromium"])),
        ("skopeo", packages(&["skopeo"])),
        ("go", Fix::ByHand("install Go")),
    ];
    let Plan::Tell(text) = plan(&missing, true, false) else { panic!("installed without being root") };
    assert_eq!(
        text,
        "missing: chromium, skopeo, go\n  type: sudo apt-get update && sudo apt-get install -y \
         --no-install-recommends chromium skopeo\n  go: install Go"
    );
}

#[test]
fn nothing_is_installed_if_another_program_must_be_installed_by_hand() {
    let missing = [("chromium", packages(&["chromium"])), ("go", Fix::ByHand("install Go"))];
    let Plan::Tell(text) = plan(&missing, true, true) else { panic!("a partial installation") };
    assert!(
        text.contains("type: apt-get update && apt-get install") && text.contains("go: install Go"),
        "{text}"
    );
}

#[test]
fn without_apt_the_package_names_are_hints() {
    let Plan::Tell(text) = plan(&[("htpasswd", packages(&["apache2-utils"]))], false, true) else {
        panic!("installed without apt");
    };
    assert!(text.contains("htpasswd: install it (Debian package: apache2-utils)"), "{text}");
}
