//! Requests for tokens, and for how a registry authenticates, as the flow leads them.

use std::sync::Arc;

use dockpass_protocol::challenge::BearerChallenge;
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::credential::Credential;
use dockpass_protocol::flow::{
    FlowError, Hop, HttpRequest, RegistryAuth, ResourceFlow, ResourceRequest, ResourceStep, ResponseHead,
    TokenFlow, TokenGrant, TokenOptions, TokenStep,
};
use dockpass_protocol::realm::Realm;
use dockpass_protocol::scope::{Endpoint, Scope, ScopeSet};
use dockpass_protocol::uri;

use super::Identity;
use super::cache::{CachedToken, Caps, Entry, KeptResponse, is_clear};
use crate::clock::Clock;
use crate::recorder::Recorder;
use crate::registry::{CatalogAccount, Registry};
use crate::session::Sessions;
use crate::upstream;

/// One request for a token, with all that it needs.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) registry: Arc<Registry>,
    pub(super) identity: Identity,
    pub(super) realm: Realm,
    pub(super) service: Option<String>,
    pub(super) scopes: ScopeSet,
    pub(super) sessions: Arc<Sessions>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) caps: Caps,
    pub(super) recorder: Recorder,
}

impl Flight {
    /// Requests the token. A denial is a result that is cached as well; what may succeed later is an error.
    pub(super) async fn run(self) -> Result<Entry, FlowError> {
        let (credential, session, turn) = match &self.identity {
            Identity::Anonymous => (Credential::Anonymous, None, None),
            Identity::CatalogAccount(account) => {
                let CatalogAccount { username, password } = &**account;
                let (username, password) = (username.clone(), password.clone());
                (Credential::Password { username, password }, None, None)
            }
            Identity::Session(sealed, _) => {
                let opened = self.sessions.open_in_turn(sealed).await;
                let (info, credential, turn) =
                    opened.map_err(|error| FlowError::new(error.code(), Hop::KeyServer))?;
                (credential, Some((sealed, info)), turn)
            }
        };
        let session_end_ms = session.as_ref().map(|(_, info)| info.expires_at_ms());
        let options = TokenOptions { credentials_first: !credential.is_anonymous(), refresh_token: false };
        let flow = TokenFlow::new(self.realm, self.service, self.scopes, credential, options)
            .with_policy(self.registry.policy().clone());
        let result = drive(flow, &self.registry, &*self.clock, &self.recorder).await;
        let now_ms = self.clock.now_ms();
        let result = match result {
            Ok(mut grant) => {
                if let (Some((sealed, info)), Some(token)) = (&session, grant.refresh_token.take()) {
                    // A failure here costs a login later; the token is good.
                    let replaced = self.sessions.replace_refresh_token(sealed, info, token).await;
                    if let Err(error) = replaced {
                        tracing::error!(%error, "a new refresh token could not be sealed");
                    }
                }
                Ok(grant)
            }
            Err(error) => Err(error),
        };
        if let Some(turn) = turn {
            self.sessions.end_turn(turn).await;
        }
        match result {
            Ok(grant) => {
                let denies = !grant.denied.is_empty();
                let keep_until_ms =
                    self.caps.keep_until_ms(now_ms, grant.expires_at_ms, session_end_ms, denies);
                Ok(Entry::Token(Arc::new(CachedToken {
                    token: grant.token,
                    expires_at_ms: self.caps.believed(now_ms, grant.expires_at_ms),
                    is_jwt: grant.is_jwt,
                    granted: grant.granted.to_strings(),
                    denied: grant.denied.to_strings(),
                    unknown: grant.unknown.to_strings(),
                    obtained_at_ms: now_ms,
                    keep_until_ms,
                    response: KeptResponse::default(),
                })))
            }
            Err(error) if is_clear(&error) => Ok(Entry::Refused {
                error,
                obtained_at_ms: now_ms,
                keep_until_ms: self.caps.refusal_until_ms(now_ms),
            }),
            Err(error) => Err(error),
        }
    }
}

async fn drive(
    mut flow: TokenFlow,
    registry: &Registry,
    clock: &dyn Clock,
    recorder: &Recorder,
) -> Result<TokenGrant, FlowError> {
    loop {
        recorder.steps(flow.take_records());
        recorder.unusable(flow.take_unusable());
        let request = match flow.step() {
            TokenStep::Send(request) => request,
            TokenStep::Done(grant) => return Ok(grant),
            TokenStep::Fail(error) => return Err(error),
        };
        upstream::send(registry, &request, |response| match response {
            Ok((head, body)) => flow.response(head, body, clock.now_ms()),
            Err(error) => flow.transport_failed(error),
        })
        .await;
    }
}

