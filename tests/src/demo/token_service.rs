//! The token services.

use http::Method;
use serde_json::{Value, json};

use super::access::{self, Access, User};
use super::clock::rfc3339;
use super::kind::Kind;
use super::received::{Credentials, Received, value};
use super::response::DemoResponse;
use super::rules::{BrokenRule, Rule};
use super::site::Site;
use super::tokens::{Claims, random};

/// The placeholder scope in the opaque registry's challenge of `/v2/`.
pub(crate) const PLACEHOLDER: &str = "repository:user/image:pull";

/// Parameters of a `GET` (distribution, `spec/auth/token.md`).
const QUERY: [&str; 5] = ["service", "scope", "account", "client_id", "offline_token"];

/// Fields of a `POST` (distribution, `spec/auth/oauth.md`).
const FORM: [&str; 8] =
    ["grant_type", "service", "client_id", "access_type", "scope", "username", "password", "refresh_token"];

/// The response to a request to the token service.
pub(crate) fn response(site: &Site, request: &Received) -> Result<DemoResponse, BrokenRule> {
    if request.path != site.realm_path() {
        return Ok(DemoResponse::text(404, "404 page not found"));
    }
    match request.method {
        Method::GET => by_query(site, request),
        Method::POST if site.kind == Kind::Token => by_form(site, request),
        Method::POST => Ok(DemoResponse::text(404, "404 page not found")),
        // Token services send no CORS headers.
        _ => Ok(DemoResponse::text(401, "Auth failed.").header("www-authenticate", basic_challenge(site))),
    }
}

fn by_query(site: &Site, request: &Received) -> Result<DemoResponse, BrokenRule> {
    let parameters = request.parameters(&QUERY, &["scope"])?;
    check_service(site, value(&parameters, "service"))?;
    let requested = parameters.iter().filter(|(name, _)| name == "scope");
    let requested = requested.map(|(_, scope)| read_scope(site, scope)).collect::<Result<Vec<_>, _>>()?;
    let offline = match value(&parameters, "offline_token") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(BrokenRule::new(Rule::MalformedQuery, "offline_token is `true` or `false`")),
    };
    let credentials = match request.credentials()? {
        None => None,
        Some(Credentials::Basic { user, password }) => Some((user, password)),
        Some(Credentials::Bearer(_)) => {
            return Err(BrokenRule::new(Rule::BearerToTokenService, "a token service is asked with Basic"));
        }
    };
    let account = value(&parameters, "account");
    if account.is_some_and(|account| credentials.as_ref().is_none_or(|(user, _)| user != account)) {
        return Err(BrokenRule::new(
            Rule::AccountMismatch,
            "account names someone else than the credentials",
        ));
    }
    let Some((name, password)) = credentials else {
        return Ok(anonymous(site, &requested));
    };
    match site.demo_state.user(&name, &password) {
        Some(user) => Ok(issue(site, Some(user), &requested, offline && site.kind == Kind::Token, false)),
        None if site.demo_state.config.false_login => Ok(issue(site, None, &requested, false, false)),
        None => Ok(refused(site)),
    }
}

fn by_form(site: &Site, request: &Received) -> Result<DemoResponse, BrokenRule> {
    if request.credentials()?.is_some() {
        return Err(BrokenRule::new(
            Rule::MalformedAuthorization,
            "a POST carries its credentials in the form",
        ));
    }
    if request.query.is_some() {
        return Err(BrokenRule::new(Rule::UnknownParameter, "a POST has no query"));
    }
    let fields = request.form(&FORM)?;
    check_service(site, value(&fields, "service"))?;
    let required = |name: &str| match value(&fields, name) {
        Some(value) if !value.is_empty() => Ok(value.to_owned()),
        _ => Err(BrokenRule::new(Rule::MissingParameter, format!("the form lacks {name}"))),
    };
    required("client_id")?;
    let scopes = value(&fields, "scope").unwrap_or_default();
    let requested = scopes.split(' ').filter(|scope| !scope.is_empty());
    let requested = requested.map(|scope| read_scope(site, scope)).collect::<Result<Vec<_>, _>>()?;
    let offline = match value(&fields, "access_type") {
        None | Some("online") => false,
        Some("offline") => true,
        Some(_) => return Err(BrokenRule::new(Rule::MalformedQuery, "access_type is `online` or `offline`")),
    };
    let mut is_rotated = false;
    let user = match required("grant_type")?.as_str() {
        "refresh_token" => {
            let token = required("refresh_token")?;
            let name = site.demo_state.tokens.refreshed_user(site.service(), &token);
            if site.demo_state.config.rotate_refresh_tokens {
                site.demo_state.tokens.revoke_refresh(&token);
                is_rotated = true;
            }
            name.and_then(|name| site.demo_state.user_named(&name))
        }
        "password" => site.demo_state.user(&required("username")?, &required("password")?),
        _ => return Err(BrokenRule::new(Rule::MalformedQuery, "grant_type is refresh_token or password")),
    };
    Ok(match user {
        Some(user) => issue(site, Some(user), &requested, offline || is_rotated, true),
        None => DemoResponse::error(401, "UNAUTHORIZED", "authentication required"),
    })
}

