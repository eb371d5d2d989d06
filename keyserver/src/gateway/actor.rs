//! Who the gateway runs a flow for, and the passwords that it sends for them.

use std::sync::Arc;

use bytes::Bytes;
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::credential::Credential;
use dockpass_protocol::flow::{Authorization, FlowError, Hop, RegistryAuth};
use http::Response;

use super::Gateway;
use crate::broker::Identity;
use crate::http_client;
use crate::registry::{CatalogAccount, Registry};
use crate::session::{SealedText, SessionInfo};
use crate::upstream;

/// Who the gateway runs a flow for.
#[derive(Debug)]
pub(super) enum Actor {
    /// The user of this session.
    Session(SealedText, Arc<SessionInfo>),
    /// The key server itself, to list the catalog.
    CatalogAccount(Arc<CatalogAccount>),
}

impl Actor {
    /// How the registry authenticates, as far as is known.
    pub(super) fn auth(&self, registry: &Registry, now_ms: i64) -> Option<RegistryAuth> {
        match self {
            Self::Session(_, info) => Some(info.auth.clone()),
            Self::CatalogAccount(_) => registry.known_auth(now_ms),
        }
    }

    /// Who tokens are requested for.
    pub(super) fn identity(&self) -> Identity {
        match self {
            Self::Session(sealed, info) => Identity::Session(sealed.clone(), Arc::clone(info)),
            Self::CatalogAccount(account) => Identity::CatalogAccount(Arc::clone(account)),
        }
    }
}

impl Gateway {
    /// The registry's answer to the session's password alone.
    pub(super) async fn confirm(
        &self,
        registry: &Registry,
        actor: &Actor,
    ) -> Result<Response<Bytes>, FlowError> {
        let authorization = self.basic(actor).await?;
        let failed = |code: ErrorCode| FlowError::new(code, Hop::Registry);
        let value = upstream::authorization(&authorization).ok_or(failed(ErrorCode::InvalidRequest))?;
        let request = http::Request::get(format!("{}/v2/", registry.origin()))
            .header(http::header::AUTHORIZATION, value)
            .body(http_client::empty())
            .map_err(|_| failed(ErrorCode::InvalidPath))?;
        registry.client().exchange(request).await.map_err(|error| failed(error.code()))
    }

    /// The session's password, for the registry itself.
    pub(super) async fn basic(&self, actor: &Actor) -> Result<Authorization, FlowError> {
        // What a registry without tokens grants a user cannot be found out, so that the account is not used there.
        let Actor::Session(sealed, _) = actor else {
            return Err(FlowError::new(ErrorCode::BasicOnly, Hop::Registry));
        };
        match self.sessions.open(sealed).await {
            Ok((_, Credential::Password { username, password })) => {
                Ok(Authorization::Basic { username, password })
            }
            // A refresh token is sent to the token service only.
            Ok(_) => Err(FlowError::new(ErrorCode::LoginRequired, Hop::KeyServer)),
            Err(error) => Err(FlowError::new(error.code(), Hop::KeyServer)),
        }
    }
}
