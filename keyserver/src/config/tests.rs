use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::field::Section as _;
use super::{LogFormat, Settings};

const EXAMPLE: &str = include_str!("../../../config.example.yaml");

fn parse(text: &str) -> Result<Settings, String> {
    Settings::parse(text, []).map_err(|problems| problems.to_string())
}

fn with_env(text: &str, variables: &[(&str, &str)]) -> Result<Settings, String> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Settings::parse(text, variables).map_err(|problems| problems.to_string())
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

/// The same of a schema.
fn schema_keys(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    let Some(Value::Object(properties)) = schema.get("properties") else { return };
    for (key, schema) in properties {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        found.insert(path.clone());
        schema_keys(schema, &path, found);
    }
}

#[test]
fn the_example_has_every_key_with_its_default() {
    let example: Value = serde_saphyr::from_str(EXAMPLE).unwrap();
    let (mut written, mut known) = (BTreeSet::new(), BTreeSet::new());
    keys(&example, "", &mut written);
    schema_keys(&super::schema(), "", &mut known);
    assert_eq!(written, known);
    let parsed = parse(EXAMPLE).unwrap();
    assert_eq!(parsed.write(), serde_json::json!({}));
    assert_eq!(format!("{parsed:?}"), format!("{:?}", Settings::default()));
}

#[test]
fn the_example_names_every_key_of_a_registry() {
    let schema = super::schema();
    let keys = schema.pointer("/properties/registries/items/properties").and_then(Value::as_object).unwrap();
    assert_eq!(keys.len(), 12);
    for key in keys.keys() {
        assert!(EXAMPLE.contains(&format!(" {key}: ")), "{key}");
    }
}

#[test]
fn an_empty_file_is_a_valid_configuration() {
    for text in ["", "\n", "# only words\n", "---\n", "session:\nlog:\n"] {
        assert_eq!(parse(text).unwrap().listen.to_string(), "127.0.0.1:8780", "{text:?}");
    }
    let settings = parse("").unwrap();
    let hosts: Vec<_> = settings.registries.iter().map(|registry| registry.name.as_str()).collect();
    assert_eq!(hosts, ["docker.io", "ghcr.io", "quay.io", "registry.gitlab.com", "nvcr.io"]);
    assert!(settings.gateway.read_only && !settings.any_registry);
}

// Threats: FLT-08.
#[test]
fn unknown_keys_are_all_named_with_line_and_column() {
    refused(
        "listen: 127.0.0.1:1\nlissen: x\nsession:\n  lifetime_second: 5\nregistries:\n  - name: a\n    host: a.test\n    relms: []\n",
        &[
            "line 2, column 1: lissen: unknown key; did you mean `listen`?",
            "line 4, column 3: session.lifetime_second: unknown key; did you mean `lifetime_seconds`?",
            "line 8, column 5: registries[0].relms: unknown key; did you mean `realms`?",
        ],
    );
    let message = parse("gateway:\n  frobnicate: 1\n").unwrap_err();
    assert_eq!(message, "line 2, column 3: gateway.frobnicate: unknown key; the keys here are: read_only");
}

