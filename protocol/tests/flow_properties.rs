//! Properties of the flows for arbitrary responses of registries and token services.

// With this attribute clippy treats the helpers as test code.
#![cfg(test)]

use std::net::{IpAddr, Ipv6Addr};

use dockpass_protocol::address::is_public;
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::credential::Credential;
use dockpass_protocol::flow::{
    Authorization, FlowError, Hop, LoginFlow, LoginStep, ProbeCredential, RegistryAuth, ResourceFlow,
    ResourceRequest, ResourceStep, ResponseHead, StepRecord, TokenFlow, TokenOptions, TokenStep,
    TransportError, Wait,
};
use dockpass_protocol::origin::Origin;
use dockpass_protocol::paging::{NextPage, next_page};
use dockpass_protocol::realm::RealmPolicy;
use dockpass_protocol::scope::ScopeSet;
use proptest::prelude::*;
use secrecy::SecretString;

const PASSWORD: &str = "hunter2-correct-horse";
const REFRESH: &str = "refresh-correct-horse";
const NOW_MS: i64 = 1_790_000_000_000;

/// A response of any server.
#[derive(Clone, Debug)]
enum ScriptedResponse {
    Head {
        status: u16,
        challenges: Vec<String>,
        retry_after: Option<String>,
        content_type: Option<String>,
        body: String,
    },
    Transport(TransportError),
}

/// Usable challenges, and similar ones that are not.
fn challenge() -> impl Strategy<Value = String> {
    let realm = prop_oneof![
        Just("https://reg.example/token"),
        Just("https://reg.example/other"),
        Just("https://evil.example/t"),
        Just("/token"),
        Just("http://reg.example/token"),
        Just(""),
    ];
    let scope = prop_oneof![
        Just(""),
        Just(",scope=\"repository:a/b:pull\""),
        Just(",scope=\"repository:a/b:pull,push\""),
        Just(",scope=\"repository:a/b:delete,pull,push\""),
        Just(",scope=\"repository:x/y:*\""),
        Just(",scope=\"aws\""),
    ];
    let error =
        prop_oneof![Just(""), Just(",error=\"insufficient_scope\""), Just(",error=\"invalid_token\"")];
    prop_oneof![
        6 => (realm, scope, error)
            .prop_map(|(realm, scope, error)| format!("Bearer realm=\"{realm}\",service=\"s\"{scope}{error}")),
        3 => Just("Basic realm=\"r\"".to_owned()),
        1 => Just("Digest realm=\"r\"".to_owned()),
        1 => Just("Bearer realm=\"x".to_owned()),
        1 => "[ -~]{0,40}",
    ]
}

