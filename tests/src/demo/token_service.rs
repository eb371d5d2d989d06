//! The token services: who asks for what, with which credentials, and which token comes back.

use http::Method;
use serde_json::{Value, json};

use super::access::{self, Access, User};
use super::answer::Answer;
use super::clock::rfc3339;
use super::config::Kind;
use super::received::{Credentials, Received, value};
use super::rules::{Broken, Rule};
use super::site::Site;
use super::tokens::{Claims, random};

/// The scope that the opaque registry's challenge of `/v2/` names for show.
pub(crate) const PLACEHOLDER: &str = "repository:user/image:pull";

/// Parameters of a `GET` (distribution, `spec/auth/token.md`).
const QUERY: [&str; 5] = ["service", "scope", "account", "client_id", "offline_token"];

/// Fields of a `POST` (distribution, `spec/auth/oauth.md`).
const FORM: [&str; 8] =
    ["grant_type", "service", "client_id", "access_type", "scope", "username", "password", "refresh_token"];

/// Answers a request to the token service.
pub(crate) fn answer(site: &Site, request: &Received) -> Result<Answer, Broken> {
    if request.path != site.realm_path() {
        return Ok(Answer::text(404, "404 page not found"));
    }
    match request.method {
        Method::GET => by_query(site, request),
        Method::POST if site.kind == Kind::Token => by_form(site, request),
        Method::POST => Ok(Answer::text(404, "404 page not found")),
        // Stock token services know no CORS.
        _ => Ok(Answer::text(401, "Auth failed.").header("www-authenticate", basic_challenge(site))),
    }
}

fn by_query(site: &Site, request: &Received) -> Result<Answer, Broken> {
    let parameters = request.parameters(&QUERY, &["scope"])?;
    check_service(site, value(&parameters, "service"))?;
    let asked = parameters.iter().filter(|(name, _)| name == "scope");
    let asked = asked.map(|(_, scope)| read_scope(site, scope)).collect::<Result<Vec<_>, _>>()?;
    let offline = match value(&parameters, "offline_token") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Broken::new(Rule::MalformedQuery, "offline_token is `true` or `false`")),
    };
    let credentials = match request.credentials()? {
        None => None,
        Some(Credentials::Basic { user, password }) => Some((user, password)),
        Some(Credentials::Bearer(_)) => {
            return Err(Broken::new(Rule::BearerToTokenService, "a token service is asked with Basic"));
        }
    };
    let account = value(&parameters, "account");
    if account.is_some_and(|account| credentials.as_ref().is_none_or(|(user, _)| user != account)) {
        return Err(Broken::new(Rule::AccountMismatch, "account names someone else than the credentials"));
    }
    let Some((name, password)) = credentials else {
        return Ok(anonymous(site, &asked));
    };
    match site.world.user(&name, &password) {
        Some(user) => Ok(issue(site, Some(user), &asked, offline && site.kind == Kind::Token, false)),
        None if site.world.config.false_login => Ok(issue(site, None, &asked, false, false)),
        None => Ok(refused(site)),
    }
}

fn by_form(site: &Site, request: &Received) -> Result<Answer, Broken> {
    if request.credentials()?.is_some() {
        return Err(Broken::new(Rule::MalformedAuthorization, "a POST carries its credentials in the form"));
    }
    if request.query.is_some() {
        return Err(Broken::new(Rule::UnknownParameter, "a POST has no query"));
    }
    let fields = request.form(&FORM)?;
    check_service(site, value(&fields, "service"))?;
    let required = |name: &str| match value(&fields, name) {
        Some(value) if !value.is_empty() => Ok(value.to_owned()),
        _ => Err(Broken::new(Rule::MissingParameter, format!("the form lacks {name}"))),
    };
    required("client_id")?;
    let scopes = value(&fields, "scope").unwrap_or_default();
    let asked = scopes.split(' ').filter(|scope| !scope.is_empty());
    let asked = asked.map(|scope| read_scope(site, scope)).collect::<Result<Vec<_>, _>>()?;
    let offline = match value(&fields, "access_type") {
        None | Some("online") => false,
        Some("offline") => true,
        Some(_) => return Err(Broken::new(Rule::MalformedQuery, "access_type is `online` or `offline`")),
    };
    let user = match required("grant_type")?.as_str() {
        "refresh_token" => {
            let token = required("refresh_token")?;
            let name = site.world.tokens.refreshed_user(site.service(), &token);
            name.and_then(|name| site.world.user_named(&name))
        }
        "password" => site.world.user(&required("username")?, &required("password")?),
        _ => return Err(Broken::new(Rule::MalformedQuery, "grant_type is refresh_token or password")),
    };
    Ok(match user {
        Some(user) => issue(site, Some(user), &asked, offline, true),
        None => Answer::error(401, "UNAUTHORIZED", "authentication required"),
    })
}