// Threats: FLT-08.
#[test]
fn wrong_types_are_all_named_and_no_value_is_repeated() {
    let text = "listen: [a]\nsession:\n  lifetime_seconds: s3cret-value\ncache: s3cret-value\ngateway:\n  read_only: 1\nregistries: s3cret-value\nlog:\n  format: s3cret-value\ntrusted_proxies: s3cret-value\ncors:\n  allowed_origins: [1]\n";
    refused(
        text,
        &[
            "line 1, column 9: listen: expected a string",
            "line 3, column 21: session.lifetime_seconds: expected a whole number from 60 to 2592000",
            "line 4, column 8: cache: expected a section with keys of its own",
            "line 6, column 14: gateway.read_only: expected true or false",
            "line 7, column 13: registries: expected a list of registries",
            "line 9, column 11: log.format: expected `text` or `json`",
            "line 10, column 18: trusted_proxies: expected a list of strings",
            "line 12, column 21: cors.allowed_origins[0]: expected a string",
        ],
    );
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

#[test]
fn a_key_that_is_written_twice_is_named_with_its_line() {
    let message = parse("listen: 127.0.0.1:1\nlog: {}\nlisten: 127.0.0.1:2\n").unwrap_err();
    assert_eq!(message, "line 3, column 1: this key is written twice");
    let message = parse("a: [\n").unwrap_err();
    assert!(message.ends_with("not valid YAML"), "{message}");
}

// Threats: COR-02.
#[test]
fn values_that_do_not_parse_are_all_named_with_line_and_column() {
    let pattern = "`*`, `null` and patterns are not allowed, because allowed pages may use sessions; write out each origin";
    refused(
        "listen: localhost\npublic_origin: registry.example.com\ncors:\n  allowed_origins: ['*', 'null', 'https://*.a.test', 'https://a.test/', 'https://b.test', 'A']\nlimits:\n  rsa_queue: 0\nlog:\n  filter: '=='\ncache:\n  denial_seconds: 31\ntrusted_proxies: [10.0.0.1, 10.0.0.0/8, 'fd00::/8', 10.0.0.0/33, proxy]\n",
        &[
            "line 1, column 9: listen: expected an address and a port, such as 127.0.0.1:8780",
            "line 2, column 16: public_origin: expected scheme and host, such as https://registry.example.com, and perhaps a path of letters, digits and -._~ that does not begin like one of the server's own, such as /registry-login",
            &format!("line 4, column 21: cors.allowed_origins[0]: {pattern}"),
            &format!("line 4, column 26: cors.allowed_origins[1]: {pattern}"),
            &format!("line 4, column 34: cors.allowed_origins[2]: {pattern}"),
            "line 4, column 54: cors.allowed_origins[3]: write it as browsers send it: in lower case, without a default port or a slash at the end",
            "line 4, column 91: cors.allowed_origins[5]: expected scheme and host, such as https://apps.example.com",
            "line 6, column 14: limits.rsa_queue: expected a whole number from 1 to 100000",
            "line 8, column 11: log.filter: expected a filter such as `info` or `info,dockpass_keyserver=debug`",
            "line 10, column 19: cache.denial_seconds: expected a whole number from 0 to 30",
            "line 11, column 53: trusted_proxies[3]: expected an IP address or a network, such as 10.0.0.1 or 10.0.0.0/8",
            "line 11, column 66: trusted_proxies[4]: expected an IP address or a network, such as 10.0.0.1 or 10.0.0.0/8",
        ],
    );
}

// Threats: RLM-22, SSRF-10.
#[test]
fn registries_are_checked() {
    let http = "http:// would send passwords unencrypted; use https, or set `insecure_http: true` if that is intended";
    for (entry, problem) in [
        ("{name: a}", "line 2, column 5: registries[0]: an entry needs `host` (reached over HTTPS) or `url`".to_owned()),
        ("{host: null}", "line 2, column 5: registries[0]: an entry needs `host` (reached over HTTPS) or `url`".to_owned()),
        ("{host: a.test, allowed_scopes: ['repository:a']}", "line 2, column 37: registries[0].allowed_scopes[0]: expected type:name:actions, such as repository:team/*:pull".to_owned()),
        ("{host: 'http://a.test'}", "line 2, column 12: registries[0].host: not the name of a registry; write host or host:port, or use `url` for a URL".to_owned()),
        ("{url: 'a.test'}", "line 2, column 11: registries[0].url: expected scheme and host without a path, such as http://127.0.0.1:5000".to_owned()),
        ("{url: 'http://a.test'}", format!("line 2, column 11: registries[0].url: {http}")),
        ("{url: 'http://8.8.8.8'}", format!("line 2, column 11: registries[0].url: {http}")),
        ("{url: 'https://registry-1.docker.io'}", "line 2, column 11: registries[0].url: write `host: docker.io` for Docker Hub".to_owned()),
        ("{host: a.test, redirects: [x]}", "line 2, column 32: registries[0].redirects[0]: expected scheme and host, such as https://storage.example.com".to_owned()),
        ("{host: a.test, catalog: [a, B]}", "line 2, column 33: registries[0].catalog[1]: expected the name of a repository, such as team/app".to_owned()),
    ] {
        refused(&format!("registries:\n  - {entry}\n"), &[&problem]);
    }
    refused(
        "registries:\n  - host: a.test\n  - host: A.test:443\n",
        &["line 3, column 5: registries[1]: this registry is in the list twice"],
    );
    for realm in
        ["x", "https://u:p@b.test/t", "http://b.test/t", "https://b.test/t?x=1", "https://b.test/t#x"]
    {
        let message =
            parse(&format!("registries:\n  - host: a.test\n    realms: ['https://c.test/t', '{realm}']\n"))
                .unwrap_err();
        assert!(
            message.starts_with(
                "line 3, column 34: registries[0].realms[1]: expected the URL of a token service"
            ),
            "{message}"
        );
    }
    for good in [
        "{url: 'http://127.0.0.1:5000', realms: ['http://127.0.0.1:5001/token']}",
        "{url: 'http://localhost:5000'}",
        "{url: 'http://10.0.0.5:5000'}",
        "{url: 'http://[::1]:5000'}",
        "{url: 'http://registry.lan', insecure_http: true}",
        "{host: registry.example.com, url: 'http://10.0.0.5:5000', allowed_scopes: ['repository:team/*:pull']}",
        "{host: null, url: 'https://registry.example.com'}",
        "{host: 'registry.example.com:5000', realms: ['https://auth.example.com/token']}",
        "{host: 'my_reg:5000', realms: ['https://docker_auth:5001/auth']}",
        "{url: 'http://my_reg:5000', insecure_http: true}",
    ] {
        parse(&format!("registries:\n  - {good}\n")).unwrap();
    }
}

#[test]
fn problems_of_all_entries_are_reported_at_once() {
    refused(
        "registries:\n  - {host: a.test, realms: 5}\n  - {hots: b.test}\n  - {url: 'http://127.0.0.1:8780'}\n  - host: a.test\n    ca_file: ''\n",
        &[
            "line 2, column 28: registries[0].realms: expected a list of strings",
            "line 3, column 5: registries[1]: an entry needs `host` (reached over HTTPS) or `url`",
            "line 3, column 6: registries[1].hots: unknown key; did you mean `host`?",
            "line 4, column 5: registries[2]: this is the key server itself",
            "line 5, column 5: registries[3]: this registry is in the list twice",
            "line 6, column 14: registries[3].ca_file: expected the path of a file",
        ],
    );
}

// Threats: RLM-20, CFG-01.
#[test]
fn a_registry_at_the_key_servers_own_address_is_refused() {
    let text = "public_origin: https://registry.example.com\nregistries:\n  - host: registry.example.com\n";
    refused(text, &["line 3, column 5: registries[0]: this is the key server itself"]);
    refused(
        "registries:\n  - url: http://127.0.0.1:8780\n",
        &["line 2, column 5: registries[0]: this is the key server itself"],
    );
}

#[test]
fn variables_override_and_their_types_are_those_of_their_keys() {
    let settings = with_env(
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
    assert_eq!(settings.listen.port(), 2);
    assert_eq!(settings.log.format, LogFormat::Json);
    assert_eq!(settings.log.filter, super::LogFilter::parse("debug").unwrap());
    assert_eq!(settings.session.lifetime, Duration::from_mins(10));
    assert!(!settings.gateway.read_only);
    assert_eq!(settings.session.key_files.len(), 2);
    assert_eq!(settings.registries.len(), 1);
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
            "DOCKPASS__SESSION__LIFETIME_SECONDS: expected a whole number from 60 to 2592000",
        ),
        (
            "DOCKPASS__SESSION__LIFETIME_SECONDS",
            "1",
            "DOCKPASS__SESSION__LIFETIME_SECONDS: expected a whole number from 60 to 2592000",
        ),
        (
            "DOCKPASS__LISTEN",
            "s3cret",
            "DOCKPASS__LISTEN: expected an address and a port, such as 127.0.0.1:8780",
        ),
        (
            "DOCKPASS__REGISTRIES",
            "[{host: a.test}, {url: s3cret}]",
            "DOCKPASS__REGISTRIES[1].url: expected scheme and host without a path, such as http://127.0.0.1:5000",
        ),
    ] {
        assert_eq!(with_env("", &[(name, value)]).unwrap_err(), problem);
    }
    assert_eq!(
        with_env("session: 5\n", &[("DOCKPASS__SESSION__LIFETIME_SECONDS", "600")]).unwrap_err(),
        "line 1, column 10: session: expected a section with keys of its own"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    for (path, reason) in
        [(folder.path().join("missing.yaml"), "No such file"), (folder.path().to_owned(), "it is not a file")]
    {
        let message = Settings::load(Some(&path), []).unwrap_err().to_string();
        assert!(message.contains(reason), "{message}");
    }
    let binary = folder.path().join("binary");
    std::fs::write(&binary, [0xff, 0xfe]).unwrap();
    assert!(Settings::load(Some(&binary), []).unwrap_err().to_string().contains("not UTF-8"));
}

/// ORG-01: a server that listens on all interfaces knows its origin, or there would be nothing to compare with.
#[test]
fn listening_on_all_interfaces_requires_a_public_origin() {
    for listen in ["0.0.0.0:8780", "'[::]:8780'"] {
        let alone = parse(&format!("listen: {listen}\n")).unwrap_err();
        assert!(
            alone.starts_with(
                "line 1, column 9: listen: listening on all interfaces requires `public_origin`"
            ),
            "{alone}"
        );
        parse(&format!("listen: {listen}\npublic_origin: https://registry.example.com\n")).unwrap();
    }
    let message = with_env("", &[("DOCKPASS__LISTEN", "0.0.0.0:8780")]).unwrap_err();
    assert!(message.starts_with("DOCKPASS__LISTEN: ") && message.contains("public_origin"), "{message}");
}

#[test]
fn the_own_origin_is_canonical() {
    for (text, own) in [
        ("", "http://127.0.0.1:8780"),
        ("listen: '[::1]:80'", "http://[::1]"),
        ("public_origin: HTTPS://Registry.Example.com:443/", "https://registry.example.com"),
    ] {
        assert_eq!(parse(text).unwrap().own_origin().unwrap().to_string(), own);
    }
}

/// LOG-01: what a filter means is the same as in `EnvFilter` itself.
#[test]
fn a_log_filter_keeps_its_meaning() {
    for text in ["info", "info,dockpass_keyserver=debug", "hyper=off,debug"] {
        let ours = super::LogFilter::parse(text).unwrap().build();
        let theirs = tracing_subscriber::EnvFilter::try_new(text).unwrap();
        assert_eq!(ours.to_string(), theirs.to_string());
    }
}

// Threats: CFG-01.
#[test]
fn what_is_valid_and_unsafe_is_warned_of() {
    for (text, expected) in [
        ("", &[][..]),
        ("public_origin: https://ks.example.com\nlisten: 0.0.0.0:8780\n", &[]),
        ("public_origin: http://localhost:8780\n", &[]),
        ("public_origin: http://10.0.0.1:8780\nlisten: 10.0.0.1:8780\n", &[]),
        ("trusted_proxies: [10.0.0.0/8]\n", &[]),
        ("public_origin: http://ks.example.com\n", &["public_origin is http://"]),
        ("public_origin: http://ks.example.com\nlisten: 0.0.0.0:80\n", &["public_origin is http://"]),
        ("public_origin: http://8.8.8.8\n", &["public_origin is http://"]),
        ("listen: 203.0.113.1:8780\n", &["listen is not a loopback address"]),
        ("trusted_proxies: [0.0.0.0/0]\n", &["trusted_proxies contains every address"]),
        ("trusted_proxies: ['10.0.0.1', '::/0']\n", &["trusted_proxies contains every address"]),
        ("any_registry: true\n", &["any_registry is enabled"]),
    ] {
        let warnings = Settings::parse(text, []).unwrap().warnings();
        assert_eq!(warnings.len(), expected.len(), "{text}: {warnings:?}");
        for (warning, beginning) in warnings.iter().zip(expected) {
            assert!(warning.starts_with(beginning), "{text}: {warning}");
        }
    }
}
