use std::collections::BTreeSet;

use serde_json::Value;

use super::{Config, LogFormat, RegistryConfig};

const EXAMPLE: &str = include_str!("../../../config.example.yaml");

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(text, []).map_err(|problems| problems.to_string())
}

fn with_env(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::parse(text, variables).map_err(|problems| problems.to_string())
}

#[track_caller]
fn refused(text: &str, problems: &[&str]) {
    let message = parse(text).expect_err("this must be refused");
    assert_eq!(message.lines().collect::<Vec<_>>(), problems, "{message}");
}

/// `section.key` of everything that is not a list of registries.
fn keys(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    let Value::Object(map) = value else { return };
    for (key, value) in map {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        found.insert(path.clone());
        keys(value, &path, found);
    }
}

#[test]
fn the_example_has_every_key_with_its_default() {
    let example: Value = serde_saphyr::from_str(EXAMPLE).unwrap();
    let defaults = serde_json::to_value(Config::default()).unwrap();
    let (mut written, mut known) = (BTreeSet::new(), BTreeSet::new());
    keys(&example, "", &mut written);
    keys(&defaults, "", &mut known);
    assert_eq!(written, known);
    let parsed = parse(EXAMPLE).unwrap();
    assert_eq!(serde_json::to_value(parsed).unwrap(), defaults);
}

#[test]
fn the_example_names_every_key_of_a_registry() {
    let Value::Object(keys) = serde_json::to_value(RegistryConfig::default()).unwrap() else { panic!() };
    for key in keys.keys() {
        assert!(EXAMPLE.contains(&format!(" {key}: ")), "{key}");
    }
}

#[test]
fn nothing_at_all_is_a_configuration() {
    for text in ["", "\n", "# only words\n", "---\n"] {
        assert_eq!(parse(text).unwrap().listen, "127.0.0.1:8780", "{text:?}");
    }
    let config = parse("").unwrap();
    let hosts: Vec<_> = config.registries.iter().filter_map(|entry| entry.host.as_deref()).collect();
    assert_eq!(hosts, ["docker.io", "ghcr.io", "quay.io", "registry.gitlab.com", "nvcr.io"]);
    assert!(config.gateway.read_only && !config.any_registry);
}

// Threats: FLT-08.
#[test]
fn unknown_keys_are_all_named_with_their_lines() {
    refused(
        "listen: 127.0.0.1:1\nlissen: x\nsession:\n  lifetime_second: 5\nregistries:\n  - name: a\n    host: a.test\n    relms: []\n",
        &[
            "line 2: lissen: unknown key; did you mean `listen`?",
            "line 4: session.lifetime_second: unknown key; did you mean `lifetime_seconds`?",
            "line 8: registries[0].relms: unknown key; did you mean `realms`?",
        ],
    );
    let message = parse("gateway:\n  frobnicate: 1\n").unwrap_err();
    assert_eq!(message, "line 2: gateway.frobnicate: unknown key; here can stand: read_only");
}

// Threats: FLT-08.
#[test]
fn wrong_types_are_all_named_and_no_value_is_repeated() {
    let text = "listen: [a]\nsession:\n  lifetime_seconds: s3cret-value\ncache: s3cret-value\ngateway:\n  read_only: 1\nregistries: s3cret-value\nlog:\n  format: s3cret-value\n";
    refused(
        text,
        &[
            "line 1: listen: expected text",
            "line 3: session.lifetime_seconds: expected a whole number that is not negative",
            "line 4: cache: expected a section with keys of its own",
            "line 6: gateway.read_only: expected true or false",
            "line 7: registries: expected a list of registries",
        ],
    );
    refused("log:\n  format: s3cret-value\n", &["line 2: log.format: expected `text` or `json`"]);
    for text in [
        "password: s3cret: value: x\n",
        "a: [\n",
        "- a\n",
        "s3cret-value",
        "a: 1\na: s3cret-value\n",
        "\t\t: s3cret-value",
        "listen: \u{0}s3cret-value",
    ] {
        let message = parse(text).unwrap_err();
        assert!(!message.contains("s3cret"), "{message}");
    }
}

