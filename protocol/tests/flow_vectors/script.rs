//! Runs the scripts of `flows.json` and collects the requests, the records and the result.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::credential::Credential;
use dockpass_protocol::flow::{
    Authorization, FlowError, Hop, HttpRequest, LoginFlow, LoginProof, LoginStep, ProbeCredential,
    RegistryAuth, ResourceFlow, ResourceOutcome, ResourceRequest, ResourceStep, ResponseHead, StepRecord,
    TokenFlow, TokenGrant, TokenOptions, TokenStep, TransportError, Wait,
};
use dockpass_protocol::origin::Origin;
use dockpass_protocol::realm::{Realm, RealmPolicy};
use dockpass_protocol::scope::ScopeSet;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

/// The time of every response.
pub(crate) const NOW_MS: i64 = 1_790_000_000_000;

/// The outcome of a script.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) sent: Vec<String>,
    pub(crate) records: Vec<StepRecord>,
    pub(crate) end: Value,
}

/// Runs the machine of a script to its end.
pub(crate) fn run(input: &Value) -> Outcome {
    let mut responses = input["responses"].as_array().expect("responses").iter();
    let outcome = match input["machine"].as_str() {
        Some("resource") => resource(input, &mut responses),
        Some("token") => token(input, &mut responses),
        Some("login") => login(input, &mut responses),
        other => panic!("machine {other:?}"),
    };
    assert_eq!(responses.next(), None, "a response is left over");
    outcome
}

type ScriptedResponses<'a> = std::slice::Iter<'a, Value>;

fn resource(input: &Value, responses: &mut ScriptedResponses<'_>) -> Outcome {
    let request = ResourceRequest {
        method: text(input, "method").unwrap_or("GET").to_owned(),
        path: text(input, "path").expect("a path").to_owned(),
        scopes: scopes(input),
    };
    let known = text(input, "known").map(|known| match known {
        "open" => RegistryAuth::Open,
        "basic" => RegistryAuth::Basic,
        bearer => {
            let (realm, service) =
                bearer.split_once(' ').map_or((bearer, None), |(realm, s)| (realm, Some(s)));
            RegistryAuth::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) }
        }
    });
    let mut flow = ResourceFlow::new(request, known, input["identified"] == json!(true));
    if input.get("registry").is_some() {
        flow = flow.with_policy(policy(input));
    }
    let mut outcome = Outcome::default();
    loop {
        match flow.step() {
            ResourceStep::Send(authorization) => {
                outcome.sent.push(format!("send{}", show_authorization(&authorization)));
                let response = responses.next().expect("a response to send");
                match transport(response) {
                    Some(error) => flow.transport_failed(error),
                    None => with_head(response, |head| flow.response(head)),
                }
            }
            ResourceStep::Confirm(authorization) => {
                outcome.sent.push(format!("GET /v2/{}", show_authorization(&authorization)));
                let answer = responses.next().expect("a response to the confirmation");
                match transport(answer) {
                    Some(error) => flow.transport_failed(error),
                    None => with_head(answer, |head| flow.confirmed(head)),
                }
            }
            ResourceStep::NeedToken(need) => {
                let service = need.challenge.service.as_deref().unwrap_or("-");
                let fresh = if need.fresh { " fresh" } else { "" };
                outcome
                    .sent
                    .push(format!("token {} {service} [{}]{fresh}", need.challenge.realm, need.scopes));
                let response = responses.next().expect("a response to token");
                if let Some(token) = text(response, "token") {
                    flow.token(Ok(SecretString::from(token)));
                } else {
                    let code = code(text(response, "failed").expect("token or failed"));
                    flow.token(Err(FlowError::new(code, Hop::TokenService)));
                }
            }
            ResourceStep::Done(ResourceOutcome { auth, scopes }) => {
                let auth = auth.map(|auth| match auth {
                    RegistryAuth::Open => "open".to_owned(),
                    RegistryAuth::Basic => "basic".to_owned(),
                    RegistryAuth::Bearer { realm, service } => {
                        format!("{realm} {}", service.as_deref().unwrap_or("-"))
                    }
                });
                outcome.end = json!({"auth": auth, "scopes": scopes.to_string()});
                break;
            }
            ResourceStep::Fail(error) => {
                outcome.end = show_error(error);
                break;
            }
        }
    }
    outcome.records = flow.take_records();
    outcome
}

