//! Login: credentials are checked at the registry, then sealed.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::credential::Credential;
use dockpass_protocol::flow::{FlowError, Hop, LoginFlow, LoginProof, LoginStep, ProbeCredential};
use secrecy::SecretString;

use crate::clock::{Clock, Randomness, hex};
use crate::recorder::Recorder;
use crate::registry::Registry;
use crate::upstream;

/// Checks these credentials at this registry, never from a cache. The steps go to `recorder`; a failure is logged with
/// its diagnosis.
pub(crate) async fn prove(
    registry: &Arc<Registry>,
    credential: Credential,
    clock: &dyn Clock,
    random: &dyn Randomness,
    recorder: &Recorder,
) -> Result<LoginProof, FlowError> {
    let Some(probe) = probe(random) else {
        tracing::error!("the random number generator failed; the control probe of a login was not sent");
        return Err(FlowError::new(ErrorCode::Internal, Hop::KeyServer));
    };
    let mut flow = LoginFlow::new(registry.policy().clone(), credential, probe);
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
        recorder.steps(flow.take_records());
    };
    recorder.steps(flow.take_records());
    recorder.unusable(flow.take_unusable());
    recorder.log_diagnosis();
    result
}

/// Random credentials that no account has.
fn probe(random: &dyn Randomness) -> Option<ProbeCredential> {
    let mut bytes = [0_u8; 30];
    random.fill(&mut bytes).ok()?;
    let (name, secret) = bytes.split_at(12);
    // Lower-case hex only: some token services respond with 400 to user names that they would not issue.
    let name = hex(name);
    Some(ProbeCredential {
        username: format!("dockpass-probe-{name}"),
        password: SecretString::from(URL_SAFE_NO_PAD.encode(secret)),
    })
}
