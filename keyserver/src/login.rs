//! Login: the credentials are proven at the registry, then sealed.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::credential::Credential;
use dockpass_protocol::doctor::Context;
use dockpass_protocol::flow::{
    FlowError, Hop, LoginFlow, LoginProof, LoginStep, ProbeCredential, StepRecord,
};
use secrecy::SecretString;

use crate::clock::{Clock, Randomness, hex};
use crate::registry::Registry;
use crate::upstream;

/// How a login went, and by which steps.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) result: Result<LoginProof, FlowError>,
    pub(crate) steps: Vec<StepRecord>,
}

/// Proves these credentials at this registry. Never answered from a cache.
pub(crate) async fn prove(
    registry: &Arc<Registry>,
    credential: Credential,
    clock: &dyn Clock,
    random: &dyn Randomness,
) -> Outcome {
    let Some(probe) = probe(random) else {
        tracing::error!("there is no randomness for the control probe of a login");
        return Outcome {
            result: Err(FlowError::new(ErrorCode::Internal, Hop::KeyServer)),
            steps: Vec::new(),
        };
    };
    let mut flow = LoginFlow::new(registry.policy().clone(), credential, probe);
    let mut steps = Vec::new();
    let result = loop {
        let request = match flow.step() {
            LoginStep::SendToRegistry(request) | LoginStep::SendToTokenService(request) => request,
            LoginStep::Done(proof) => break Ok(*proof),
            LoginStep::Fail(error) => break Err(error),
        };
        upstream::send(registry, &request, |response| match response {
            Ok((head, body)) => flow.response(head, body, clock.now_ms()),
            Err(error) => flow.transport_failed(error),
        })
        .await;
        steps.append(&mut flow.take_records());
    };
    steps.append(&mut flow.take_records());
    upstream::log_steps(&steps);
    upstream::log_diagnosis(&steps, &Context::of(flow.take_unusable().as_deref()));
    Outcome { result, steps }
}

/// Credentials that nobody has.
fn probe(random: &dyn Randomness) -> Option<ProbeCredential> {
    let mut bytes = [0_u8; 30];
    random.fill(&mut bytes).ok()?;
    let (name, secret) = bytes.split_at(12);
    // Lower-case hex only: some services answer 400 to a user name that they would never give out.
    let name = hex(name);
    Some(ProbeCredential {
        username: format!("dockpass-probe-{name}"),
        password: SecretString::from(URL_SAFE_NO_PAD.encode(secret)),
    })
}