// Threats: COR-02.
#[test]
fn broken_rules_are_all_named() {
    refused(
        "listen: localhost\npublic_origin: registry.example.com\ncors:\n  allowed_origins: ['*', 'null', 'https://*.a.test', 'https://a.test/', 'https://b.test', 'A']\nlimits:\n  rsa_queue: 0\nlog:\n  filter: '=='\ncache:\n  denial_seconds: 31\n",
        &[
            "line 1: listen: expected an address and a port, such as 127.0.0.1:8780",
            "line 2: public_origin: expected scheme and host, such as https://registry.example.com",
            "line 4: cors.allowed_origins[0]: neither `*`, `null` nor a pattern: each origin is written out, because a session is behind it",
            "line 4: cors.allowed_origins[1]: neither `*`, `null` nor a pattern: each origin is written out, because a session is behind it",
            "line 4: cors.allowed_origins[2]: neither `*`, `null` nor a pattern: each origin is written out, because a session is behind it",
            "line 4: cors.allowed_origins[3]: write it as browsers send it: https://a.test",
            "line 4: cors.allowed_origins[5]: expected scheme and host, such as https://apps.example.com",
            "line 6: limits.rsa_queue: expected a number from 1 to 100000",
            "line 8: log.filter: expected a filter such as `info` or `info,dockpass_keyserver=debug`",
            "line 10: cache.denial_seconds: expected a number from 0 to 30",
        ],
    );
}

// Threats: RLM-22, SSRF-10.
#[test]
fn registries_are_checked() {
    let http =
        "http:// would send passwords in the clear; use https, or say `insecure_http: true` if that is meant";
    for (entry, problem) in [
        ("{name: a}", "line 2: registries[0]: a registry needs `host` (reached by https) or `url`".to_owned()),
        ("{host: a.test, url: 'https://a.test'}", "line 2: registries[0].url: `host` and `url` exclude each other; `url` says it all".to_owned()),
        ("{host: 'http://a.test'}", "line 2: registries[0]: `host` is not the name of a registry; write host or host:port".to_owned()),
        ("{url: 'a.test'}", "line 2: registries[0].url: expected scheme and host without a path, such as http://127.0.0.1:5000".to_owned()),
        ("{url: 'http://a.test'}", format!("line 2: registries[0].url: {http}")),
        ("{url: 'http://8.8.8.8'}", format!("line 2: registries[0].url: {http}")),
        ("{url: 'https://registry-1.docker.io'}", "line 2: registries[0].url: write `host: docker.io` for Docker Hub".to_owned()),
        ("{host: a.test, redirects: [x]}", "line 2: registries[0].redirects[0]: expected scheme and host, such as https://storage.example.com".to_owned()),
    ] {
        refused(&format!("registries:\n  - {entry}\n"), &[&problem]);
    }
    refused(
        "registries:\n  - host: a.test\n  - host: A.test:443\n",
        &["line 3: registries[1]: this registry is in the list twice"],
    );
    for realm in
        ["x", "https://u:p@b.test/t", "http://b.test/t", "https://b.test/t?x=1", "https://b.test/t#x"]
    {
        let message =
            parse(&format!("registries:\n  - host: a.test\n    realms: ['{realm}']\n")).unwrap_err();
        assert!(
            message.starts_with("line 3: registries[0].realms[0]: expected the URL of a token service"),
            "{message}"
        );
    }
    for good in [
        "{url: 'http://127.0.0.1:5000', realms: ['http://127.0.0.1:5001/token']}",
        "{url: 'http://localhost:5000'}",
        "{url: 'http://10.0.0.5:5000'}",
        "{url: 'http://[::1]:5000'}",
        "{url: 'http://registry.lan', insecure_http: true}",
        "{host: 'registry.example.com:5000', realms: ['https://auth.example.com/token']}",
    ] {
        parse(&format!("registries:\n  - {good}\n")).unwrap();
    }
}

