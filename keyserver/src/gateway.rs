//! The gateway relays registry requests that browsers cannot send because of CORS.
//!
//! `/r/{registry}/v2/…` is relayed to that registry. The page runs the authorization flow and sends registry tokens;
//! where it cannot (Basic at the registry, plain links), it sends its session, and the gateway runs the same flow. A
//! session is never sent to a registry, and registry content never runs on this origin.

mod actor;
mod body;
mod catalog;
mod headers;
mod redirect;
mod target;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dockpass_protocol::api::{GATEWAY, ReportedChallenge};
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::doctor::{self, TokenSummary};
use dockpass_protocol::flow::{
    Authorization, FlowError, Hop, ResourceFlow, ResourceRequest, ResourceStep, StepRecord,
};
use dockpass_protocol::jwt::inspect;
use http::{HeaderMap, Method, Response};
use http_body_util::{Either, Full};
use secrecy::{ExposeSecret, SecretString};

use crate::broker::{Broker, BrokerRequest, Token};
use crate::clock::Clock;
use crate::config::Settings;
use crate::http_client::{self, StreamedBody, UpstreamBody};
use crate::recorder::Recorder;
use crate::registry::Registry;
use crate::session::{SealedText, SessionInfo, Sessions};
use crate::upstream;
use actor::Actor;
pub(crate) use body::IdleBody;
pub(crate) use catalog::has_account;
pub(crate) use headers::{exposed_headers, is_loop, request_headers};
pub(crate) use target::Target;

/// The caller of a relayed request.
#[derive(Debug)]
pub(crate) enum Caller {
    /// Neither session nor token.
    Anonymous,
    /// A registry token, relayed unchanged.
    Token(SecretString),
    /// The gateway acts for this session.
    Session(SealedText, Arc<SessionInfo>),
}

/// A request to be relayed.
#[derive(Debug)]
pub(crate) struct Relay<'a> {
    pub(crate) registry: Arc<Registry>,
    pub(crate) method: Method,
    pub(crate) target: Target<'a>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: Option<UpstreamBody>,
    /// Whether the body has no content, and can be sent again.
    pub(crate) is_empty: bool,
    pub(crate) caller: Caller,
}

impl Relay<'_> {
    /// Whether the body was sent, and cannot be sent again.
    fn is_spent(&self) -> bool {
        let needs_body = !self.method.is_safe() && self.method != Method::DELETE;
        needs_body && self.body.is_none() && !self.is_empty
    }
}

/// How long a client is to wait before it sends a body again, in milliseconds.
const AGAIN_MS: u64 = 1_000;

/// The response to relay: with a limit on the time without progress of its body, or with one that was read and changed.
pub(crate) type RelayedResponse = Response<Either<IdleBody<StreamedBody>, Full<Bytes>>>;

/// A response that must not be handed on.
#[derive(Clone, Debug)]
struct Refusal {
    code: ErrorCode,
    /// The status of the response.
    status: Option<u16>,
    /// Where it points, for whoever has to look into it.
    place: Option<String>,
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self { code, status: None, place: None }
    }
}

/// Relays requests to registries.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    broker: Broker,
    sessions: Arc<Sessions>,
    clock: Arc<dyn Clock>,
    read_only: bool,
    idle: Duration,
    /// The path of the gateway, as clients know it.
    path: String,
}

