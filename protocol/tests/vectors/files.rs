//! Runs the cases of each file: natively from `../vectors.rs`, and in WebAssembly from the tests of `client-wasm`.

#[path = "case.rs"]
mod case;

use case::{access_json, scope_json};
use dockpass_protocol::challenge::{BearerChallenge, Selected, parse_lines, select};
use dockpass_protocol::jwt::{self, Access, AccessList, Decoded, TokenKind, grant_of_access, inspect, read};
use dockpass_protocol::reference::{Reference, RegistryName};
use dockpass_protocol::scope::{self, Endpoint, Scope, parse_scopes, scopes_for};
use dockpass_protocol::tape::Tape;
use dockpass_protocol::token::parse_token_response;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

/// The default time of a response.
const RECEIVED_AT: i64 = 1_790_000_000_000;

pub(crate) fn challenges() {
    case::run("challenges.json", 90, |case| {
        let lines = match case.input.get("input") {
            Some(Value::Array(lines)) => lines.iter().map(case::text).collect(),
            Some(line) => vec![case::text(line)],
            None => panic!("no input"),
        };
        let (challenges, error) = match parse_lines(lines.iter().map(String::as_str)) {
            Ok(challenges) => (challenges, None),
            Err(error) => {
                let json = json!({"code": error.code(), "line": error.line, "position": error.position});
                (error.parsed, Some(json))
            }
        };
        let list = challenges.iter().map(|challenge| {
            let params: Map<_, _> =
                challenge.params.iter().map(|param| (param.name.to_string(), json!(param.value))).collect();
            assert_eq!(params.len(), challenge.params.len(), "names are unique");
            let mut json = json!({"scheme": challenge.scheme, "params": params});
            if let Some(token68) = &challenge.token68 {
                json["token68"] = json!(token68);
            }
            if challenge.lenient {
                json["lenient"] = json!(true);
            }
            json
        });
        case.expect("challenges", Some(Value::Array(list.collect())));
        case.expect("error", error);
        case.expect_if_given("selected", || match select(&challenges) {
            Selected::Bearer(BearerChallenge { realm, service, scope, error }) => {
                let fields =
                    [("realm", Some(realm)), ("service", service), ("scope", scope), ("error", error)];
                let fields =
                    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?))));
                json!({"bearer": Value::Object(fields.collect())})
            }
            Selected::Basic { realm } => json!({"basic": realm}),
            Selected::Other { scheme } => json!({"other": scheme}),
            Selected::None => json!("none"),
        });
    });
}

pub(crate) fn scopes() {
    case::run("scopes.json", 60, |case| match case.string("op").as_str() {
        "parse" => {
            let (scopes, error) = match parse_scopes(&case::text(&case.input["input"])) {
                Ok(scopes) => (Some(scopes.iter().map(scope_json).collect()), None),
                Err(error) => (None, Some(json!({"code": error.code(), "position": error.position}))),
            };
            case.expect("scopes", scopes.map(Value::Array));
            case.expect("error", error);
        }
        "normalize" => {
            let strings: Vec<String> = case.list("input").iter().map(case::text).collect();
            let strings: Vec<&str> = strings.iter().map(String::as_str).collect();
            let normalized = scope::normalize(&strings);
            let again: Vec<&str> = normalized.iter().map(String::as_str).collect();
            assert_eq!(scope::normalize(&again), normalized, "normal form of a normal form");
            case.expect("normalized", Some(json!(normalized)));
        }
        other => panic!("unknown op {other}"),
    });
}

pub(crate) fn endpoints() {
    case::run("endpoints.json", 60, |case| {
        let (method, url) = (case.string("method"), case::text(&case.input["url"]));
        let (scopes, error) = match scopes_for(&method, &url) {
            Ok(scopes) => (Some(json!(scopes.to_strings())), None),
            Err(error) => (None, Some(json!({"code": error.code()}))),
        };
        case.expect("scopes", scopes);
        case.expect("error", error);
        case.expect_if_given("relayed", || {
            let path = url.split_once('?').map_or(url.as_str(), |(path, _)| path);
            json!(Endpoint::parse(&method, path).is_ok())
        });
    });
}

