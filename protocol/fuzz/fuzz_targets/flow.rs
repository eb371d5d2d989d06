//! The flows, with responses made from the input: no panic, a bounded number of requests, no secret in the records.
#![no_main]

use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::credential::Credential;
use dockpass_protocol::flow::{
    Authorization, FlowError, Hop, LoginFlow, LoginStep, ProbeCredential, RegistryAuth, ResourceFlow,
    ResourceRequest, ResourceStep, ResponseHead, StepRecord, TokenFlow, TokenOptions, TokenStep,
    TransportError, Wait,
};
use dockpass_protocol::origin::Origin;
use dockpass_protocol::realm::RealmPolicy;
use libfuzzer_sys::fuzz_target;
use secrecy::SecretString;

const PASSWORD: &str = "hunter2-correct-horse";
const REFRESH: &str = "refresh-correct-horse";
const MADE_UP: &str = "made-up-correct-horse";
const NOW_MS: i64 = 1_790_000_000_000;

const STATUSES: [u16; 16] = [401, 200, 403, 401, 200, 401, 204, 302, 400, 404, 405, 408, 429, 500, 503, 100];
const CHALLENGES: [&str; 14] = [
    "",
    "Basic realm=\"r\"",
    "Digest realm=\"r\"",
    "Bearer realm=\"https://reg.example/token\",service=\"s\"",
    "Bearer realm=\"https://reg.example/other\",service=\"s\"",
    "Bearer realm=\"https://auth.example/token\"",
    "Bearer realm=\"https://evil.example/token\"",
    "Bearer realm=\"/token\"",
    "Bearer realm=\"https://reg.example/token\",service=\"s\",scope=\"repository:a/b:pull,push\",error=\"insufficient_scope\"",
    "Bearer realm=\"https://reg.example/token\",service=\"s\",scope=\"repository:a/b:*\",error=\"insufficient_scope\"",
    "Bearer realm=\"https://reg.example/token\",service=\"s\",error=\"invalid_token\"",
    "Bearer realm=\"https://reg.example/token\",service=\"s\",scope=\"repository:x/y:pull\"",
    "Bearer service=\"s\"",
    "Bearer realm=\"",
];
const BODIES: [&str; 6] = [
    "",
    "{\"token\":\"opaque\"}",
    "{\"token\":\"opaque\",\"refresh_token\":\"other\"}",
    // {"sub":"ada","aud":"s","access":[]}
    "{\"token\":\"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEiLCJhdWQiOiJzIiwiYWNjZXNzIjpbXX0.c2ln\"}",
    // {"sub":"","aud":"s","access":[]}
    "{\"token\":\"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIiLCJhdWQiOiJzIiwiYWNjZXNzIjpbXX0.c2ln\"}",
    "{\"error\":\"invalid_grant\"}",
];

