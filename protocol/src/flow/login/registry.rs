//! What the registry's responses to `GET /v2/` mean for a login.

use super::{
    Bearer, Credential, Decision, ErrorCode, FlowError, Hop, LoginFlow, LoginProof, RegistryAuth,
    RegistryRequest, ResponseHead, State,
};
use crate::challenge::{Challenge, Selected, bearer_candidates, parse_lines, select};
use crate::flow::retry_after;

/// Where a registry says how it authenticates (distribution-spec "end-1").
pub(super) const PATH: &str = "/v2/";

impl LoginFlow {
    pub(super) fn registry_responded(&mut self, request: RegistryRequest, head: &ResponseHead<'_>) {
        let status = head.status;
        match (request, status) {
            (_, 429) => {
                let mut error = FlowError::new(ErrorCode::RateLimited, Hop::Registry);
                error.status = Some(status);
                error.retry_after_ms = retry_after::millis(head, None);
                self.fail(error);
            }
            (_, 300..=399) => self.end(ErrorCode::UpstreamRedirect, Some(status)),
            (_, 500..=599) => self.end(ErrorCode::UpstreamFailed, Some(status)),
            (RegistryRequest::Probe, 200 | 401) => self.probed(head),
            (RegistryRequest::Probe, 403) if is_registry(head) => {
                self.end(ErrorCode::ScopeDenied, Some(status));
            }
            (RegistryRequest::Probe, _) => self.end(ErrorCode::NotARegistry, Some(status)),
            (RegistryRequest::Basic { open: true }, 200) => {
                self.record(Some(status), Decision::ControlProbe);
                self.state = State::Registry(RegistryRequest::Control);
            }
            (RegistryRequest::Basic { open: false }, 200) | (RegistryRequest::Control, 401 | 403) => {
                self.record(Some(status), Decision::Accepted);
                self.prove_basic();
            }
            (RegistryRequest::Basic { .. }, 401 | 403) => self.end(ErrorCode::BadCredentials, Some(status)),
            (RegistryRequest::Control, 200) => self.end(ErrorCode::RegistryUnverifiable, Some(status)),
            (RegistryRequest::Basic { .. } | RegistryRequest::Control, _) => {
                self.end(ErrorCode::UpstreamInvalid, Some(status));
            }
        }
    }

    /// The registry said how it authenticates.
    fn probed(&mut self, head: &ResponseHead<'_>) {
        let status = head.status;
        let (challenges, malformed) = match parse_lines(head.challenges.iter().copied()) {
            Ok(challenges) => (challenges, false),
            // What was read before the error counts; what comes after could be read in two ways.
            Err(error) => (error.parsed, true),
        };
        match self.choose(&challenges) {
            Ok(Some(bearer)) => {
                self.record(Some(status), Decision::AskToken);
                return self.request_token(bearer);
            }
            Ok(None) => {}
            Err(code) => return self.end(code, Some(status)),
        }
        match select(&challenges) {
            Selected::Basic { .. } => {
                if matches!(self.credential, Credential::RefreshToken { .. }) {
                    return self.end(ErrorCode::BasicOnly, Some(status));
                }
                self.record(Some(status), Decision::SendBasic);
                self.state = State::Registry(RegistryRequest::Basic { open: status == 200 });
            }
            _ if malformed => self.end(ErrorCode::ChallengeSyntax, Some(status)),
            Selected::Other { scheme } if scheme != "bearer" => {
                self.end(ErrorCode::UnsupportedScheme, Some(status));
            }
            _ if !is_registry(head) => self.end(ErrorCode::NotARegistry, Some(status)),
            // A password proves nothing here, so it is never sent.
            _ if status == 200 => self.end(ErrorCode::RegistryOpen, Some(status)),
            _ => self.end(ErrorCode::UpstreamInvalid, Some(status)),
        }
    }

    /// The first token service that the policy admits. One that is not admitted is an end in itself, even beside a Basic
    /// challenge: whoever rewrites challenges must not choose the weaker way.
    fn choose(&self, challenges: &[Challenge<'_>]) -> Result<Option<Bearer>, ErrorCode> {
        let mut refusal = Ok(None);
        for challenge in bearer_candidates(challenges) {
            match self.policy.admit(&challenge.realm) {
                Ok(realm) => return Ok(Some(Bearer { realm, service: challenge.service })),
                Err(code) => refusal = refusal.and(Err(code)),
            }
        }
        refusal
    }

    fn prove_basic(&mut self) {
        self.prove(LoginProof { auth: RegistryAuth::Basic, credential: self.credential.clone() });
    }
}

/// Whether an answer without challenge is one of a registry: the header that all had until the specification made it
/// optional, or at least JSON where a web server would send a page.
fn is_registry(head: &ResponseHead<'_>) -> bool {
    let json = head.content_type.is_some_and(|content_type| {
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        essence == "application/json" || essence.ends_with("+json")
    });
    json || head.api_version.is_some_and(|version| version.contains("registry/2."))
}
