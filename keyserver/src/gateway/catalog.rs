//! The catalog for users whose own account may not list it: listed by an account of the key server, without the
//! repositories that the user may not pull.
//!
//! A name is shown only if the user's token service grants the user `pull` on it. Where that cannot be found out, because
//! tokens are opaque, the account is not used, and the user gets what the registry shows to the user (threat SCP-14).

use std::sync::Arc;

use bytes::Bytes;
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::flow::{FlowError, Hop, RegistryAuth};
use dockpass_protocol::scope::{Endpoint, Grant, Scope, ScopeSet};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, ETAG, LAST_MODIFIED};
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full, Limited};
use serde::{Deserialize, Serialize};

use super::{Actor, Gateway, Received, Relay, RelayedResponse, Target, headers};
use crate::broker::{BrokerRequest, Identity};
use crate::recorder::Recorder;
use crate::registry::{CatalogAccount, Registry};
use crate::session::{SealedText, SessionInfo};

/// Scopes of one token request: token services read them from the URL, whose length servers limit.
const BATCH: usize = 25;
/// The largest page of a catalog, in bytes.
const MAX_PAGE: usize = 1_048_576;

/// Whether an account of the key server may list what this request is for.
pub(crate) fn has_account(registry: &Registry, method: &Method, target: &Target<'_>) -> bool {
    registry.catalog_account().is_some()
        && method == Method::GET
        && matches!(target.endpoint(), Endpoint::Catalog)
}

/// The account that lists the catalog for this request, if it is a request for the catalog of a registry with tokens.
pub(super) fn account(relay: &Relay<'_>, info: &SessionInfo) -> Option<Arc<CatalogAccount>> {
    let has_tokens = matches!(info.auth, RegistryAuth::Bearer { .. });
    let is_listed = has_tokens && has_account(&relay.registry, &relay.method, &relay.target);
    relay.registry.catalog_account().filter(|_| is_listed).cloned()
}

/// A page of the catalog. Unknown fields are dropped: they are the account's.
#[derive(Deserialize, Serialize)]
struct Names {
    repositories: Option<Vec<String>>,
}

/// A request for a page, on behalf of a session.
#[derive(Debug)]
pub(super) struct Page<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) recorder: &'a Recorder,
    pub(super) sealed: &'a SealedText,
    pub(super) info: &'a Arc<SessionInfo>,
}

impl Page<'_> {
    /// The page as this account lists it, without what the user may not pull. It may have fewer names than were asked for.
    /// `None` where it cannot be told what the user may pull.
    ///
    /// # Errors
    /// What went wrong at the registry or at the token service, for the account or for the user.
    pub(super) async fn listed_by(
        &self,
        account: Arc<CatalogAccount>,
        relay: &mut Relay<'_>,
    ) -> Result<Option<RelayedResponse>, FlowError> {
        let invalid = || FlowError::new(ErrorCode::UpstreamInvalid, Hop::Registry);
        let actor = Actor::CatalogAccount(account);
        let Received { response, path } = match self.gateway.run_flow(relay, actor, self.recorder).await {
            Ok(received) if received.response.status() == StatusCode::OK => received,
            result => {
                // The operator's matter. The user gets what the registry shows to the user.
                let status = result.as_ref().map(|received| received.response.status().as_u16()).ok();
                let code = result.as_ref().err().map(|error| error.code.as_str());
                tracing::warn!(
                    registry = relay.registry.name(),
                    status,
                    code,
                    "the catalog account cannot list the catalog"
                );
                return Ok(None);
            }
        };
        let (mut head, body) = response.into_parts();
        if head.headers.contains_key(CONTENT_ENCODING) {
            return Err(invalid());
        }
        let body = Limited::new(body, MAX_PAGE).collect().await.map_err(|_| invalid())?.to_bytes();
        let names: Names = serde_json::from_slice(&body).map_err(|_| invalid())?;
        let Some(repositories) =
            self.pullable(&relay.registry, names.repositories.unwrap_or_default()).await?
        else {
            return Ok(None);
        };
        let own = Some((&*relay.registry, &*path));
        head.headers =
            headers::downstream(own, &self.gateway.path, &relay.target, head.status, &head.headers)
                .map_err(|refusal| FlowError::new(refusal.code, Hop::Registry))?;
        for name in [CONTENT_LENGTH, ETAG, LAST_MODIFIED] {
            head.headers.remove(name);
        }
        head.extensions = http::Extensions::new();
        let body = serde_json::to_vec(&Names { repositories: Some(repositories) }).map_err(|_| invalid())?;
        Ok(Some(Response::from_parts(head, Either::Right(Full::new(Bytes::from(body))))))
    }

    /// Those of these repositories that the user may pull, in their order; `None` where a token does not say.
    async fn pullable(
        &self,
        registry: &Arc<Registry>,
        names: Vec<String>,
    ) -> Result<Option<Vec<String>>, FlowError> {
        let scoped = names.into_iter().filter_map(|name| {
            let scope: Scope = format!("repository:{name}:pull").parse().ok()?;
            let set: ScopeSet = std::iter::once(scope.clone()).collect();
            registry.admit_scopes(&set).ok()?;
            Some((name, scope))
        });
        let scoped: Vec<(String, Scope)> = scoped.collect();
        let mut shown = Vec::new();
        // Batches from the last one on, so that the first one is on top.
        let mut batches: Vec<&[(String, Scope)]> = scoped.chunks(BATCH).rev().collect();
        while let Some(batch) = batches.pop() {
            let request = BrokerRequest {
                registry: Arc::clone(registry),
                identity: Identity::Session(self.sealed.clone(), Arc::clone(self.info)),
                scopes: batch.iter().map(|(_, scope)| scope.clone()).collect(),
                seen: None,
                fresh: false,
                doubtful_will_not_do: false,
            };
            match self.gateway.broker.token(request, self.recorder).await {
                Ok(token) => {
                    for (name, scope) in batch {
                        match token.grant(scope) {
                            Grant::Granted => shown.push(name.clone()),
                            Grant::Denied => {}
                            Grant::Unknown => return Ok(None),
                        }
                    }
                }
                // Some token services refuse all scopes because of one of them.
                Err(error) if error.code == ErrorCode::ScopeDenied => {
                    if batch.len() > 1 {
                        let (first, rest) = batch.split_at(batch.len() / 2);
                        batches.extend([rest, first]);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Some(shown))
    }
}