impl Gateway {
    pub(crate) fn new(
        settings: &Settings,
        broker: Broker,
        sessions: Arc<Sessions>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            broker,
            sessions,
            clock,
            read_only: settings.gateway.read_only,
            idle: settings.limits.idle_timeout,
            path: format!("{}{GATEWAY}", settings.base_path().as_str()),
        }
    }

    /// The methods that are relayed, at some path.
    pub(crate) fn methods(&self) -> &'static str {
        if self.read_only { "GET, HEAD" } else { "GET, HEAD, POST, PUT, PATCH, DELETE" }
    }

    /// Whether this method is relayed at all.
    pub(crate) fn admits(&self, method: &Method) -> bool {
        let reads = method == Method::GET || method == Method::HEAD;
        let writes = [Method::PUT, Method::POST, Method::PATCH, Method::DELETE].contains(method);
        reads || (writes && !self.read_only)
    }

    /// Relays a request and prepares the response for the page. A failure is logged with its diagnosis, and `recorder` has
    /// the steps to it.
    pub(crate) async fn relay(
        &self,
        mut relay: Relay<'_>,
        recorder: &Recorder,
    ) -> Result<RelayedResponse, FlowError> {
        recorder.registry(relay.registry.name());
        let (method, target) = (relay.method.clone(), relay.target);
        let failed = |Refusal { code, status, place }: Refusal| {
            let error = FlowError { status, ..FlowError::new(code, Hop::Registry) };
            recorder.steps(vec![StepRecord::of_failure(
                error,
                method.as_str(),
                &target.to_string(),
                place.as_deref(),
            )]);
            recorder.log_diagnosis();
            error
        };
        let unsent = |error: FlowError| failed(error.code.into());
        let response = match std::mem::replace(&mut relay.caller, Caller::Anonymous) {
            Caller::Anonymous => self.send(&mut relay, &Authorization::None).await.map_err(unsent)?,
            Caller::Token(token) => {
                self.send(&mut relay, &Authorization::Bearer(token)).await.map_err(unsent)?
            }
            // Boxed, as below: the future of every request would have room for the rarest one.
            Caller::Session(sealed, info) => {
                if let Some(account) = catalog::account(&relay, &info) {
                    let page = catalog::Page { gateway: self, recorder, sealed: &sealed, info: &info };
                    if let Some(response) = Box::pin(page.listed_by(account, &mut relay)).await? {
                        return Ok(response);
                    }
                }
                let actor = Actor::Session(sealed, info);
                Box::pin(self.run_flow(&mut relay, actor, recorder)).await?
            }
        };
        // After a redirect away from the registry, the response is its storage's: no header of it is the registry's.
        let Received { response, path } = response;
        let (response, own) = if redirect::is_one(response.status()) {
            let now_ms = self.clock.now_ms();
            let followed =
                redirect::follow(&relay.registry, &relay.method, relay.headers, path, response, now_ms);
            (Box::pin(followed).await.map_err(failed)?, None)
        } else {
            (response, Some((&*relay.registry, path)))
        };
        let (mut head, body) = response.into_parts();
        let own = own.as_ref().map(|(registry, path)| (*registry, &**path));
        let status = Some(head.status.as_u16());
        head.headers = headers::downstream(own, &self.path, &relay.target, head.status, &head.headers)
            .map_err(|refusal| failed(Refusal { status: refusal.status.or(status), ..refusal }))?;
        head.extensions = http::Extensions::new();
        Ok(Response::from_parts(head, Either::Left(IdleBody::new(body, self.idle))))
    }

    /// The flow that the page would run, with the session's token or credentials.
    async fn run_flow(
        &self,
        relay: &mut Relay<'_>,
        actor: Actor,
        recorder: &Recorder,
    ) -> Result<Received, FlowError> {
        let scopes = relay.target.scopes(relay.method.as_str());
        let scopes = scopes
            .and_then(|scopes| relay.registry.admit_scopes(&scopes).map(|()| scopes))
            .map_err(|code| FlowError::new(code, Hop::KeyServer))?;
        let request =
            ResourceRequest { method: relay.method.to_string(), path: relay.target.to_string(), scopes };
        let auth = actor.auth(&relay.registry, self.clock.now_ms());
        let mut flow = ResourceFlow::new(request, auth, true).with_policy(relay.registry.policy().clone());
        let registry = Arc::clone(&relay.registry);
        let mut seen = Evidence::default();
        let mut last = None;
        let result = loop {
            recorder.steps(flow.take_records());
            match flow.step() {
                ResourceStep::Send(authorization) => {
                    // Its place is given back before another one is taken.
                    drop(last.take());
                    let authorization = match authorization {
                        Authorization::FromSession => self.basic(&actor).await,
                        other => Ok(other),
                    };
                    let response = match authorization {
                        // The token that was fetched for a second attempt says that there is no permission.
                        Ok(_) if relay.is_spent() && seen.is_denied() => {
                            Err(FlowError::new(ErrorCode::ScopeDenied, Hop::Registry))
                        }
                        Ok(authorization) => self.send(relay, &authorization).await,
                        Err(error) => Err(error),
                    };
                    match response {
                        Ok(received) => {
                            let Received { response, .. } = &received;
                            upstream::with_head(response.status(), response.headers(), |head| {
                                seen.skew_ms = head.skew_ms(self.clock.now_ms());
                                flow.response(head);
                            });
                            last = Some(received);
                        }
                        Err(error) => flow.failed(error),
                    }
                }
                ResourceStep::Confirm(_) => match self.confirm(&registry, &actor).await {
                    Ok(response) => {
                        upstream::with_head(response.status(), response.headers(), |head| {
                            flow.confirmed(head);
                        });
                    }
                    Err(error) => flow.failed(error),
                },
                ResourceStep::NeedToken(need) => {
                    seen.service.clone_from(&need.challenge.service);
                    let request = BrokerRequest {
                        registry: Arc::clone(&relay.registry),
                        identity: actor.identity(),
                        scopes: need.scopes,
                        seen: Some(ReportedChallenge {
                            realm: need.challenge.realm,
                            service: need.challenge.service,
                        }),
                        fresh: need.fresh,
                        // What streams is sent once: a token that may be refused is no risk to take.
                        doubtful_will_not_do: relay.body.is_some() && !relay.is_empty,
                    };
                    match self.broker.token(request, recorder).await {
                        Ok(token) => {
                            flow.token(Ok(token.secret().clone()));
                            seen.token = Some(token);
                        }
                        Err(error) => flow.token(Err(error)),
                    }
                }
                ResourceStep::Done(outcome) => {
                    if let Some(auth) = outcome.auth {
                        relay.registry.learn_auth(auth, self.clock.now_ms());
                    }
                    break last.take().ok_or_else(|| FlowError::new(ErrorCode::Internal, Hop::KeyServer));
                }
                ResourceStep::Fail(error) => break Err(error),
            }
        };
        if let Err(error) = &result {
            // What the token service's response tells was noted when it was read.
            if error.hop != Hop::TokenService {
                recorder.context(seen.context(self.clock.now_ms()));
            }
            recorder.log_diagnosis();
        }
        result
    }

    /// Sends the request to the registry, and follows redirects within its own origin. A response that redirects
    /// elsewhere is returned unchanged.
    async fn send(
        &self,
        relay: &mut Relay<'_>,
        authorization: &Authorization,
    ) -> Result<Received, FlowError> {
        let failed = |code: ErrorCode| FlowError::new(code, Hop::Registry);
        let mut body = match relay.body.take() {
            Some(body) => body,
            None if relay.method.is_safe() || relay.method == Method::DELETE => http_client::empty(),
            None if relay.is_empty => http_client::empty(),
            // The body was consumed: a stream is not kept for a second attempt. The next request has the fresh token.
            None => {
                return Err(FlowError { retry_after_ms: Some(AGAIN_MS), ..failed(ErrorCode::BodySpent) });
            }
        };
        let authorization = match (upstream::authorization(authorization), authorization) {
            (None, Authorization::None) => None,
            // The token contains characters that a header cannot.
            (None, _) => return Err(failed(ErrorCode::InvalidRequest)),
            (value, _) => value,
        };
        let mut path = relay.target.to_string();
        for _ in 0..=redirect::MAX_HOPS {
            let mut request = http::Request::builder()
                .method(&relay.method)
                .uri(format!("{}{path}", relay.registry.origin()))
                .body(std::mem::replace(&mut body, http_client::empty()))
                .map_err(|_| failed(ErrorCode::InvalidPath))?;
            *request.headers_mut() = headers::upstream(relay.headers);
            if let Some(value) = &authorization {
                request.headers_mut().insert(http::header::AUTHORIZATION, value.clone());
            }
            let response = relay.registry.client().stream(request).await;
            let response = response.map_err(|error| failed(error.code()))?;
            match redirect::within(&relay.registry, &relay.method, &path, &response) {
                Some(next) => path = next,
                None => return Ok(Received { response, path }),
            }
        }
        Err(failed(ErrorCode::UpstreamRedirect))
    }
}

/// A response of the registry.
#[derive(Debug)]
struct Received {
    response: Response<StreamedBody>,
    /// The path that it is for, with its query. Another one than that of the request, after a redirect within the
    /// registry.
    path: String,
}

/// What a flow saw beyond its steps, for the doctor.
#[derive(Debug, Default)]
struct Evidence {
    token: Option<Token>,
    service: Option<String>,
    skew_ms: i64,
}

impl Evidence {
    /// Whether the last token says that it does not grant what was requested.
    fn is_denied(&self) -> bool {
        self.token.as_ref().is_some_and(Token::denies)
    }

    /// The same for the doctor.
    fn context(&self, now_ms: i64) -> doctor::Context {
        let token = self.token.as_ref().map(|token| inspect(token.secret().expose_secret()));
        doctor::Context {
            token: token.as_ref().map(TokenSummary::from),
            service: self.service.clone(),
            now_ms: Some(now_ms),
            skew_ms: Some(self.skew_ms),
            ..doctor::Context::default()
        }
    }
}
