//! The registries: the required scopes of requests, and the resources of the distribution specification.

mod resources;
mod route;

use std::fmt::Write as _;

use http::Method;
use serde_json::json;

use self::route::Route;
use super::access::{self, Access, User};
use super::kind::Kind;
use super::received::{Credentials, Received};
use super::response::DemoResponse;
use super::rules::{BrokenRule, Rule};
use super::site::{ServiceNames, Site};
use super::token_service::PLACEHOLDER;

pub(crate) use self::resources::cdn;

/// Query parameters of the distribution specification, except `ns`.
const PARAMETERS: [&str; 6] = ["n", "last", "artifactType", "digest", "mount", "from"];

/// The user of a request.
enum Caller<'a> {
    /// An anonymous user.
    Anonymous,
    User(&'a User),
}

/// The response to a request to a registry.
pub(crate) fn response(
    site: &Site,
    request: &Received,
    named: &ServiceNames,
) -> Result<DemoResponse, BrokenRule> {
    let parameters = request.parameters(&PARAMETERS, &[])?;
    let route = Route::parse(&request.path);
    let caller = match authorize(site, request, named, &route)? {
        Ok(caller) => caller,
        Err(refusal) => return Ok(with_version(refusal)),
    };
    if request.method == Method::OPTIONS {
        // As gorilla's method handler in distribution: the allowed methods, without CORS headers.
        return Ok(with_version(DemoResponse::empty(200).header("allow", "GET, HEAD")));
    }
    let user = match caller {
        Caller::User(user) => Some(user),
        Caller::Anonymous => None,
    };
    let everything = site.kind == Kind::Open;
    Ok(with_version(resources::response(site, request, &route, &parameters, |name| {
        everything || access::sees(&site.demo_state.store, user, name)
    })))
}

/// The required scope, as in distribution's `handlers/app.go`. `apiBase` needs a valid token of any scope.
fn needed(route: &Route, method: &Method) -> Option<Access> {
    let scope = |kind: &str, name: &str, actions: &[&str]| Access {
        kind: kind.to_owned(),
        name: name.to_owned(),
        actions: actions.iter().map(|action| (*action).to_owned()).collect(),
    };
    match route {
        Route::Catalog => Some(scope("registry", "catalog", &["*"])),
        Route::Base | Route::Unknown => None,
        _ => {
            let actions: &[&str] = match *method {
                Method::GET | Method::HEAD => &["pull"],
                Method::DELETE => &["delete"],
                Method::OPTIONS => return None,
                _ => &["pull", "push"],
            };
            Some(scope("repository", route.repository()?, actions))
        }
    }
}

type Authorized<'a> = Result<Result<Caller<'a>, DemoResponse>, BrokenRule>;

/// The authorized user, or the refusal. The outer error is a violation.
fn authorize<'a>(site: &'a Site, request: &Received, named: &ServiceNames, route: &Route) -> Authorized<'a> {
    let credentials = request.credentials()?;
    match site.kind {
        Kind::Open => match credentials {
            None => Ok(Ok(Caller::Anonymous)),
            Some(_) => {
                Err(BrokenRule::new(Rule::CredentialsToOpenRegistry, "this registry asks for no credentials"))
            }
        },
        Kind::Basic => by_password(site, credentials, route),
        _ => by_token(site, request, named, route, credentials),
    }
}

fn by_password<'a>(site: &'a Site, credentials: Option<Credentials>, route: &Route) -> Authorized<'a> {
    let user = match credentials {
        Some(Credentials::Bearer(_)) => {
            return Err(BrokenRule::new(Rule::BearerToBasicRegistry, "this registry asks for Basic"));
        }
        Some(Credentials::Basic { user, password }) => site.demo_state.user(&user, &password),
        None => None,
    };
    let Some(user) = user else {
        let refusal = DemoResponse::error(401, "UNAUTHORIZED", "authentication required");
        return Ok(Err(refusal.header("www-authenticate", "Basic realm=\"Demo Registry\"")));
    };
    let hidden =
        route.repository().is_some_and(|name| !access::sees(&site.demo_state.store, Some(user), name));
    if hidden {
        return Ok(Err(DemoResponse::error(403, "DENIED", "requested access to the resource is denied")));
    }
    Ok(Ok(Caller::User(user)))
}

fn by_token<'a>(
    site: &'a Site,
    request: &Received,
    named: &ServiceNames,
    route: &Route,
    credentials: Option<Credentials>,
) -> Authorized<'a> {
    let needed = needed(route, &request.method);
    let refusal = |error: Option<&str>| refuse(site, named, route, needed.as_ref(), error);
    let token = match credentials {
        None => return Ok(Err(refusal(None))),
        Some(Credentials::Basic { .. }) => {
            return Err(BrokenRule::new(
                Rule::BasicToBearerRegistry,
                "this registry asks for tokens, not passwords",
            ));
        }
        Some(Credentials::Bearer(token)) => token,
    };
    let now = site.demo_state.config.clock.now();
    let Ok(claims) = site.demo_state.tokens.check(site.format(), &token, &site.issuer(), site.service(), now)
    else {
        return Ok(Err(refusal(Some("invalid_token"))));
    };
    if needed.as_ref().is_some_and(|needed| !access::allows(&claims.access, needed)) {
        return Ok(Err(refusal(Some("insufficient_scope"))));
    }
    Ok(Ok(site.demo_state.user_named(&claims.sub).map_or(Caller::Anonymous, Caller::User)))
}

/// 401 with a Bearer challenge in the form of distribution.
fn refuse(
    site: &Site,
    named: &ServiceNames,
    route: &Route,
    needed: Option<&Access>,
    error: Option<&str>,
) -> DemoResponse {
    let ServiceNames { realm, service } = named;
    let mut challenge = format!("Bearer realm=\"{realm}\",service=\"{service}\"");
    let placeholder = site.kind == Kind::Opaque && matches!(route, Route::Base);
    let scope = needed.map(Access::scope).or_else(|| placeholder.then(|| PLACEHOLDER.to_owned()));
    for (name, value) in [("scope", scope.as_deref()), ("error", error)] {
        if let Some(value) = value {
            // Writing to a string cannot fail.
            let _ = write!(challenge, ",{name}=\"{value}\"");
        }
    }
    let detail = needed.map(|needed| {
        let entry = |action: &String| json!({ "Type": needed.kind, "Class": "", "Name": needed.name, "Action": action });
        needed.actions.iter().map(entry).collect()
    });
    DemoResponse::error_with(401, "UNAUTHORIZED", "authentication required", &detail.unwrap_or_default())
        .header("www-authenticate", challenge)
}

fn with_version(response: DemoResponse) -> DemoResponse {
    response.header("docker-distribution-api-version", "registry/2.0")
}