// Threats: RLM-20, CFG-01.
#[test]
fn a_registry_that_is_this_server_is_refused() {
    let text = "public_origin: https://registry.example.com\nregistries:\n  - host: registry.example.com\n";
    refused(text, &["line 3: registries[0]: this is the key server itself"]);
    refused(
        "registries:\n  - url: http://127.0.0.1:8780\n",
        &["line 2: registries[0]: this is the key server itself"],
    );
}

#[test]
fn variables_override_and_their_types_are_those_of_their_keys() {
    let config = with_env(
        "listen: 127.0.0.1:1\nlog: {filter: debug}\n",
        &[
            ("DOCKPASS__LISTEN", "127.0.0.1:2"),
            ("DOCKPASS__LOG__FORMAT", "json"),
            ("DOCKPASS__SESSION__LIFETIME_SECONDS", "600"),
            ("DOCKPASS__GATEWAY__READ_ONLY", "false"),
            ("DOCKPASS__SESSION__KEY_FILES", "[/a, /b]"),
            ("DOCKPASS__REGISTRIES", "[{host: a.test}]"),
            ("PATH", "/bin"),
            ("DOCKPASS_CONFIG", "x"),
        ],
    )
    .unwrap();
    assert_eq!(config.listen, "127.0.0.1:2");
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.log.filter, "debug");
    assert_eq!(config.session.lifetime_seconds, 600);
    assert!(!config.gateway.read_only);
    assert_eq!(config.session.key_files.len(), 2);
    assert_eq!(config.registries.len(), 1);
}

// Threats: FLT-08.
#[test]
fn a_wrong_variable_is_named_and_its_value_is_not_repeated() {
    for (name, value, problem) in [
        ("DOCKPASS__LOG__FORMATT", "s3cret", "DOCKPASS__LOG__FORMATT: there is no such key"),
        ("DOCKPASS__SESSION", "s3cret", "DOCKPASS__SESSION: there is no such key"),
        (
            "DOCKPASS__SESSION__LIFETIME_SECONDS",
            "s3cret",
            "DOCKPASS__SESSION__LIFETIME_SECONDS: expected a whole number that is not negative",
        ),
        (
            "DOCKPASS__SESSION__LIFETIME_SECONDS",
            "1",
            "DOCKPASS__SESSION__LIFETIME_SECONDS: expected a number from 60 to 2592000",
        ),
        (
            "DOCKPASS__LISTEN",
            "s3cret",
            "DOCKPASS__LISTEN: expected an address and a port, such as 127.0.0.1:8780",
        ),
    ] {
        assert_eq!(with_env("", &[(name, value)]).unwrap_err(), problem);
    }
}

#[test]
fn a_file_that_is_none_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    for (path, reason) in
        [(folder.path().join("missing.yaml"), "No such file"), (folder.path().to_owned(), "it is not a file")]
    {
        let message = Config::load(Some(&path), []).unwrap_err().to_string();
        assert!(message.contains(reason), "{message}");
    }
    let binary = folder.path().join("binary");
    std::fs::write(&binary, [0xff, 0xfe]).unwrap();
    assert!(Config::load(Some(&binary), []).unwrap_err().to_string().contains("not UTF-8"));
}

/// ORG-01: a server that listens everywhere knows where browsers reach it, or nothing could be compared with it.
#[test]
fn listening_everywhere_takes_a_public_origin() {
    for listen in ["0.0.0.0:8780", "'[::]:8780'"] {
        let alone = parse(&format!("listen: {listen}\n")).unwrap_err();
        assert!(alone.starts_with("line 1: listen: ") && alone.contains("public_origin"), "{alone}");
        parse(&format!("listen: {listen}\npublic_origin: https://registry.example.com\n")).unwrap();
    }
    let message = with_env("", &[("DOCKPASS__LISTEN", "0.0.0.0:8780")]).unwrap_err();
    assert!(message.starts_with("DOCKPASS__LISTEN: ") && message.contains("public_origin"), "{message}");
}