/// Asks a registry itself how it authenticates, without authorization: at `/v2/`, and where that is open to everyone, at
/// the resource that a token is wanted for. Remembered for ten minutes.
pub(super) async fn discover(
    registry: &Registry,
    scopes: &ScopeSet,
    clock: &dyn Clock,
    recorder: &Recorder,
) -> Result<RegistryAuth, FlowError> {
    let known = match ask(registry, BASE, recorder).await? {
        Some(known @ (RegistryAuth::Bearer { .. } | RegistryAuth::Basic)) => known,
        open => {
            let resource = scopes.iter().find_map(resource_of);
            let of_resource = match &resource {
                Some(path) => ask(registry, path, recorder).await?,
                None => None,
            };
            of_resource
                .filter(|auth| *auth != RegistryAuth::Open)
                .or(open)
                .ok_or(FlowError::new(ErrorCode::NotARegistry, Hop::Registry))?
        }
    };
    registry.learn_auth(known.clone(), clock.now_ms());
    Ok(known)
}

const BASE: &str = "/v2/";

/// Where a registry challenges for this scope.
fn resource_of(scope: &Scope) -> Option<String> {
    let path = match (scope.resource_type.as_str(), scope.name.as_str()) {
        ("repository", name) => format!("/v2/{name}/tags/list"),
        ("registry", "catalog") => "/v2/_catalog".to_owned(),
        _ => return None,
    };
    Endpoint::parse("GET", &path).is_ok().then(|| format!("{path}?n=1"))
}

/// How a registry authenticates requests to this path; `None` where the answer says nothing of it.
async fn ask(
    registry: &Registry,
    path: &str,
    recorder: &Recorder,
) -> Result<Option<RegistryAuth>, FlowError> {
    let request =
        ResourceRequest { method: "GET".to_owned(), path: path.to_owned(), scopes: ScopeSet::new() };
    let mut flow = ResourceFlow::new(request, None, false).with_policy(registry.policy().clone());
    let mut target = path.to_owned();
    let mut status = None;
    let result = loop {
        recorder.steps(flow.take_records());
        let authorization = match flow.step() {
            ResourceStep::Send(authorization) => authorization,
            // Only the challenge is needed.
            ResourceStep::NeedToken(need) => {
                let BearerChallenge { realm, service, .. } = need.challenge;
                break Ok(Some(RegistryAuth::Bearer { realm, service }));
            }
            // A registry that fails says nothing of how it authenticates.
            ResourceStep::Done(_) if path == BASE && matches!(status, Some(500..=599)) => {
                break Err(FlowError { status, ..FlowError::new(ErrorCode::UpstreamFailed, Hop::Registry) });
            }
            ResourceStep::Done(_) if path == BASE && matches!(status, Some(300..=399)) => {
                break Err(FlowError {
                    status,
                    ..FlowError::new(ErrorCode::UpstreamRedirect, Hop::Registry)
                });
            }
            ResourceStep::Done(outcome) => break Ok(outcome.auth),
            // Basic without a session: that it is Basic is what was wanted. A 403 has the same code and says nothing of it.
            ResourceStep::Fail(error)
                if error.code == ErrorCode::LoginRequired && error.status == Some(401) =>
            {
                break Ok(Some(RegistryAuth::Basic));
            }
            ResourceStep::Fail(error) => break Err(error),
            // Nobody has no credentials to confirm.
            ResourceStep::Confirm(_) => break Err(FlowError::new(ErrorCode::Internal, Hop::KeyServer)),
        };
        let mut request = HttpRequest { method: "GET", target, authorization, form: None };
        let mut spelling = None;
        upstream::send(registry, &request, |response| match response {
            Ok((head, _body)) => {
                spelling = other_spelling(registry, path, head);
                if spelling.is_none() {
                    status = Some(head.status);
                    flow.response(head);
                }
            }
            Err(error) => flow.transport_failed(error),
        })
        .await;
        if let Some(spelling) = spelling {
            request.target = spelling;
            upstream::send(registry, &request, |response| match response {
                Ok((head, _body)) => {
                    status = Some(head.status);
                    flow.response(head);
                }
                Err(error) => flow.transport_failed(error),
            })
            .await;
        }
        target = request.target;
    };
    recorder.steps(flow.take_records());
    result
}

/// `/v2`, where that is what a registry's answer to `/v2/` redirects to on its own origin.
fn other_spelling(registry: &Registry, path: &str, head: &ResponseHead<'_>) -> Option<String> {
    let location = head.location.filter(|_| path == BASE && matches!(head.status, 300..=399))?;
    let to = uri::resolve(location, registry.origin(), path)?;
    (to.origin == *registry.origin() && to.path_and_query == "/v2").then_some(to.path_and_query)
}