fn token(input: &Value, responses: &mut ScriptedResponses<'_>) -> Outcome {
    let policy = policy(input);
    let realm: Realm = policy.admit(text(input, "realm").expect("a realm")).expect("an admitted realm");
    let is = |member: &str| input[member] == json!(true);
    let service = text(input, "service").map(str::to_owned);
    let mut flow = TokenFlow::new(
        realm,
        service,
        scopes(input),
        credential(&input["credential"]),
        TokenOptions { credentials_first: is("eager"), refresh_token: is("offline") },
    );
    if input.get("pairs").is_some() {
        flow = flow.with_policy(policy);
    }
    let mut outcome = Outcome::default();
    loop {
        match flow.step() {
            TokenStep::Send(request) => {
                outcome.sent.push(show_request(&request));
                let response = responses.next().expect("a response to send");
                match transport(response) {
                    Some(error) => flow.transport_failed(error),
                    None => with_head(response, |head| flow.response(head, &body(response), NOW_MS)),
                }
            }
            TokenStep::Done(grant) => {
                outcome.end = show_grant(&grant);
                break;
            }
            TokenStep::Fail(error) => {
                outcome.end = show_error(error);
                break;
            }
        }
    }
    outcome.records = flow.take_records();
    outcome
}

fn login(input: &Value, responses: &mut ScriptedResponses<'_>) -> Outcome {
    let probe = ProbeCredential { username: "nobody".to_owned(), password: SecretString::from("xyzzy") };
    let mut flow = LoginFlow::new(policy(input), credential(&input["credential"]), probe);
    let mut outcome = Outcome::default();
    loop {
        let request = match flow.step() {
            LoginStep::SendToRegistry(request) | LoginStep::SendToTokenService(request) => request,
            LoginStep::Done(proof) => {
                outcome.end = show_proof(&proof);
                break;
            }
            LoginStep::Fail(error) => {
                outcome.end = show_error(error);
                break;
            }
        };
        outcome.sent.push(show_request(&request));
        let response = responses.next().expect("a response to send");
        match transport(response) {
            Some(error) => flow.transport_failed(error),
            None => with_head(response, |head| flow.response(head, &body(response), NOW_MS)),
        }
    }
    outcome.records = flow.take_records();
    outcome
}

/// A record in one line: hop, status, decision, and the error code if there is one.
pub(crate) fn show_record(record: &StepRecord) -> String {
    let mut line = record.hop.to_string();
    for part in [record.status.map(|status| status.to_string()), Some(record.decision.as_str().to_owned())]
        .into_iter()
        .chain([record.code.map(|code| code.to_string())])
        .flatten()
    {
        line.push(' ');
        line.push_str(&part);
    }
    line
}

/// A record of such a line, with the scopes and the rest that a step may have: `"registry 401 gave_up scope_denied"` or
/// `{"step": that, "method", "target", "sent", "scopes"}`.
pub(crate) fn record(value: &Value) -> StepRecord {
    let line = value.as_str().or_else(|| text(value, "step")).expect("a step");
    let mut words = line.split(' ').peekable();
    let mut json =
        json!({"hop": words.next(), "method": "GET", "target": "/v2/a/b/manifests/latest", "reason": ""});
    if let Some(status) = words.peek().and_then(|word| word.parse::<u16>().ok()) {
        json["status"] = json!(status);
        words.next();
    }
    json["decision"] = json!(words.next());
    if let Some(code) = words.next() {
        json["code"] = json!(code);
    }
    for member in ["method", "target", "sent", "scopes", "problem", "place"] {
        if let Some(value) = value.get(member) {
            json[member] = value.clone();
        }
    }
    assert_eq!(words.next(), None, "{line}");
    serde_json::from_value(json).unwrap_or_else(|error| panic!("{line}: {error}"))
}

/// A token as it is, or put together from its claims.
pub(crate) fn token_of(value: &Value) -> String {
    value.as_str().map_or_else(|| jwt(value), str::to_owned)
}

fn show_authorization(authorization: &Authorization) -> String {
    match authorization {
        Authorization::None => String::new(),
        Authorization::Bearer(token) => format!(" Bearer {}", name_of(token.expose_secret())),
        Authorization::Basic { username, password } => {
            format!(" Basic {username}:{}", password.expose_secret())
        }
        Authorization::FromSession => " session".to_owned(),
    }
}

fn show_request(request: &HttpRequest) -> String {
    let form = request.form.as_ref().map(|form| format!(" {}", form.expose_secret())).unwrap_or_default();
    format!("{} {}{form}{}", request.method, request.target, show_authorization(&request.authorization))
}

fn show_error(error: FlowError) -> Value {
    let mut end = json!({"code": error.code, "hop": error.hop});
    if let Some(status) = error.status {
        end["status"] = json!(status);
    }
    if let Some(wait) = error.retry_after_ms {
        end["retryAfterMs"] = json!(wait);
    }
    end
}