pub(crate) fn tokens() {
    case::run("tokens.json", 90, |case| {
        let token = match case.input.get("token") {
            Some(token) => case::text(token),
            None => case::jwt(&case.input["jwt"]),
        };
        let info = inspect(&token);
        let kind = match info.kind() {
            TokenKind::Jwt => "jwt",
            TokenKind::Opaque => "opaque",
        };
        assert_eq!(info.claims_json().is_some(), kind == "jwt");
        assert!(!info.is_broken() || kind == "opaque", "a broken token is not read");
        case.expect("kind", Some(json!(kind)));
        case.expect("problem", info.problem().map(|problem| json!(problem.code())));
        case.expect(
            "access",
            Some(match &info.access {
                Access::Absent => Value::Null,
                Access::List(entries) => access_json(entries),
            }),
        );
        case.expect("issuedAt", info.issued_at.map(Value::from));
        case.expect("notBefore", info.not_before.map(Value::from));
        case.expect("expiresAt", info.expires_at.map(Value::from));
        case.expect(
            "subject",
            info.subject.as_deref().filter(|subject| !subject.is_empty()).map(Value::from),
        );
        case.expect("audience", (!info.audience.is_empty()).then(|| json!(info.audience)));
        for (scope, grant) in case.take_object("grants") {
            let requested: Scope = scope.parse().unwrap_or_else(|error| panic!("{scope}: {error}"));
            assert_eq!(grant, info.grant(&requested).as_str(), "{scope}");
            // The functions for a single scope and for a list of entries agree.
            let mut decoded = Decoded::default();
            let reading = read(token.as_bytes(), &mut decoded);
            assert_eq!(grant, jwt::grant(&reading, &requested).as_str(), "{scope}");
            if let Access::List(entries) = &info.access {
                let (json, mut tape) = (access_json(entries).to_string(), Tape::default());
                let access = AccessList::parse(&json, &mut tape).expect("a list of entries");
                assert_eq!(grant, grant_of_access(access, &requested).as_str(), "{scope}");
            }
        }
    });
}

pub(crate) fn token_responses() {
    case::run("token_responses.json", 50, |case| {
        let jwt = case.input.get("jwt").map(case::jwt).unwrap_or_default();
        let body = case::text(&case.input["body"]).replace("$JWT", &jwt);
        let received_at =
            case.input.get("receivedAt").map_or(RECEIVED_AT, |at| at.as_i64().expect("a number"));
        case.replace_in_expectations("$JWT", &jwt);
        match parse_token_response(body.as_bytes(), received_at) {
            Ok(response) => {
                let shown = format!("{response:?}");
                assert!(!shown.contains(response.token.expose_secret()), "Debug shows the token");
                case.expect("token", Some(json!(response.token.expose_secret())));
                case.expect("refreshToken", response.refresh_token.map(|token| json!(token.expose_secret())));
                case.expect("expiresAt", Some(json!(response.expires_at_ms)));
                let notes: Vec<_> = response.notes.codes().collect();
                case.expect("notes", (!notes.is_empty()).then(|| json!(notes)));
            }
            Err(error) => case.expect("error", Some(json!({"code": error.code()}))),
        }
    });
}

pub(crate) fn references() {
    case::run("references.json", 60, |case| {
        let input = case::text(&case.input["input"]);
        let error = match case.string("op").as_str() {
            "reference" => match input.parse::<Reference>() {
                Ok(reference) => {
                    let printed = reference.to_string();
                    assert_eq!(printed.parse(), Ok(reference.clone()), "what is printed reads the same");
                    case.expect("registry", Some(json!(reference.registry.as_str())));
                    case.expect("repository", Some(json!(reference.repository.as_str())));
                    case.expect("tag", reference.tag.map(|tag| json!(tag.as_str())));
                    case.expect("digest", reference.digest.map(|digest| json!(digest.as_str())));
                    case.expect_if_given("canonical", || json!(printed));
                    case.expect_if_given("endpoint", || json!(reference.registry.endpoint()));
                    None
                }
                Err(error) => Some(error),
            },
            "registry" => match RegistryName::parse(&input) {
                Ok(name) => {
                    assert_eq!(
                        RegistryName::parse(name.as_str()).as_ref(),
                        Ok(&name),
                        "canonical form is stable"
                    );
                    case.expect("registry", Some(json!(name.as_str())));
                    case.expect_if_given("endpoint", || json!(name.endpoint()));
                    None
                }
                Err(error) => Some(error),
            },
            other => panic!("unknown op {other}"),
        };
        case.expect("error", error.map(|error| json!({"code": error.code()})));
    });
}

pub(crate) fn names_are_sentences_and_vectors_have_sources() {
    for file in case::FILES {
        let mut names = Vec::new();
        for value in case::load(file) {
            let name = value["name"].as_str().expect("a name").to_owned();
            let source = value["source"].as_str().expect("a source");
            assert!(name.len() >= 3 && source.len() >= 4, "{file}: {name}");
            names.push(name);
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{file}: a name is used twice");
    }
    let total: usize = case::FILES.iter().map(|file| case::load(file).len()).sum();
    assert!(total >= 400, "only {total} cases");
}