fn check_service(site: &Site, service: Option<&str>) -> Result<(), BrokenRule> {
    match service {
        None | Some("") => Err(BrokenRule::new(Rule::MissingService, "a token request names its service")),
        Some(service) if service == site.service() => Ok(()),
        Some(_) => Err(BrokenRule::new(Rule::WrongService, "this token service knows no such service")),
    }
}

fn read_scope(site: &Site, text: &str) -> Result<Access, BrokenRule> {
    let access = Access::parse(text)?;
    if site.kind == Kind::Opaque && access.scope() == PLACEHOLDER {
        return Err(BrokenRule::new(
            Rule::PlaceholderScope,
            "the scope in the challenge of /v2/ is a placeholder",
        ));
    }
    Ok(access)
}

/// Without credentials: Docker Hub always responds with 200; others require a login for private repositories.
fn anonymous(site: &Site, requested: &[Access]) -> DemoResponse {
    let public = |scope: &Access| {
        let granted = access::grant(site.kind, &site.demo_state.store, None, scope);
        scope.actions.iter().all(|action| granted.actions.contains(action))
    };
    if site.kind == Kind::Hub || (!requested.is_empty() && requested.iter().all(public)) {
        return issue(site, None, requested, false, false);
    }
    refused(site)
}

/// 401, in the form of the simulated service.
fn refused(site: &Site) -> DemoResponse {
    match site.kind {
        // As recorded from auth.docker.io: no challenge, although RFC 9110 §11.6.1 requires one.
        Kind::Hub => DemoResponse::json(401, &json!({ "details": "incorrect username or password" })),
        Kind::Token => {
            DemoResponse::text(401, "Auth failed.").header("www-authenticate", basic_challenge(site))
        }
        _ => DemoResponse::error(401, "UNAUTHORIZED", "authentication required")
            .header("www-authenticate", basic_challenge(site)),
    }
}

fn basic_challenge(site: &Site) -> String {
    format!("Basic realm=\"dockpass demo: {}\"", site.kind.name())
}

/// 200 with a token for the requested scopes that the user may have.
fn issue(site: &Site, user: Option<&User>, requested: &[Access], offline: bool, oauth: bool) -> DemoResponse {
    let demo_state = &site.demo_state;
    let granted = requested.iter().map(|scope| access::grant(site.kind, &demo_state.store, user, scope));
    // docker_auth, Quay and Harbor list a denied scope without actions; Docker Hub, GitLab and others omit it.
    let access: Vec<Access> =
        granted.filter(|entry| site.kind == Kind::Token || !entry.actions.is_empty()).collect();
    let now = demo_state.config.clock.now();
    let claims = Claims {
        iss: site.issuer(),
        sub: user.map(|user| user.name.clone()).unwrap_or_default(),
        aud: site.service().to_owned(),
        exp: now + demo_state.config.token_lifetime,
        // Before `iat`, as in tokens of Docker Hub and docker_auth.
        nbf: now.saturating_sub(10),
        iat: now,
        jti: random(12).unwrap_or_default(),
        access,
    };
    let limits = json!({ "parameters": { "pull_limit": "100", "pull_limit_interval": "21600" } });
    let limits = (site.kind == Kind::Hub).then_some(&limits);
    let Some(token) = demo_state.tokens.issue(site.format(), &claims, limits) else {
        return DemoResponse::error(500, "UNKNOWN", "no token could be made");
    };
    let mut response = response_fields(site, &token, now, oauth);
    if let (Some(response), true) = (response.as_object_mut(), oauth) {
        let scopes: Vec<String> = claims.access.iter().map(Access::scope).collect();
        response.insert("scope".to_owned(), scopes.join(" ").into());
    }
    if let (Some(response), Some(user), true) = (response.as_object_mut(), user, offline)
        && let Some(refresh) = demo_state.tokens.issue_refresh(site.service(), &user.name)
    {
        response.insert("refresh_token".to_owned(), refresh.into());
    }
    DemoResponse::json(200, &response).header("cache-control", "no-store")
}

/// The fields of the response, in the form of the simulated service.
fn response_fields(site: &Site, token: &str, now: u64, oauth: bool) -> Value {
    let expires_in = site.demo_state.config.token_lifetime;
    if oauth {
        return json!({ "access_token": token, "expires_in": expires_in, "issued_at": rfc3339(now) });
    }
    match site.kind {
        // docker_auth: no lifetime besides the token's own.
        Kind::Token => json!({ "access_token": token, "token": token }),
        // GHCR: only the token, which is opaque.
        Kind::Opaque => json!({ "token": token }),
        // Harbor: an empty `access_token`.
        Kind::OwnRealm => json!({
            "token": token,
            "access_token": "",
            "expires_in": expires_in,
            "issued_at": rfc3339(now),
        }),
        _ => json!({
            "token": token,
            "access_token": token,
            "expires_in": expires_in,
            "issued_at": rfc3339(now),
        }),
    }
}