fn show_grant(grant: &TokenGrant) -> Value {
    let mut end = Map::new();
    end.insert("token".to_owned(), json!(name_of(grant.token.expose_secret())));
    end.insert("expiresInMs".to_owned(), json!(grant.expires_at_ms - NOW_MS));
    assert_eq!(grant.is_jwt, name_of(grant.token.expose_secret()) == "jwt");
    for (member, value) in [
        ("refresh", grant.refresh_token.as_ref().map(|token| token.expose_secret().to_owned())),
        ("subject", grant.subject.clone()),
        ("granted", Some(grant.granted.to_string())),
        ("denied", Some(grant.denied.to_string())),
        ("unknown", Some(grant.unknown.to_string())),
    ] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            end.insert(member.to_owned(), json!(value));
        }
    }
    if grant.is_anonymous {
        end.insert("anonymous".to_owned(), json!(true));
    }
    Value::Object(end)
}

fn show_proof(proof: &LoginProof) -> Value {
    let credential = match &proof.credential {
        Credential::Anonymous => "anonymous".to_owned(),
        Credential::Password { username, password } => {
            format!("password {username} {}", password.expose_secret())
        }
        Credential::RefreshToken { username, token } => {
            format!("refresh {username} {}", token.expose_secret())
        }
    };
    let mut end = json!(proof.auth);
    end["credential"] = json!(credential);
    end
}

/// Tokens that a script puts together are called `jwt`.
fn name_of(token: &str) -> &str {
    if token.starts_with("eyJ") { "jwt" } else { token }
}

fn text<'a>(value: &'a Value, member: &str) -> Option<&'a str> {
    value.get(member).map(|text| text.as_str().unwrap_or_else(|| panic!("{member} is no string")))
}

fn scopes(input: &Value) -> ScopeSet {
    text(input, "scopes").unwrap_or_default().parse().expect("scopes")
}

fn code(text: &str) -> ErrorCode {
    text.parse().unwrap_or_else(|()| panic!("no code {text}"))
}

pub(crate) fn policy(input: &Value) -> RealmPolicy {
    let registry = Origin::parse(text(input, "registry").expect("a registry")).expect("an origin");
    let pairs = input.get("pairs").and_then(Value::as_array).into_iter().flatten();
    pairs.fold(RealmPolicy::new(registry), |policy, pair| {
        policy.allow(pair.as_str().expect("a pair")).expect("an allowed pair")
    })
}

fn credential(value: &Value) -> Credential {
    let pair = |member: &str| {
        let pair = value.get(member)?.as_array().expect("a pair");
        let text = |index: usize| pair[index].as_str().expect("a string").to_owned();
        Some((text(0), SecretString::from(text(1))))
    };
    if let Some((username, password)) = pair("password") {
        return Credential::Password { username, password };
    }
    if let Some((username, token)) = pair("refresh") {
        return Credential::RefreshToken { username, token };
    }
    assert_eq!(*value, Value::Null, "a credential");
    Credential::Anonymous
}

fn transport(response: &Value) -> Option<TransportError> {
    text(response, "transport").map(|error| match error {
        "unreachable" => TransportError::Unreachable,
        "tls" => TransportError::Tls,
        "timeout" => TransportError::Timeout,
        "invalid" => TransportError::Invalid,
        "redirect" => TransportError::Redirect,
        "address_refused" => TransportError::AddressRefused,
        "aborted" => TransportError::Aborted,
        "suspended" => TransportError::Suspended,
        "busy" => TransportError::Busy,
        other => panic!("transport error {other}"),
    })
}

fn with_head(response: &Value, report: impl FnOnce(&ResponseHead<'_>)) {
    for member in response.as_object().expect("a response").keys() {
        let known =
            ["status", "challenges", "apiVersion", "contentType", "retryAfter", "date", "location", "body"];
        assert!(known.contains(&member.as_str()), "unknown member {member}");
    }
    let lines = response.get("challenges").and_then(Value::as_array).cloned().unwrap_or_default();
    let lines: Vec<&str> = lines.iter().map(|line| line.as_str().expect("a line")).collect();
    report(&ResponseHead {
        status: response["status"].as_u64().and_then(|status| u16::try_from(status).ok()).expect("a status"),
        challenges: &lines,
        api_version: text(response, "apiVersion"),
        content_type: text(response, "contentType"),
        retry_after: text(response, "retryAfter").and_then(|wait| Wait::parse(wait, text(response, "date"))),
        date: text(response, "date"),
        location: text(response, "location"),
    });
}

/// A string unchanged; any other value as JSON, in which every `{"jwt": claims}` is replaced by a token.
fn body(response: &Value) -> Vec<u8> {
    match response.get("body") {
        None => Vec::new(),
        Some(Value::String(text)) => text.clone().into_bytes(),
        Some(value) => {
            let mut value = value.clone();
            for member in value.as_object_mut().into_iter().flat_map(Map::values_mut) {
                if let Some(claims) = member.get("jwt") {
                    *member = json!(jwt(claims));
                }
            }
            value.to_string().into_bytes()
        }
    }
}

fn jwt(claims: &Value) -> String {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}.c2ln", part(&json!({"alg": "RS256", "typ": "JWT"})), part(claims))
}
