//! Property tests. Further cases are in `testdata/tokens.json`.
#![expect(clippy::string_slice, reason = "a test that panics has failed, as it should")]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::tape;

fn token(header: &str, claims: &str) -> String {
    format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}

/// A token that lists these entries.
fn token_with(entries: &[Scope]) -> String {
    let entries: Vec<_> = entries
        .iter()
        .map(|entry| {
            let mut json = serde_json::json!({"type": entry.resource_type, "name": entry.name, "actions": entry.actions});
            if let Some(class) = &entry.class {
                json["class"] = class.as_str().into();
            }
            json
        })
        .collect();
    token(r#"{"alg":"RS256"}"#, &serde_json::json!({"access": entries, "exp": 1_790_000_000}).to_string())
}

fn scope() -> impl Strategy<Value = Scope> {
    let actions = prop::collection::vec(select(vec!["pull", "push", "delete", "*"]), 0..4);
    (
        select(vec!["repository", "registry"]),
        prop::option::of(Just("plugin")),
        select(vec!["a", "a/b", "b"]),
        actions,
    )
        .prop_map(|(resource_type, class, name, actions)| Scope {
            resource_type: resource_type.to_owned(),
            class: class.map(str::to_owned),
            name: name.to_owned(),
            actions: actions.into_iter().map(str::to_owned).collect(),
        })
}

/// The algorithm of distribution: actions in a map by type and name; `*` covers all (`registry/auth/token/token.go`).
fn reference_grants(entries: &[Scope], requested: &Scope) -> bool {
    let mut sets: std::collections::HashMap<(&str, &str), std::collections::HashSet<&str>> =
        std::collections::HashMap::new();
    for entry in entries {
        let set = sets.entry((&entry.resource_type, &entry.name)).or_default();
        set.extend(entry.actions.iter().map(String::as_str));
    }
    let set = sets.remove(&(requested.resource_type.as_str(), requested.name.as_str())).unwrap_or_default();
    !requested.actions.is_empty()
        && requested.actions.iter().all(|action| set.contains("*") || set.contains(action.as_str()))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn more_grants_never_take_any_away(entries in prop::collection::vec(scope(), 0..5), more in scope(), action in "[a-z]{1,4}", requested in scope()) {
        let info = inspect(&token_with(&entries));
        prop_assert_eq!(&info.access, &Access::List(entries.clone()));
        prop_assert_eq!(info.grant(&requested) == Grant::Granted, reference_grants(&entries, &requested));
        let before = info.grant(&requested);
        let mut longer = entries.clone();
        longer.push(more);
        let mut wider = entries;
        for entry in &mut wider {
            entry.actions.push(action.clone());
        }
        if before == Grant::Granted {
            prop_assert_eq!(inspect(&token_with(&longer)).grant(&requested), Grant::Granted);
            prop_assert_eq!(inspect(&token_with(&wider)).grant(&requested), Grant::Granted);
        }
        // Fewer actions are granted as well.
        if before == Grant::Granted && requested.actions.len() > 1 {
            let less = Scope { actions: requested.actions[1..].to_vec(), ..requested };
            prop_assert_eq!(info.grant(&less), Grant::Granted);
        }
    }

    #[test]
    fn every_requested_scope_has_exactly_one_grant(entries in prop::collection::vec(scope(), 0..5), requested in prop::collection::vec(scope(), 0..5), opaque in any::<bool>()) {
        let requested = ScopeSet::from(requested);
        let token = if opaque { "opaque".to_owned() } else { token_with(&entries) };
        let info = inspect(&token);
        let Grants { granted, denied, unknown } = info.grants(&requested);
        prop_assert_eq!(granted.union(&denied).union(&unknown), requested.clone());
        prop_assert_eq!(granted.len() + denied.len() + unknown.len(), requested.len());
        prop_assert_eq!(unknown.is_empty(), !opaque || requested.is_empty());
        prop_assert!(granted.iter().all(|scope| info.grant(scope) == Grant::Granted));
    }

    #[test]
    fn damage_never_grants(entries in prop::collection::vec(scope(), 0..3), requested in scope(), at in any::<Index>(), with in "[ -~]") {
        let good = token_with(&entries);
        let mut bytes = good.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = with.as_bytes()[0];
        let info = inspect(std::str::from_utf8(&bytes).unwrap());
        if info.is_broken() {
            prop_assert_eq!(info.grant(&requested), Grant::Denied);
        }
        // A truncated token is not opaque as long as its header and a dot remain.
        let dot = good.find('.').unwrap();
        for end in [dot + 1, dot.midpoint(good.len()), good.len() - 5] {
            let cut = inspect(&good[..end]);
            prop_assert!(cut.problem().is_some(), "{}", end);
            prop_assert_eq!(cut.grant(&requested), Grant::Denied);
        }
    }

    /// Also if they begin with `{`, as one in 256 does.
    #[test]
    fn random_octets_are_opaque(brace in any::<bool>(), parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 16..40), 1..6)) {
        let mut parts = parts;
        if brace {
            parts[0][0] = b'{';
        }
        let parts: Vec<String> = parts.iter().map(|part| URL_SAFE_NO_PAD.encode(part)).collect();
        let info = inspect(&parts.join("."));
        prop_assert_eq!(info.problem(), None);
        prop_assert_eq!(info.grant(&"repository:a/b:pull".parse().unwrap()), Grant::Unknown);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,40}", header in "\\PC{0,20}|\\{\"alg\":\"[a-z]{0,3}\"\\}", claims in "\\PC{0,40}|\\{(\"(exp|aud|access|sub)\":([0-9.e+-]{0,5}|\"\"|\\[\\]|null),?){0,4}\\}") {
        let info = inspect(&text);
        prop_assert!(!info.is_broken() || info.kind() == TokenKind::Opaque);
        let info = inspect(&token(&header, &claims));
        prop_assert_eq!(info.is_jwt(), info.claims_json().is_some());
        if info.is_jwt() {
            prop_assert_eq!(info.header_json(), Some(header.as_str()));
            prop_assert_eq!(info.claims_json(), Some(claims.as_str()));
            prop_assert!(serde_json::from_str::<serde_json::Value>(&claims).is_ok(), "{}", claims);
        }
    }

    #[test]
    fn claims_are_read_like_another_parser_reads_them(claims in "\\{(\"[a-z\\\\/\"]{0,3}\":(-?[0-9]{1,3}(\\.[0-9])?(e[0-9])?|\"(\\\\u00[0-9a-f]{2}|\\\\[nrtbf/\\\\\"]|[a-z])*\"|\\[[0-9, ]{0,5}\\]|true|false|null) ?,?){0,4}\\}") {
        let ours = inspect(&token(r#"{"alg":"x"}"#, &claims)).is_jwt();
        prop_assert_eq!(ours, serde_json::from_str::<serde_json::Value>(&claims).is_ok());
    }
}

#[test]
fn debug_shows_neither_token_nor_claims() {
    let info = inspect(&token(
        r#"{"alg":"RS256","kid":"key-canary"}"#,
        r#"{"sub":"user-canary","iss":"issuer-canary"}"#,
    ));
    assert_eq!(info.subject.as_deref(), Some("user-canary"));
    assert_eq!((info.algorithm.as_deref(), info.key_id.as_deref()), (Some("RS256"), Some("key-canary")));
    let shown = format!("{info:?}");
    assert!(shown.contains("TokenInfo") && !shown.contains("canary"), "{shown}");
    assert_eq!(info.header_json(), Some(r#"{"alg":"RS256","kid":"key-canary"}"#));
    assert_eq!(info.claims_json(), Some(r#"{"sub":"user-canary","iss":"issuer-canary"}"#));

    let given = token(
        r#"{"alg":"RS256","kid":"key-canary"}"#,
        r#"{"sub":"user-canary","aud":"aud-canary","access":[]}"#,
    );
    let mut decoded = Decoded::default();
    let reading = read(given.as_bytes(), &mut decoded);
    let Reading::Jwt(jwt) = &reading else { panic!("{reading:?}") };
    let parts = format!("{reading:?} {:?} {:?} {:?}", jwt.claims, jwt.claims.audience, jwt.claims.access);
    for name in ["Jwt", "Claims", "Strings", "AccessList"] {
        assert!(parts.contains(name), "{parts}");
    }
    assert!(!parts.contains("canary") && !format!("{decoded:?}").contains("canary"), "{parts}");
}

#[test]
fn anonymous_subjects() {
    for (claims, user) in [
        (r#"{"sub":""}"#, false),
        (r#"{"sub":"(anonymous)"}"#, false),
        (r#"{"sub":null}"#, false),
        ("{}", false),
        (r#"{"sub":"alice"}"#, true),
    ] {
        assert_eq!(inspect(&token(r#"{"alg":"x"}"#, claims)).names_a_user(), user, "{claims}");
    }
}

#[test]
fn a_scope_without_actions_is_denied() {
    let info = inspect(&token_with(&[Scope::repository("a", &["pull"])]));
    assert_eq!(info.grant(&Scope::repository("a", &[])), Grant::Denied);
}

#[test]
fn limits_are_exact() {
    let entries = |count: usize| vec![r#"{"type":"r","name":"a"}"#; count].join(",");
    let claims = |count| format!(r#"{{"access":[{}]}}"#, entries(count));
    let problem = |count| inspect(&token(r#"{"alg":"x"}"#, &claims(count))).problem();
    assert_eq!(problem(MAX_ACCESS), None);
    assert_eq!(problem(MAX_ACCESS + 1), Some(JwtProblem::TooLarge));
    let audience = |count| format!(r#"{{"aud":[{}]}}"#, vec![r#""a""#; count].join(","));
    assert_eq!(inspect(&token(r#"{"alg":"x"}"#, &audience(MAX_ACCESS))).audience.len(), MAX_ACCESS);
    let longer = inspect(&token(r#"{"alg":"x"}"#, &audience(MAX_ACCESS + 1)));
    assert_eq!(longer.problem(), Some(JwtProblem::TooLarge));
    let nested = |depth| format!(r#"{{"x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    assert_eq!(inspect(&token(r#"{"alg":"x"}"#, &nested(31))).problem(), None);
    assert_eq!(inspect(&token(r#"{"alg":"x"}"#, &nested(32))).problem(), Some(JwtProblem::TooLarge));
    assert_eq!(inspect(&"a".repeat(MAX_TOKEN)).problem(), None);
    assert_eq!(inspect(&"a".repeat(MAX_TOKEN + 1)).problem(), Some(JwtProblem::TooLarge));
    // A valid token of the maximum length, and one that is one octet longer.
    let longest = token(r#"{"alg":"x"}"#, "{}");
    let longest = format!("{longest}{}", "A".repeat(MAX_TOKEN - longest.len()));
    assert_eq!((longest.len(), inspect(&longest).problem()), (MAX_TOKEN, None));
    assert_eq!(inspect(&format!("{longest}AAAA")).problem(), Some(JwtProblem::TooLarge));
}

#[test]
fn grants_and_inspect_agree() {
    let claims = r#"{"iss":"i","sub":"s","aud":["a","b"],"exp":3,"nbf":2,"iat":1,"access":[{"type":"repository(plugin)","name":"a","actions":["pull"]},{"type":"registry","class":"","name":"catalog","actions":["*"]}]}"#;
    let header = r#"{"kid":"k","alg":"RS256"}"#;
    let mut decoded = Decoded::default();
    // The previous contents are not part of the next token.
    read(token(header, &format!("{{\"x\":\"{}\"}}", "y".repeat(900))).as_bytes(), &mut decoded);
    assert_eq!(decoded.text().len(), header.len() + 908);
    let given = token(header, claims);
    let Reading::Jwt(jwt) = read(given.as_bytes(), &mut decoded) else { panic!("no JWT") };
    assert_eq!((jwt.header_json, jwt.claims_json), (header, claims));
    assert_eq!((&*jwt.algorithm, jwt.key_id.as_deref()), ("RS256", Some("k")));
    assert_eq!((jwt.claims.issuer.as_deref(), jwt.claims.subject.as_deref()), (Some("i"), Some("s")));
    assert!(jwt.claims.audience.is_list() && !jwt.claims.audience.is_empty());
    assert_eq!(jwt.claims.audience.iter().collect::<Vec<_>>(), ["a", "b"]);
    let access = jwt.claims.access.expect("access");
    let entries: Vec<_> = access.iter().map(to_scope).collect();
    assert_eq!(Access::List(entries), inspect(&given).access);
    // 2 the subject, 8 the audience as a list; the classes have to be taken out of the access.
    assert_eq!(jwt.summary(), [2 | 8, 25, 0, 1000, 0, 2000, 0, 3000]);
    assert_eq!(decoded.text(), [header, claims].concat().as_bytes());
}

#[test]
fn the_summary_matches_the_claims() {
    let (none, low) = (1 << 31, 0);
    let cases = [
        ("{}", [0, none, low, none, low]),
        (r#"{"sub":"","aud":[],"access":null}"#, [0, none, low, none, low]),
        (r#"{"sub":"s","aud":"","access":[]}"#, [1 | 2 | 4, none, low, none, low]),
        (r#"{"aud":["a"],"access":[{"type":"r","name":"n","actions":[]}]}"#, [1 | 8, none, low, none, low]),
        (r#"{"access":[{"type":"r","class":"c","name":"n","actions":[]}]}"#, [0, none, low, none, low]),
        (r#"{"access":[{"type":"r(c)","name":"n","actions":[]}]}"#, [0, none, low, none, low]),
        (r#"{"access":[{"type":"r","name":"n"}]}"#, [0, none, low, none, low]),
        (r#"{"iat":1790000000,"exp":0}"#, [0, 416, 3_293_604_864, 0, 0]),
        (r#"{"iat":-0.001,"exp":1e18}"#, [0, u32::MAX, u32::MAX, 2_011_656, 3_269_197_824]),
        (r#"{"access":[{"type":"r","name":"n","actions":[]},1]}"#, [16, none, low, none, low]),
        (r#"{"access":5}"#, [16, none, low, none, low]),
    ];
    for (claims, [flags, iat_high, iat_low, exp_high, exp_low]) in cases {
        let given = token(r#"{"alg":"x"}"#, claims);
        let mut decoded = Decoded::default();
        let Reading::Jwt(jwt) = read(given.as_bytes(), &mut decoded) else { panic!("{claims}") };
        assert_eq!(jwt.summary(), [flags, 11, iat_high, iat_low, none, low, exp_high, exp_low], "{claims}");
    }
}

#[test]
fn an_access_list_outside_a_token_is_parsed_like_the_claim() {
    let entries = |count: usize| format!("[{}]", vec![r#"{"type":"r","name":"a"}"#; count].join(","));
    let count =
        |text: &str| AccessList::parse(text, &mut tape::Tape::default()).map(|access| access.iter().count());
    assert_eq!(count(&entries(MAX_ACCESS)), Ok(MAX_ACCESS));
    assert_eq!(count(&entries(MAX_ACCESS + 1)), Err(JwtProblem::TooLarge));
    assert_eq!(count("null"), Ok(0));
    for text in ["", "["] {
        assert_eq!(count(text), Err(JwtProblem::Access), "{text}");
    }
    for text in [
        "{}",
        "0",
        "[1]",
        r#"[{"type":"r"}]"#,
        r#"[{"type":"r","name":1}]"#,
        r#"[{"type":"r","name":"a","class":1}]"#,
        r#"[{"type":"r","name":"a","actions":"pull"}]"#,
    ] {
        assert_eq!(count(text), Ok(0), "{text}");
    }
    assert_eq!(count(r#"[{"type":"r","name":"a"},1]"#), Ok(1));
}

#[test]
fn a_service_that_reads_one_scope_may_have_overlooked_the_others() {
    let of = |access: &str, requested: &str| {
        let token = token(r#"{"alg":"RS256"}"#, &format!(r#"{{"access":{access}}}"#));
        let requested: ScopeSet = requested.parse().unwrap();
        overlooked(&read(token.as_bytes(), &mut Decoded::default()), &requested).to_string()
    };
    let a = r#"[{"type":"repository","name":"a","actions":["pull"]}]"#;
    let all = "repository:a:pull repository:b:pull registry:catalog:*";
    assert_eq!(of(a, all), "registry:catalog:* repository:b:pull");
    assert_eq!(of(a, "repository:a:pull,push"), "", "one scope cannot be overlooked");
    assert_eq!(of("[]", all), "", "none was read, or all are denied");
    let both = r#"[{"type":"repository","name":"a","actions":["pull"]},{"type":"repository","name":"b","actions":[]}]"#;
    assert_eq!(of(both, all), "", "the service reads several");
    assert_eq!(of("null", all), "");
    assert!(overlooked(&Reading::Opaque, &all.parse().unwrap()).is_empty());
}
