use super::*;

fn parsed(line: &str) -> Result<Command, Failure> {
    parse(line.split_whitespace().map(OsString::from)).map(Option::unwrap)
}

#[test]
fn the_definition_of_the_command_line_is_valid() {
    CommandLine::command().debug_assert();
}

#[test]
fn help_is_printed_and_is_not_a_failure() {
    for line in ["", "--help", "help", "help run", "run --help", "test -h"] {
        assert_eq!(parse(line.split_whitespace().map(OsString::from)).unwrap(), None, "{line}");
    }
}

#[test]
fn run_takes_registries_with_their_realms() {
    let Command::Run(options) = parsed(
        "run --registry r.example/ --realm https://a.example/token --registry http://[::1]:5000 --port 0",
    )
    .unwrap() else {
        panic!("not a run");
    };
    assert_eq!(options.listen, "127.0.0.1:0");
    assert_eq!(options.registries.len(), 2);
    assert_eq!(options.registries[0].url, "https://r.example");
    assert_eq!(options.registries[0].realms, ["https://a.example/token"]);
    assert_eq!(options.registries[1].url, "http://[::1]:5000");
    assert!(options.registries[1].realms.is_empty());
}

#[test]
fn parts_run_in_their_own_order_not_in_the_typed_one() {
    assert_eq!(Part::chosen(&[]), Part::ALL);
    let Command::Test { only } = parsed("test --only registries --only js --only js").unwrap() else {
        panic!("not a test");
    };
    assert_eq!(Part::chosen(&only), [Part::Js, Part::Registries]);
}

#[test]
fn wrong_usage_exits_with_64_and_says_what_is_wrong() {
    for (line, word) in [
        ("frobnicate", "frobnicate"),
        ("test --only browser", "browser"),
        ("run --realm https://a.example", "--registry"),
        ("run --realm https://a.example --registry r.example", "--registry"),
        ("run --port many", "many"),
        ("run --port 1 --listen 127.0.0.1:2", "--listen"),
        ("lint --check", "--check"),
        ("ci now", "now"),
        ("fuzz --minutes 0", "0"),
        ("bench everything", "everything"),
    ] {
        let failure = parsed(line).unwrap_err();
        assert_eq!(failure.exit_code(), 64, "{line}");
        assert!(failure.to_string().contains(word), "{failure}");
    }
}
