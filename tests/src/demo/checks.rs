//! Rules for all requests.

use http::Method;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, HOST};

use super::journal::Role;
use super::received::{Credentials, Received};
use super::rules::{BrokenRule, Rule};
use super::site::Site;

/// Methods that the distribution specification uses, and preflights.
const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// Headers of pages, browsers and proxies. Names that begin with `x-` or `sec-` are refused beside these.
const LEAKED: [&str; 13] = [
    "cookie",
    "cookie2",
    "forwarded",
    "origin",
    "proxy-authorization",
    "proxy-connection",
    "referer",
    "service-worker",
    "te",
    "trailer",
    "upgrade",
    "upgrade-insecure-requests",
    "via",
];

/// Checks a request before it is processed.
pub(crate) fn check(site: &Site, role: Role, request: &Received) -> Result<(), BrokenRule> {
    let credentials = request.credentials()?;
    let results = [
        method(role, request),
        path(request),
        host(site, role, request),
        leaked_headers(request),
        sealed_session(request),
        secrets(site, request),
        encoding(role, request),
        body(role, request),
        unfit(site, role, credentials.as_ref()),
    ];
    let excused =
        |broken: &BrokenRule| site.demo_state.config.other_clients && broken.rule.binds_only_dockpass();
    match results.into_iter().filter_map(Result::err).find(|broken| !excused(broken)) {
        Some(broken) => Err(broken),
        None => Ok(()),
    }
}

fn method(role: Role, request: &Received) -> Result<(), BrokenRule> {
    let known = match role {
        Role::Registry => METHODS.contains(&request.method),
        Role::TokenService => [Method::GET, Method::POST, Method::OPTIONS].contains(&request.method),
        Role::Cdn => [Method::GET, Method::HEAD, Method::OPTIONS].contains(&request.method),
    };
    if known {
        return Ok(());
    }
    Err(BrokenRule::new(Rule::UnknownMethod, format!("method {} has no meaning here", request.method)))
}

fn path(request: &Received) -> Result<(), BrokenRule> {
    let path = request.path.as_str();
    let dots = path.split('/').any(|segment| matches!(segment, "." | ".."));
    if path.starts_with('/') && !dots && !path.contains("//") && !path.contains(['%', '\\', ';']) {
        return Ok(());
    }
    Err(BrokenRule::new(
        Rule::SuspiciousPath,
        "a path with dot segments, empty segments, escapes or backslashes",
    ))
}

fn host(site: &Site, role: Role, request: &Received) -> Result<(), BrokenRule> {
    let mut lines = request.headers.get_all(HOST).iter();
    let line = lines.next().and_then(|line| line.to_str().ok()).unwrap_or_default();
    let address = site.address(role);
    let local = format!("localhost:{}", address.port());
    if lines.next().is_none() && (line == address.to_string() || line == local) {
        return Ok(());
    }
    Err(BrokenRule::new(Rule::WrongHost, "Host is not this server's, or was sent more than once"))
}

fn leaked_headers(request: &Received) -> Result<(), BrokenRule> {
    // The browser itself sends a preflight, with `Origin`, so it may reach the demo.
    if request.method == Method::OPTIONS {
        return Ok(());
    }
    let leaked = request
        .headers
        .keys()
        .map(http::HeaderName::as_str)
        .find(|name| LEAKED.contains(name) || name.starts_with("x-") || name.starts_with("sec-"));
    match leaked {
        Some(name) => Err(BrokenRule::new(
            Rule::LeakedHeader,
            format!("header {name} belongs to a page, browser or proxy"),
        )),
        None => Ok(()),
    }
}

/// A JWE in compact form has five parts. Nothing that dockpass sends upstream has five parts.
fn sealed_session(request: &Received) -> Result<(), BrokenRule> {
    let is_jwe = |text: &str| {
        let legal = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
        text.split(|character| !legal(character))
            .any(|word| word.starts_with("eyJ") && word.split('.').count() == 5 && word.len() > 60)
    };
    if texts(request).any(|(_, text)| is_jwe(&text)) {
        return Err(BrokenRule::new(Rule::SealedSessionLeaked, "a sealed session (JWE) left the key server"));
    }
    Ok(())
}

fn secrets(site: &Site, request: &Received) -> Result<(), BrokenRule> {
    let passwords: Vec<&str> =
        site.demo_state.config.users.iter().map(|user| user.password.as_str()).collect();
    let leak = texts(request).find(|(place, text)| {
        *place != AUTHORIZATION.as_str() && passwords.iter().any(|password| text.contains(password))
    });
    match leak {
        Some((place, _)) => {
            Err(BrokenRule::new(Rule::SecretInClear, format!("a password was sent in {place}")))
        }
        None => Ok(()),
    }
}

/// Every string in the request's head, with its place.
fn texts(request: &Received) -> impl Iterator<Item = (&str, String)> {
    let headers = request
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let query = request.query_leniently().into_iter().map(|(_, value)| ("the query", value));
    headers.chain(query).chain([("the path", request.path.clone())])
}

fn encoding(role: Role, request: &Received) -> Result<(), BrokenRule> {
    let requested = request.header(ACCEPT_ENCODING.as_str());
    if role == Role::TokenService
        && requested.is_some_and(|requested| !requested.eq_ignore_ascii_case("identity"))
    {
        return Err(BrokenRule::new(
            Rule::EncodedTokenReply,
            "a token reply is asked for without compression",
        ));
    }
    Ok(())
}

fn body(role: Role, request: &Received) -> Result<(), BrokenRule> {
    let bodiless = matches!(request.method, Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS);
    if bodiless && !request.body.is_empty() {
        return Err(BrokenRule::new(Rule::UnexpectedBody, "a body where none belongs"));
    }
    if role == Role::Cdn && request.headers.contains_key(AUTHORIZATION) {
        return Err(BrokenRule::new(Rule::AuthorizationToCdn, "Authorization crossed to another host"));
    }
    Ok(())
}

/// Checks that credentials are sent to the right server.
fn unfit(site: &Site, role: Role, credentials: Option<&Credentials>) -> Result<(), BrokenRule> {
    match credentials {
        Some(Credentials::Basic { user, password }) if user.is_empty() || password.is_empty() => {
            Err(BrokenRule::new(Rule::EmptyCredentials, "Basic with an empty user name or password"))
        }
        Some(Credentials::Bearer(token))
            if role != Role::TokenService && site.demo_state.tokens.is_refresh_token(token) =>
        {
            Err(BrokenRule::new(
                Rule::RefreshTokenAtRegistry,
                "a refresh token is for the token service only",
            ))
        }
        _ => Ok(()),
    }
}
