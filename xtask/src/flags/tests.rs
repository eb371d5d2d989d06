use super::*;

fn parsed(line: &str) -> Result<Command, Failure> {
    parse(line.split_whitespace().map(OsString::from))
}

#[test]
fn nothing_typed_is_the_overview() {
    assert_eq!(parsed("").unwrap(), Command::Help(help::OVERVIEW));
    assert_eq!(parsed("help").unwrap(), Command::Help(help::OVERVIEW));
}

#[test]
fn every_command_of_the_overview_has_help_of_its_own() {
    for command in ["run", "test", "lint", "wasm", "ci", "dist", "bench", "fuzz", "mutants", "tools"] {
        assert!(help::OVERVIEW.contains(&format!("\n  {command} ")), "{command} is not in the overview");
        let Command::Help(text) = parsed(&format!("{command} --help")).unwrap() else {
            panic!("{command} --help ran the command");
        };
        assert!(text.contains(&format!("Usage: cargo xtask {command}")), "{text}");
        assert_eq!(parsed(&format!("help {command}")).unwrap(), Command::Help(text));
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
fn parts_run_in_their_own_order_whatever_was_typed() {
    assert_eq!(parsed("test").unwrap(), Command::Test(Part::ALL.to_vec()));
    assert_eq!(parsed("test --only e2e --only unit").unwrap(), Command::Test(vec![Part::Unit, Part::E2e]));
    assert_eq!(
        parsed("test --only registries --only js").unwrap(),
        Command::Test(vec![Part::Js, Part::Registries])
    );
}

#[test]
fn wrong_usage_exits_with_64_and_says_what_is_wrong() {
    for (line, word) in [
        ("frobnicate", "frobnicate"),
        ("test --only browser", "browser"),
        ("run --realm https://a.example", "--registry"),
        ("run --port many", "many"),
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
