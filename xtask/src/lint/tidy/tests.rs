use super::*;

fn breaches(path: &str, content: &str) -> Vec<String> {
    file(Path::new(path), content)
}

#[test]
fn long_files_are_found_but_not_tests_and_data() {
    let long = "x\n".repeat(MAX_LINES + 1);
    for path in ["protocol/src/a.rs", "www/app.js", "keyserver/src/handlers/token.rs"] {
        assert_eq!(breaches(path, &long).len(), 1, "{path}");
    }
    for path in [
        "protocol/src/a/tests.rs",
        "protocol/testdata/a.json",
        "tests/e2e/a.mjs",
        "Cargo.lock",
        "README.md",
        "a/index.d.ts",
    ] {
        assert!(breaches(path, &long).is_empty(), "{path}");
    }
    assert!(breaches("protocol/src/a.rs", &"x\n".repeat(MAX_LINES)).is_empty());
}

#[test]
fn trailing_white_space_is_found_with_its_line() {
    assert_eq!(breaches("a.md", "one\ntwo \n"), ["a.md:2: trailing white space"]);
    assert_eq!(breaches("a.rs", "one"), ["a.rs: no newline at the end of the file"]);
    assert!(breaches("a/testdata/b.json", "odd \n").is_empty());
}

#[test]
fn web_sys_stays_in_the_fetch_driver() {
    let code = "// web_sys::Request would do\nuse web_sys::Request;\n";
    assert_eq!(breaches("client-wasm/src/lib.rs", code).len(), 1);
    assert!(breaches("client-wasm/src/lib.rs", code)[0].contains("lib.rs:2:"));
    assert!(breaches("client-wasm/src/fetch.rs", code).is_empty());
    assert!(breaches("client-wasm/src/fetch/body.rs", code).is_empty());
    assert!(breaches("client-wasm/tests/browser.rs", code).is_empty());
}

#[test]
fn axum_stays_above_state() {
    let code = "use axum::Json;\n";
    assert_eq!(breaches("keyserver/src/session/key_ring.rs", code).len(), 1);
    assert!(breaches("keyserver/src/handlers/token.rs", code).is_empty());
    assert!(breaches("keyserver/tests/it/main.rs", code).is_empty());
}

#[test]
fn dependencies_of_the_pure_crates_are_listed() {
    let manifest = "\
[dependencies]
base64.workspace = true
serde = { version = \"1\" }
url = \"2\"
# regex = \"1\"

[dependencies.chrono]
version = \"0.4\"

[target.'cfg(unix)'.dependencies]
libc = \"0.2\"

[dev-dependencies]
proptest.workspace = true
";
    assert_eq!(dependencies(manifest, &["base64", "serde"]), ["url", "chrono", "libc"]);
}

#[test]
fn paths_in_the_documentation_must_exist() {
    let text = "See `protocol/src/flow.rs` and `gone/x.rs`; `POST /v1/token`, `/r/{registry}/v2/…`, `protocol::flow`.\n\
                ```text\n`not/here`\n```\n`www` `docs/decisions/`\n";
    let there = |path: &str| ["protocol/src/flow.rs", "docs/decisions"].contains(&path);
    assert_eq!(
        named_paths(text, &there),
        [
            "docs/architecture.md:1: `gone/x.rs` does not exist",
            "docs/architecture.md:5: `www` does not exist",
        ]
    );
}
