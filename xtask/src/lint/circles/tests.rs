use std::collections::BTreeMap;

use super::{circles_of, rust, scripts};

fn rust_circles(files: &[(&str, &str)]) -> Vec<String> {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    circles_of(&rust::graph(&files)).iter().map(|circle| circle.join(" ")).collect()
}

fn script_circles(files: &[(&str, &str)]) -> Vec<String> {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    circles_of(&scripts(&files)).iter().map(|circle| circle.join(" ")).collect()
}

#[test]
fn two_files_that_import_each_other_are_a_circle() {
    let root = ("lib.rs", "mod a;\nmod b;\n");
    let circle = ["a.rs b.rs a.rs"];
    for (a, b) in [
        ("use crate::b::B;", "use crate::a::A;"),
        ("use super::b::B;", "use super::a::{A, Z as Y};"),
        ("fn f() -> crate::b::B {\n}", "use super::{\n    a,\n    other::{self, X},\n};"),
        ("use crate::{other::X, b};", "impl crate::a::Trait for B {}"),
        ("pub(crate) use crate::b::*;", "use crate::{a::{self, A}, x};"),
    ] {
        assert_eq!(rust_circles(&[root, ("a.rs", a), ("b.rs", b)]), circle, "{a} {b}");
    }
}

#[test]
fn comments_strings_and_tests_are_not_imports() {
    let root = ("lib.rs", "mod a;\nmod b;\n");
    for b in [
        "// use crate::a::A;",
        "/// See [`crate::a::A`].",
        "const S: &str = \"crate::a::A\";",
        "use other_crate::a::A;",
        "use crate::ab::A;",
        "#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}",
        "",
    ] {
        assert!(rust_circles(&[root, ("a.rs", "use crate::b::B;"), ("b.rs", b)]).is_empty(), "{b}");
    }
    let tests = ("a/tests.rs", "use super::*;\nuse crate::b::B;");
    assert!(
        rust_circles(&[root, ("a.rs", "#[cfg(test)]\nmod tests;"), tests, ("b.rs", "use crate::a::A;")])
            .is_empty()
    );
}

#[test]
fn a_child_may_import_from_its_ancestors_only() {
    let root = ("lib.rs", "mod a;\nmod b;\n");
    let a = ("a.rs", "mod child;\nmod other;\nuse child::C;\n");
    let inside = ("a/child.rs", "use super::A;\nuse crate::Root;\n");
    assert!(rust_circles(&[root, a, inside, ("a/other.rs", "use super::child::C;")]).is_empty());
    // Siblings.
    let sibling = ("a/child.rs", "use super::other::O;");
    assert_eq!(
        rust_circles(&[root, a, sibling, ("a/other.rs", "use super::child::C;")]),
        ["a/child.rs a/other.rs a/child.rs"]
    );
    // Through another module, which imports the parent.
    let outside = ("a/child.rs", "use crate::b::B;");
    assert_eq!(
        rust_circles(&[root, a, outside, ("a/other.rs", ""), ("b.rs", "use crate::a::A;")]),
        ["a.rs a/child.rs b.rs a.rs"]
    );
}

#[test]
fn the_shortest_circle_is_shown_once() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\nmod c;\n"),
        ("a.rs", "use crate::b::B;"),
        ("b.rs", "use crate::c::C;"),
        ("c.rs", "use crate::a::A;"),
    ];
    assert_eq!(rust_circles(&files), ["a.rs b.rs c.rs a.rs"]);
}

#[test]
fn scripts_are_followed_by_their_imports() {
    let circle = ["lib/a.js lib/b.js lib/a.js"];
    for (a, b) in [
        ("import { b } from './b.js'", "import a from \"../lib/a.js\";"),
        ("import {\n  b,\n} from './b.js'", "export { a } from './a.js'"),
        ("import './b.js'", "export * from './a.js'"),
    ] {
        assert_eq!(script_circles(&[("lib/a.js", a), ("lib/b.js", b)]), circle, "{a} {b}");
    }
    for b in [
        "// import a from './a.js'",
        "const path = './a.js'",
        "import x from 'a.js'",
        "import c from './c.js'",
        " * @param {import('./a.js').A} a",
    ] {
        assert!(script_circles(&[("lib/a.js", "import './b.js'"), ("lib/b.js", b)]).is_empty(), "{b}");
    }
}
