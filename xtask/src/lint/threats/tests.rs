use super::*;

const HEAD: &str = "| id | attack | required result | shown by |\n|---|---|---|---|\n";

fn breaches(rows: &str, files: &[(&str, &str)]) -> Vec<String> {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    check(&format!("{HEAD}{rows}"), &files)
}

#[test]
fn a_cited_id_that_is_not_listed_is_found() {
    let row = "| GW-01 | a | r | **open** |\n";
    let found = breaches(row, &[("a.rs", "// GW-01\n/// GW-02: two\n"), ("b.json", "\"GW-11\"")]);
    assert_eq!(
        found,
        ["a.rs:2: GW-02 is not in docs/threats.md", "b.json:1: GW-11 is not in docs/threats.md"]
    );
    // Other words of this form, and the page itself, cite nothing.
    assert!(breaches(row, &[("a.rs", "UTF-16 SHA-25 GW-1 GW-012 XGW-02"), (PAGE, "GW-99")]).is_empty());
}

#[test]
fn a_listed_test_that_does_not_exist_is_found() {
    let row = "| GW-01 | a | r | `tests/a.rs::it_holds` |\n";
    assert!(breaches(row, &[("tests/a.rs", "// GW-01\n#[test]\nfn it_holds() {}")]).is_empty());
    let renamed = breaches(row, &[("tests/a.rs", "// GW-01\n#[test]\nfn it_holds_still() {}")]);
    assert_eq!(renamed, ["docs/threats.md:3: GW-01: tests/a.rs has no test it_holds"]);
    assert_eq!(breaches(row, &[]), ["docs/threats.md:3: GW-01: tests/a.rs does not exist"]);
}

#[test]
fn a_listed_test_whose_file_cites_another_id_is_found() {
    let row = "| GW-01 | a | r | `tests/a.rs::it_holds`, `protocol/testdata/b.json`; **open**: more |\n";
    let found = breaches(
        row,
        &[
            ("tests/a.rs", "// none\n#[tokio::test]\nasync fn it_holds() {}"),
            ("protocol/testdata/b.json", "\"x; GW-01\""),
        ],
    );
    assert_eq!(found, ["docs/threats.md:3: GW-01: tests/a.rs does not cite GW-01"]);
}

#[test]
fn a_title_of_javascript_is_found_in_each_way_of_quoting_it() {
    for text in
        ["it('the page\\'s own', () => {", "test(\"the page's own\", async () => {", "it(`the page's own`, x"]
    {
        assert!(has_test("a.mjs", text, "the page's own", &BTreeMap::new()), "{text}");
    }
    let longer = "it('the page\\'s own and more', () => {";
    assert!(!has_test("a.mjs", longer, "the page's own", &BTreeMap::new()));
}

#[test]
fn a_function_that_nothing_runs_is_not_a_test() {
    let row = "| GW-01 | a | r | `tests/p/a.rs::it_holds` |\n";
    let file = ("tests/p/a.rs", "// GW-01\n/// Tests.\npub(crate) async fn it_holds() {}");
    assert_eq!(breaches(row, &[file]), ["docs/threats.md:3: GW-01: tests/p/a.rs has no test it_holds"]);
    assert!(breaches(row, &[file, ("tests/p/main.rs", "run!(wanted, a::it_holds,)")]).is_empty());
    assert_eq!(breaches(row, &[file, ("tests/p/main.rs", "run!(wanted, a::it_holds_not)")]).len(), 1);
}

#[test]
fn a_row_without_test_has_one_of_the_known_reasons() {
    for reason in REASONS {
        assert!(breaches(&format!("| GW-01 | a | – | {reason}: b |\n"), &[]).is_empty());
    }
    for text in ["", "later", "open: b"] {
        assert_eq!(breaches(&format!("| GW-01 | a | r | {text} |\n"), &[]).len(), 1, "{text}");
    }
}

#[test]
fn an_id_listed_twice_and_an_empty_list_are_found() {
    let row = "| GW-01 | a | r | **open** |\n";
    assert_eq!(breaches(&row.repeat(2), &[]), ["docs/threats.md:4: GW-01 is listed twice"]);
    assert_eq!(breaches("", &[]), ["docs/threats.md lists no threat"]);
}