/// The rest of the input. After its end, all values are zero.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[usize::from(self.byte()) % list.len()]
    }

    /// Up to 255 bytes, unchanged.
    fn raw(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()).min(self.0.len());
        let (raw, rest) = self.0.split_at(length);
        self.0 = rest;
        raw
    }

    /// One of the list, or a string from the input.
    fn text(&mut self, list: &[&str]) -> String {
        if self.byte() % 8 == 7 {
            String::from_utf8_lossy(self.raw()).into_owned()
        } else {
            self.pick(list).to_owned()
        }
    }

    fn response(&mut self, report: impl FnOnce(Result<(&ResponseHead<'_>, &[u8]), TransportError>)) {
        let kind = self.byte();
        if kind == 255 {
            return report(Err(TransportError::Timeout));
        }
        let status = if kind == 254 {
            u16::from(self.byte()) << 8 | u16::from(self.byte())
        } else {
            self.pick(&STATUSES)
        };
        let lines: Vec<String> = (0..kind % 3).map(|_| self.text(&CHALLENGES)).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let body = self.text(&BODIES);
        let extra =
            self.flag().then(|| self.text(&["1", "application/json", "Mon, 21 Sep 2026 14:13:20 GMT"]));
        let extra = extra.as_deref();
        let head = ResponseHead {
            status,
            challenges: &lines,
            api_version: extra,
            content_type: extra,
            retry_after: extra.and_then(|wait| Wait::parse(wait, extra)),
            date: extra,
            location: extra,
        };
        report(Ok((&head, body.as_bytes())));
    }

    fn credential(&mut self) -> Credential {
        match self.byte() % 3 {
            0 => Credential::Anonymous,
            1 => Credential::Password { username: "ada".to_owned(), password: SecretString::from(PASSWORD) },
            _ => Credential::RefreshToken { username: "ada".to_owned(), token: SecretString::from(REFRESH) },
        }
    }
}

fn policy() -> RealmPolicy {
    let registry = Origin::parse("https://reg.example").expect("an origin");
    RealmPolicy::new(registry).allow("https://auth.example/token").expect("a pair")
}

fn check(records: &[StepRecord], most: usize) {
    assert!(records.len() <= most);
    let shown = serde_json::to_string(records).expect("records are JSON");
    for secret in [PASSWORD, REFRESH, MADE_UP, "eyJhbGci", "?"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

fn check_target(target: &str) {
    assert!(
        target.starts_with("https://reg.example/") || target.starts_with("https://auth.example/token"),
        "{target}"
    );
    assert!(!target.contains("correct-horse"), "{target}");
}

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes(data);
    match bytes.byte() % 3 {
        0 => resource(&mut bytes),
        1 => token(&mut bytes),
        _ => login(&mut bytes),
    }
});

fn resource(bytes: &mut Bytes<'_>) {
    let path = bytes.pick(&["/v2/", "/v2/a/b/manifests/latest", "/v2/_catalog?n=1"]).to_owned();
    let scopes = bytes.pick(&["", "repository:a/b:pull", "registry:catalog:*"]).parse().expect("scopes");
    let realm = "https://reg.example/token".to_owned();
    let known = match bytes.byte() % 4 {
        0 => None,
        1 => Some(RegistryAuth::Open),
        2 => Some(RegistryAuth::Basic),
        _ => Some(RegistryAuth::Bearer { realm, service: Some("s".to_owned()) }),
    };
    let request = ResourceRequest { method: "GET".to_owned(), path, scopes };
    let identified = bytes.flag();
    let mut flow = ResourceFlow::new(request, known, identified);
    if bytes.flag() {
        flow = flow.with_policy(policy());
    }
    let (mut sent, mut requested, mut confirmed) = (0, 0, 0);
    loop {
        match flow.step() {
            ResourceStep::Send(authorization) => {
                sent += 1;
                assert!(sent <= 3);
                assert!(identified || !matches!(authorization, Authorization::FromSession));
                bytes.response(|response| match response {
                    Ok((head, _)) => flow.response(head),
                    Err(error) => flow.transport_failed(error),
                });
            }
            ResourceStep::NeedToken(_) => {
                requested += 1;
                assert!(requested <= 2);
                let code = bytes.pick(ErrorCode::ALL);
                flow.token(match bytes.byte() % 4 {
                    0 => Err(FlowError::new(code, Hop::TokenService)),
                    _ => Ok(SecretString::from(REFRESH)),
                });
            }
            ResourceStep::Confirm(authorization) => {
                confirmed += 1;
                assert!(confirmed <= 1);
                assert!(identified || !matches!(authorization, Authorization::FromSession));
                bytes.response(|response| match response {
                    Ok((head, _)) => flow.confirmed(head),
                    Err(error) => flow.transport_failed(error),
                });
            }
            ResourceStep::Done(_) | ResourceStep::Fail(_) => break,
        }
    }
    let _ = flow.known();
    check(&flow.take_records(), 8);
}

fn token(bytes: &mut Bytes<'_>) {
    let policy = policy();
    let realm =
        policy.admit(bytes.pick(&["/token", "/token?service=x&scope=y", "https://auth.example/token"]));
    let scopes = bytes.pick(&["", "repository:a/b:pull", "registry:catalog:* repository:a/b:pull"]).parse();
    let (credential, eager, offline) = (bytes.credential(), bytes.flag(), bytes.flag());
    // A refresh token may be replaced by another one.
    let is_refresh = matches!(credential, Credential::RefreshToken { .. });
    let mut flow = TokenFlow::new(
        realm.expect("an admitted realm"),
        bytes.flag().then(|| "s".to_owned()),
        scopes.expect("scopes"),
        credential,
        TokenOptions { credentials_first: eager, refresh_token: offline },
    );
    if bytes.flag() {
        flow = flow.with_policy(policy);
    }
    let mut sent = 0;
    loop {
        match flow.step() {
            TokenStep::Send(request) => {
                sent += 1;
                assert!(sent <= 3);
                check_target(&request.target);
                bytes.response(|response| match response {
                    Ok((head, body)) => flow.response(head, body, NOW_MS),
                    Err(error) => flow.transport_failed(error),
                });
            }
            TokenStep::Done(grant) => {
                assert!(offline || is_refresh || grant.refresh_token.is_none());
                break;
            }
            TokenStep::Fail(_) => break,
        }
    }
    check(&flow.take_records(), 4);
}

fn login(bytes: &mut Bytes<'_>) {
    let probe = ProbeCredential { username: "nobody".to_owned(), password: SecretString::from(MADE_UP) };
    let mut flow = LoginFlow::new(policy(), bytes.credential(), probe);
    let (mut registry, mut service) = (0, 0);
    loop {
        match flow.step() {
            LoginStep::SendToRegistry(request) => {
                registry += 1;
                // Some registries challenge at repositories only, and are asked once more without and with credentials.
                let known = ["/v2", "/v2/", "/v2/_catalog?n=1", "/v2/dockpass-probe/tags/list"];
                assert!(registry <= 6 && known.contains(&request.target.as_str()), "{}", request.target);
            }
            LoginStep::SendToTokenService(request) => {
                service += 1;
                assert!(service <= 3);
                check_target(&request.target);
            }
            LoginStep::Done(proof) => {
                assert!(registry + service >= 2 && !proof.credential.is_anonymous());
                break;
            }
            LoginStep::Fail(_) => break,
        }
        bytes.response(|response| match response {
            Ok((head, body)) => flow.response(head, body, NOW_MS),
            Err(error) => flow.transport_failed(error),
        });
    }
    check(&flow.take_records(), 12);
}
