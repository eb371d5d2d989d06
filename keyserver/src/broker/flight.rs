//! Requests for tokens, and for how a registry authenticates, as the flow leads them.

use std::sync::Arc;

use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::credential::Credential;
use dockpass_protocol::flow::{
    FlowError, Hop, RegistryAuth, ResourceFlow, ResourceRequest, ResourceStep, TokenFlow, TokenGrant,
    TokenOptions, TokenStep,
};
use dockpass_protocol::realm::Realm;
use dockpass_protocol::scope::ScopeSet;

use super::Identity;
use super::cache::{CachedToken, Caps, Entry};
use crate::clock::Clock;
use crate::recorder::Recorder;
use crate::registry::Registry;
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
        let (credential, session_end_ms) = match &self.identity {
            Identity::Anonymous => (Credential::Anonymous, None),
            Identity::Session(sealed, _) => {
                let (info, credential) = self
                    .sessions
                    .open(sealed)
                    .await
                    .map_err(|error| FlowError::new(error.code(), Hop::KeyServer))?;
                (credential, Some(info.expires_at_ms()))
            }
        };
        let options = TokenOptions { credentials_first: !credential.is_anonymous(), refresh_token: false };
        let flow = TokenFlow::new(self.realm, self.service, self.scopes, credential, options)
            .with_policy(self.registry.policy().clone());
        let result = drive(flow, &self.registry, &*self.clock, &self.recorder).await;
        let now_ms = self.clock.now_ms();
        match result {
            Ok(grant) => {
                let denies = !grant.denied.is_empty();
                let keep_until_ms =
                    self.caps.keep_until_ms(now_ms, grant.expires_at_ms, session_end_ms, denies);
                Ok(Entry::Token(Arc::new(CachedToken {
                    token: grant.token,
                    expires_at_ms: grant.expires_at_ms,
                    is_jwt: grant.is_jwt,
                    granted: grant.granted.to_strings(),
                    denied: grant.denied.to_strings(),
                    unknown: grant.unknown.to_strings(),
                    obtained_at_ms: now_ms,
                    keep_until_ms,
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

/// Whether the token service refused these credentials, as opposed to failing.
fn is_clear(error: &FlowError) -> bool {
    matches!(error.code, ErrorCode::BadCredentials | ErrorCode::ScopeDenied | ErrorCode::LoginRequired)
        && matches!(error.status, Some(401 | 403))
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

/// Finds out how a registry authenticates: `GET /v2/` without authorization. Remembered for ten minutes.
pub(super) async fn discover(
    registry: &Registry,
    clock: &dyn Clock,
    recorder: &Recorder,
) -> Result<RegistryAuth, FlowError> {
    let request =
        ResourceRequest { method: "GET".to_owned(), path: "/v2/".to_owned(), scopes: ScopeSet::new() };
    let mut flow = ResourceFlow::new(request, None, false).with_policy(registry.policy().clone());
    let mut status = None;
    let known = loop {
        recorder.steps(flow.take_records());
        let authorization = match flow.step() {
            ResourceStep::Send(authorization) => authorization,
            // Only the challenge is needed.
            ResourceStep::NeedToken(need) => {
                break RegistryAuth::Bearer { realm: need.challenge.realm, service: need.challenge.service };
            }
            // A failing registry does not show how it authenticates; it must not be remembered as open.
            ResourceStep::Done(_) if matches!(status, Some(500..=599)) => {
                return Err(FlowError { status, ..FlowError::new(ErrorCode::UpstreamFailed, Hop::Registry) });
            }
            ResourceStep::Done(outcome) => break outcome.auth,
            // Basic without a session: the scheme is known, which is enough. A 403 has the same code and shows no
            // scheme.
            ResourceStep::Fail(error)
                if error.code == ErrorCode::LoginRequired && error.status == Some(401) =>
            {
                break RegistryAuth::Basic;
            }
            ResourceStep::Fail(error) => return Err(error),
        };
        let request = dockpass_protocol::flow::HttpRequest {
            method: "GET",
            target: "/v2/".to_owned(),
            authorization,
            form: None,
        };
        upstream::send(registry, &request, |response| match response {
            Ok((head, _body)) => {
                status = Some(head.status);
                flow.response(head);
            }
            Err(error) => flow.transport_failed(error),
        })
        .await;
    };
    recorder.steps(flow.take_records());
    registry.learn_auth(known.clone(), clock.now_ms());
    Ok(known)
}
