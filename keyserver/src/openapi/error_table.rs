//! `docs/errors.md`: every error code with its status, whose fault it is, and what to do.

use dockpass_protocol::code::{ErrorCode, Fault};

use crate::test_support::committed;

/// What to do about a code. An exhaustive list, checked by the test below: a new code needs a row.
#[expect(clippy::too_many_lines, reason = "one row for each code")]
fn remedy(code: ErrorCode) -> Option<&'static str> {
    use ErrorCode as E;
    Some(match code {
        E::InvalidRequest => {
            "Compare the request with [openapi.json](openapi.json). Behind a proxy, compare `public_origin` with the host that browsers use."
        }
        E::InvalidRegistry => "Write `host` or `host:port`, without a scheme or path.",
        E::NonAsciiHost => "Write the host in its `xn--` form.",
        E::InvalidScope => {
            "Write scopes as `type:name:actions`, such as `repository:team/app:pull`; at most 100 per request."
        }
        E::InvalidUsername => "Remove colons and control characters from the user name.",
        E::InvalidPath => "Use a path of the distribution specification below `/v2/`.",
        E::InvalidSession => {
            "Log in again. If it happens to all users, compare `session.key_files` of all instances."
        }
        E::SessionExpired => "Log in again. `session.lifetime_seconds` sets the lifetime.",
        E::BadCredentials => {
            "Check user name and password at the registry. Some registries want an access token instead of the password."
        }
        E::LoginRequired => "Log in, and send the session.",
        E::RegistryNotAllowed => "Add the registry to `registries`.",
        E::RealmNotAllowed => {
            "If the token service belongs to the registry, add its URL to the registry's `realms`."
        }
        E::RegistryMismatch => "Send the session of this registry, or log in to it.",
        E::ScopeDenied => "Ask the owner of the repository for access, or log in with another account.",
        E::OriginNotAllowed => "Add the page's origin to `cors.allowed_origins`.",
        E::ScopeNotAllowed => "Request other scopes, or add this one to `allowed_scopes` of the registry.",
        E::CarrierNotAllowed => "Use the other carrier, or add it to `session.carriers`.",
        E::CsrfRequired => "Send the header `X-Dockpass: 1` with every request that changes something.",
        E::DestinationNotAllowed => "Load registry content with `fetch`, not as a document, script or frame.",
        E::NotFound => "Compare the path with [openapi.json](openapi.json).",
        E::PageNotBuilt => "Build the key server with `cargo xtask dist`.",
        E::Missing => {
            "Check the spelling of repository, tag and digest; log in if the repository is private."
        }
        E::MethodNotAllowed => {
            "Use a method that the `Allow` header lists. For pushes, set `gateway.read_only: false`."
        }
        E::RealmChanged => {
            "Log in again. If it persists, find out why the registry changed its token service."
        }
        E::SessionChanged => {
            "Request `GET /v1/session` to learn who is logged in, and repeat the request with the `id` in its response."
        }
        E::BasicOnly => "Send the request through the gateway (`/r/{registry}/v2/…`) with the session.",
        E::RegistryOpen => "Use the registry without a login.",
        E::RegistryUnverifiable => {
            "Use the registry without a login, or fix its token service so that it refuses wrong passwords."
        }
        E::PayloadTooLarge => "Send a smaller request. `limits.body_bytes` sets the limit.",
        E::CredentialsTooLarge => "Use the `bearer` carrier, or raise `limits.credential_bytes`.",
        E::RequestTimeout => "Send the request again. `limits.header_seconds` sets the limit.",
        E::HeadersTooLarge => "Send fewer or shorter headers. `limits.header_bytes` sets the limit.",
        E::RegistryUnavailable => {
            "Wait as long as `Retry-After` says. If it persists, check that the key server reaches the registry. \
             `limits.breaker_failures` sets after how many failures requests are refused."
        }
        E::RegistryBusy => {
            "Wait as long as `Retry-After` says. `limits.registry_concurrency` sets the limit."
        }
        E::UriTooLong => "Shorten the path or query.",
        E::UnsupportedMediaType => {
            "Send JSON with `Content-Type: application/json` and without `Content-Encoding`."
        }
        E::RateLimited => "Wait for the number of seconds in `Retry-After`. `limits` sets the rates.",
        E::Internal => "Find the `request_id` in the key server's log, and report it.",
        E::UpstreamInvalid => {
            "Find the `request_id` in the key server's log; the diagnosis there names the response that was not understood."
        }
        E::UpstreamRedirect => "Configure the address that the redirect leads to.",
        E::UpstreamTls => {
            "Check the registry's certificate. For a private certificate authority, set the registry's `ca_file`."
        }
        E::UpstreamUnreachable => {
            "Check name resolution, address and firewall between key server and registry."
        }
        E::UpstreamFailed => "Try again later, or ask the registry's operator.",
        E::NotARegistry => "Check `host` or `url` of the registry.",
        E::ChallengeSyntax => "Fix the registry's `WWW-Authenticate` header.",
        E::UnsupportedScheme => "Configure Bearer or Basic authentication at the registry.",
        E::NestedChallenge => "Configure a token service that accepts Basic credentials.",
        E::TokenRequestRefused => {
            "Check whether the token service knows the service and scopes of the request."
        }
        E::TokenRejected => "Compare issuer, audience, signing key and clock of registry and token service.",
        E::BodySpent => {
            "Send the request again. Uploads avoid this when the page requests a token before it sends the body."
        }
        E::ListIncomplete => {
            "Use the names so far, and treat the list as incomplete. The diagnosis says why the next page cannot be read."
        }
        E::Overloaded => "Try again shortly. If it persists, add instances or raise `limits`.",
        E::StoreUnavailable => {
            "Check that the store (`store.url`) runs, has room and accepts the key server. `store.revocation_grace_seconds` sets the time without it."
        }
        E::UpstreamTimeout => "Try again later. `limits.upstream_seconds` sets the limit.",
        E::KeyServerUnreachable => "Check the address of the key server, and whether it runs.",
        E::KeyServerInvalid => {
            "Check whether the address is that of a key server, and that its version is the package's."
        }
        E::DigestMismatch => {
            "Discard the content; registry or storage returned something else than was requested."
        }
        E::Aborted => "Nothing: the caller cancelled the call.",
        _ => return None,
    })
}

fn fault(fault: Fault) -> &'static str {
    match fault {
        Fault::Caller => "caller",
        Fault::Operator => "operator of the key server",
        Fault::Upstream => "registry or token service",
        Fault::Dockpass => "dockpass",
        _ => "unknown",
    }
}

#[test]
fn the_committed_table_of_errors_is_the_one_of_the_code() {
    let mut table = "# Error codes\n\n\
        Generated from `protocol/src/code.rs`; `UPDATE=1 cargo test -p dockpass-keyserver committed` writes it again.\n\
        Every error of the API is a problem document (RFC 9457) with one of these codes, and `DockpassError.code` in \
        JavaScript is one of them. A code keeps its name and meaning. Codes without a status arise in the browser only.\n\n\
        | code | status | who has to act | message | what to do |\n|---|---|---|---|---|\n"
        .to_owned();
    for code in ErrorCode::ALL {
        let status = if code.status() == 0 { "–".to_owned() } else { code.status().to_string() };
        let remedy = remedy(*code).unwrap_or_else(|| panic!("{code} has no row in this file"));
        let row =
            format!("| `{code}` | {status} | {} | {} | {remedy} |\n", fault(code.fault()), code.sentence());
        table.push_str(&row);
    }
    committed("docs/errors.md", &table);
}