fn response() -> impl Strategy<Value = ScriptedResponse> {
    let status = prop_oneof![
        6 => Just(401_u16),
        3 => Just(200),
        2 => Just(403),
        1 => prop::sample::select(vec![204, 301, 400, 404, 405, 408, 429, 500, 503]),
        1 => any::<u16>(),
    ];
    let body = prop_oneof![
        Just(String::new()),
        Just(r#"{"token":"opaque"}"#.to_owned()),
        Just(r#"{"token":"opaque","refresh_token":"r2"}"#.to_owned()),
        // {"alg":"RS256"} . {"sub":"ada","aud":"s","access":[]}
        Just(
            r#"{"token":"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEiLCJhdWQiOiJzIiwiYWNjZXNzIjpbXX0.c2ln"}"#
                .to_owned()
        ),
        Just(r#"{"error":"invalid_grant"}"#.to_owned()),
        "[ -~]{0,60}",
    ];
    let text = || {
        prop::option::of(prop_oneof![
            Just("1".to_owned()),
            Just("application/json".to_owned()),
            "[ -~]{0,12}"
        ])
    };
    let head = (status, prop::collection::vec(challenge(), 0..3), text(), text(), body).prop_map(
        |(status, challenges, retry_after, content_type, body)| ScriptedResponse::Head {
            status,
            challenges,
            retry_after,
            content_type,
            body,
        },
    );
    prop_oneof![20 => head, 1 => Just(ScriptedResponse::Transport(TransportError::Timeout))]
}

fn responses() -> impl Strategy<Value = Vec<ScriptedResponse>> {
    prop::collection::vec(response(), 12)
}

fn credential() -> impl Strategy<Value = Credential> {
    prop_oneof![
        Just(Credential::Anonymous),
        Just(Credential::Password { username: "ada".to_owned(), password: SecretString::from(PASSWORD) }),
        Just(Credential::RefreshToken { username: "ada".to_owned(), token: SecretString::from(REFRESH) }),
    ]
}

fn with_head<T>(
    response: &ScriptedResponse,
    report: impl FnOnce(Result<(&ResponseHead<'_>, &[u8]), TransportError>) -> T,
) -> T {
    match response {
        ScriptedResponse::Transport(error) => report(Err(*error)),
        ScriptedResponse::Head { status, challenges, retry_after, content_type, body } => {
            let lines: Vec<&str> = challenges.iter().map(String::as_str).collect();
            let head = ResponseHead {
                status: *status,
                challenges: &lines,
                api_version: None,
                content_type: content_type.as_deref(),
                retry_after: retry_after.as_deref().and_then(|wait| Wait::parse(wait, None)),
                date: retry_after.as_deref(),
                location: retry_after.as_deref(),
            };
            report(Ok((&head, body.as_bytes())))
        }
    }
}

fn check_end(error: FlowError) {
    if let Some(wait) = error.retry_after_ms {
        assert!((100..=86_400_000).contains(&wait));
        assert_eq!(error.code, ErrorCode::RateLimited);
    }
}

fn check_records(records: &[StepRecord], most: usize) {
    assert!(records.len() <= most, "{} records", records.len());
    let shown = serde_json::to_string(records).expect("records are JSON");
    for secret in [PASSWORD, REFRESH, "made-up-password", "eyJhbGci", "opaque", "?"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

fn policy() -> RealmPolicy {
    RealmPolicy::new(Origin::parse("https://reg.example").expect("an origin"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    // Threats: UPS-07.
    #[test]
    fn a_resource_takes_at_most_three_requests_and_two_tokens(
        responses in responses(),
        tokens in prop::collection::vec(prop::sample::select(vec![
            Ok(()), Ok(()), Err(ErrorCode::ScopeDenied), Err(ErrorCode::LoginRequired), Err(ErrorCode::BadCredentials),
            Err(ErrorCode::RealmChanged), Err(ErrorCode::UpstreamFailed),
        ]), 4),
        known in prop_oneof![
            Just(None), Just(Some(RegistryAuth::Open)), Just(Some(RegistryAuth::Basic)),
            Just(Some(RegistryAuth::Bearer {
                realm: "https://reg.example/token".to_owned(), service: Some("s".to_owned()),
            })),
        ],
        identified in any::<bool>(),
        with_policy in any::<bool>(),
        path in prop::sample::select(vec!["/v2/", "/v2/a/b/manifests/latest", "/v2/_catalog?n=1"]),
        scopes in prop::sample::select(vec!["", "repository:a/b:pull", "registry:catalog:*"]),
    ) {
        let scopes: ScopeSet = scopes.parse().expect("scopes");
        let request = ResourceRequest { method: "GET".to_owned(), path: path.to_owned(), scopes };
        let mut flow = ResourceFlow::new(request.clone(), known, identified);
        if with_policy {
            flow = flow.with_policy(policy());
        }
        let (mut sent, mut requested, mut basic) = (0, 0, 0);
        loop {
            match flow.step() {
                ResourceStep::Send(authorization) => {
                    if matches!(authorization, Authorization::FromSession) {
                        prop_assert!(identified);
                        basic += 1;
                    }
                    with_head(&responses[sent], |response| match response {
                        Ok((head, _)) => flow.response(head),
                        Err(error) => flow.transport_failed(error),
                    });
                    sent += 1;
                }
                ResourceStep::Confirm(authorization) => {
                    prop_assert!(with_policy && identified && basic == 1 && path != "/v2/");
                    prop_assert!(matches!(authorization, Authorization::FromSession));
                    with_head(&responses[sent], |response| match response {
                        Ok((head, _)) => flow.confirmed(head),
                        Err(error) => flow.transport_failed(error),
                    });
                    prop_assert!(matches!(flow.step(), ResourceStep::Fail(_)));
                }
                ResourceStep::NeedToken(need) => {
                    // Never less than what the request needs, and nothing of another repository; after that did not do,
                    // what the registry states of no resource.
                    let as_stated = need.scopes.is_empty() || need.scopes.is_without_resource();
                    prop_assert!(need.scopes.is_superset(&request.scopes) || (requested > 0 && as_stated));
                    let foreign = need.scopes.iter().any(|scope| scope.name == "x/y");
                    prop_assert!(request.scopes.is_empty() || !foreign);
                    if with_policy && sent > 0 {
                        prop_assert!(policy().admit(&need.challenge.realm).is_ok());
                    }
                    let token = tokens[requested].map(|()| SecretString::from("opaque"));
                    flow.token(token.map_err(|code| FlowError::new(code, Hop::TokenService)));
                    requested += 1;
                }
                ResourceStep::Done(outcome) => {
                    let as_stated = outcome.scopes.is_empty() || outcome.scopes.is_without_resource();
                    prop_assert!(outcome.scopes.is_superset(&request.scopes) || as_stated);
                    break;
                }
                ResourceStep::Fail(error) => {
                    check_end(error);
                    break;
                }
            }
        }
        prop_assert!(sent <= 3 && requested <= 2 && basic <= 1, "{sent} requests, {requested} tokens, {basic} times Basic");
        check_records(&flow.take_records(), 8);
        prop_assert!(flow.take_records().is_empty());
    }

    // Threats: UPS-10.
    #[test]
    fn a_token_takes_at_most_three_requests(
        responses in responses(),
        credential in credential(),
        eager in any::<bool>(),
        offline in any::<bool>(),
        with_policy in any::<bool>(),
        scopes in prop::sample::select(vec!["", "repository:a/b:pull", "registry:catalog:* repository:a/b:pull,push"]),
    ) {
        let scopes: ScopeSet = scopes.parse().expect("scopes");
        let realm = policy().admit("/token").expect("a realm");
        let anonymous = credential.is_anonymous();
        let refresh = matches!(credential, Credential::RefreshToken { .. });
        let options = TokenOptions { credentials_first: eager, refresh_token: offline };
        let mut flow =
            TokenFlow::new(realm, Some("s".to_owned()), scopes.clone(), credential, options);
        if with_policy {
            flow = flow.with_policy(policy());
        }
        let mut sent = 0;
        loop {
            match flow.step() {
                TokenStep::Send(request) => {
                    prop_assert!(request.target.starts_with("https://reg.example/"), "{}", request.target);
                    prop_assert!(!request.target.contains(PASSWORD) && !request.target.contains(REFRESH));
                    prop_assert_eq!(request.form.is_some(), request.method == "POST");
                    // A refresh token is never sent as a password, and an anonymous flow sends only the token of a nested service.
                    let basic = matches!(request.authorization, Authorization::Basic { .. });
                    prop_assert!(!basic || !(refresh || anonymous));
                    with_head(&responses[sent], |response| match response {
                        Ok((head, body)) => flow.response(head, body, NOW_MS),
                        Err(error) => flow.transport_failed(error),
                    });
                    sent += 1;
                }
                TokenStep::Done(grant) => {
                    let all = grant.granted.union(&grant.denied).union(&grant.unknown);
                    prop_assert_eq!(&all, &scopes);
                    prop_assert!(grant.refresh_token.is_none() || offline || refresh);
                    break;
                }
                TokenStep::Fail(error) => {
                    check_end(error);
                    break;
                }
            }
        }
        prop_assert!(sent <= 3, "{sent} requests");
        check_records(&flow.take_records(), 4);
    }

    #[test]
    fn a_login_takes_at_most_six_requests_and_proves_something(responses in responses(), credential in credential()) {
        let probe = ProbeCredential {
            username: "nobody".to_owned(),
            password: SecretString::from("made-up-password"),
        };
        let mut flow = LoginFlow::new(policy(), credential, probe);
        let (mut registry, mut service, mut statuses) = (0, 0, Vec::new());
        loop {
            let request = match flow.step() {
                LoginStep::SendToRegistry(request) => {
                    prop_assert!(["/v2/", "/v2", "/v2/_catalog?n=1", "/v2/dockpass-probe/tags/list"].contains(&&*request.target));
                    registry += 1;
                    request
                }
                LoginStep::SendToTokenService(request) => {
                    prop_assert!(request.target.starts_with("https://reg.example/"), "{}", request.target);
                    service += 1;
                    request
                }
                LoginStep::Done(proof) => {
                    // The credentials were accepted, after an authentication was required.
                    prop_assert!(statuses.len() >= 2 && statuses.contains(&200));
                    prop_assert!(!proof.credential.is_anonymous());
                    break;
                }
                LoginStep::Fail(error) => {
                    check_end(error);
                    break;
                }
            };
            // The first request carries nothing.
            prop_assert!(registry + service > 1 || matches!(request.authorization, Authorization::None));
            let response = &responses[registry + service - 1];
            with_head(response, |response| match response {
                Ok((head, body)) => {
                    statuses.push(head.status);
                    flow.response(head, body, NOW_MS);
                }
                Err(error) => flow.transport_failed(error),
            });
        }
        prop_assert!(registry <= 6 && service <= 3, "{registry} and {service} requests");
        check_records(&flow.take_records(), 12);
    }

    #[test]
    fn an_unexpected_report_changes_nothing(responses in responses()) {
        let request = ResourceRequest {
            method: "GET".to_owned(), path: "/v2/a/b/tags/list".to_owned(), scopes: ScopeSet::new(),
        };
        let mut flow = ResourceFlow::new(request, None, false);
        flow.response(&ResponseHead::new(200));
        let records = flow.take_records();
        for response in &responses {
            with_head(response, |response| match response {
                Ok((head, _)) => flow.response(head),
                Err(error) => flow.transport_failed(error),
            });
            flow.token(Ok(SecretString::from("opaque")));
            prop_assert!(matches!(flow.step(), ResourceStep::Done(_)));
        }
        prop_assert_eq!(records.len(), 2);
        prop_assert!(flow.take_records().is_empty());
    }

    #[test]
    fn canonical_origins_stay_as_they_are(text in "(https?|HTTP)://[a-zA-Z0-9._:\\[\\]@%-]{0,24}(:[0-9]{0,6})?/?") {
        if let Ok(origin) = Origin::parse(&text) {
            let printed = origin.to_string();
            prop_assert_eq!(Origin::parse(&printed), Ok(origin.clone()));
            prop_assert_eq!(Origin::from_authority(origin.scheme(), &origin.authority()), Ok(origin.clone()));
            prop_assert!(!printed.contains('@') && !printed.contains('%') && !printed.ends_with('.'));
            prop_assert_eq!(printed.to_ascii_lowercase(), printed);
        }
    }

    #[test]
    fn no_text_is_an_origin_by_accident(text in "\\PC{0,40}") {
        if let Ok(origin) = Origin::parse(&text) {
            prop_assert!(text.is_ascii());
            prop_assert!(!origin.host().is_empty());
        }
    }

    #[test]
    fn admitted_realms_are_on_an_admitted_origin(
        realm in "(https://(reg\\.example|auth\\.example|evil\\.example)(:443|:80)?)?[/?#a-z0-9%.;=&\\\\@:]{0,20}",
    ) {
        let policy = policy().allow("https://auth.example/t").expect("a pair");
        if let Ok(admitted) = policy.admit(&realm) {
            let printed = admitted.to_string();
            prop_assert_eq!(policy.admit(&printed), Ok(admitted.clone()));
            let origin = admitted.origin().to_string();
            prop_assert!(origin == "https://reg.example" || (origin == "https://auth.example" && admitted.path() == "/t"));
        }
    }

    #[test]
    fn a_next_page_is_one_of_the_registry(line in "<?(https://(reg|evil)\\.example)?[/v2a-z?=&.%\\\\]{0,24}>?;? ?rel=\"?next\"?") {
        let registry = Origin::parse("https://reg.example").expect("an origin");
        if let NextPage::Path(next) = next_page([line.as_str()], &registry, "/v2/a/tags/list") {
            prop_assert!(next.starts_with("/v2/a/tags/list?") && !line.contains("evil.example"));
            let again = format!("<{next}>; rel=\"next\"");
            prop_assert_eq!(next_page([again.as_str()], &registry, "/v2/a/tags/list"), NextPage::Path(next));
        }
    }

    #[test]
    fn an_address_is_no_more_public_mapped_than_plain(bits in any::<u32>()) {
        let plain = std::net::Ipv4Addr::from(bits);
        let mapped: Ipv6Addr = plain.to_ipv6_mapped();
        prop_assert_eq!(is_public(IpAddr::V4(plain)), is_public(IpAddr::V6(mapped)));
    }
}