fn check_service(site: &Site, service: Option<&str>) -> Result<(), Broken> {
    match service {
        None | Some("") => Err(Broken::new(Rule::MissingService, "a token request names its service")),
        Some(service) if service == site.service() => Ok(()),
        Some(_) => Err(Broken::new(Rule::WrongService, "this token service knows no such service")),
    }
}

fn read_scope(site: &Site, text: &str) -> Result<Access, Broken> {
    let access = Access::parse(text)?;
    if site.kind == Kind::Opaque && access.scope() == PLACEHOLDER {
        return Err(Broken::new(
            Rule::PlaceholderScope,
            "the scope in the challenge of /v2/ is a placeholder",
        ));
    }
    Ok(access)
}

/// Without credentials: Docker Hub always answers 200; the others want a login for what is not public.
fn anonymous(site: &Site, asked: &[Access]) -> Answer {
    let public = |scope: &Access| {
        let granted = access::grant(site.kind, &site.world.store, None, scope);
        scope.actions.iter().all(|action| granted.actions.contains(action))
    };
    if site.kind == Kind::Hub || (!asked.is_empty() && asked.iter().all(public)) {
        return issue(site, None, asked, false, false);
    }
    refused(site)
}

/// 401, in the words of the service that is imitated.
fn refused(site: &Site) -> Answer {
    match site.kind {
        // As recorded from auth.docker.io: no challenge at all, although RFC 9110 §11.6.1 asks for one.
        Kind::Hub => Answer::json(401, &json!({ "details": "incorrect username or password" })),
        Kind::Token => Answer::text(401, "Auth failed.").header("www-authenticate", basic_challenge(site)),
        _ => Answer::error(401, "UNAUTHORIZED", "authentication required")
            .header("www-authenticate", basic_challenge(site)),
    }
}

fn basic_challenge(site: &Site) -> String {
    format!("Basic realm=\"dockpass demo: {}\"", site.kind.name())
}

/// 200 with a token for the part of the asked-for scopes that may be had.
fn issue(site: &Site, user: Option<&User>, asked: &[Access], offline: bool, oauth: bool) -> Answer {
    let world = &site.world;
    let granted = asked.iter().map(|scope| access::grant(site.kind, &world.store, user, scope));
    // docker_auth, Quay and Harbor list a denied scope without actions; Docker Hub, GitLab and others leave it out.
    let access: Vec<Access> =
        granted.filter(|entry| site.kind == Kind::Token || !entry.actions.is_empty()).collect();
    let now = world.config.clock.now();
    let claims = Claims {
        iss: site.issuer(),
        sub: user.map(|user| user.name.clone()).unwrap_or_default(),
        aud: site.service().to_owned(),
        exp: now + world.config.token_lifetime,
        // Before `iat`, as Docker Hub and docker_auth do it.
        nbf: now.saturating_sub(10),
        iat: now,
        jti: random(12).unwrap_or_default(),
        access,
    };
    let limits = json!({ "parameters": { "pull_limit": "100", "pull_limit_interval": "21600" } });
    let limits = (site.kind == Kind::Hub).then_some(&limits);
    let Some(token) = world.tokens.issue(site.format(), &claims, limits) else {
        return Answer::error(500, "UNKNOWN", "no token could be made");
    };
    let mut reply = reply_fields(site, &token, now, oauth);
    if let (Some(reply), true) = (reply.as_object_mut(), oauth) {
        let scopes: Vec<String> = claims.access.iter().map(Access::scope).collect();
        reply.insert("scope".to_owned(), scopes.join(" ").into());
    }
    if let (Some(reply), Some(user), true) = (reply.as_object_mut(), user, offline)
        && let Some(refresh) = world.tokens.issue_refresh(site.service(), &user.name)
    {
        reply.insert("refresh_token".to_owned(), refresh.into());
    }
    Answer::json(200, &reply).header("cache-control", "no-store")
}

/// The fields around a token, in the way of the service that is imitated.
fn reply_fields(site: &Site, token: &str, now: u64, oauth: bool) -> Value {
    let expires_in = site.world.config.token_lifetime;
    if oauth {
        return json!({ "access_token": token, "expires_in": expires_in, "issued_at": rfc3339(now) });
    }
    match site.kind {
        // docker_auth: no lifetime beside the token's own.
        Kind::Token => json!({ "access_token": token, "token": token }),
        // GHCR: nothing but the token, and the token says nothing.
        Kind::Opaque => json!({ "token": token }),
        // Harbor: an `access_token` that is there and empty.
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
