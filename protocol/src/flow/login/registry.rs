//! What the registry's responses to `GET /v2/` mean for a login.

use super::{
    Bearer, Credential, Decision, ErrorCode, FlowError, Hop, LoginFlow, LoginProof, RegistryAuth,
    RegistryRequest, ResponseHead, State,
};
use crate::challenge::{Challenge, Selected, bearer_candidates, parse_lines, select};
use crate::flow::retry_after;

/// Where a registry says how it authenticates (distribution-spec "end-1").
pub(super) const PATH: &str = "/v2/";
/// Where some redirect that to.
const PATH_WITHOUT_SLASH: &str = "/v2";
/// Where a registry may challenge that answers [`PATH`] to everyone: a list of everything, and a repository that it has not.
const RESOURCES: [&str; 2] = ["/v2/_catalog?n=1", "/v2/dockpass-probe/tags/list"];

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
            (RegistryRequest::Probe, 401) => self.probed(head),
            (RegistryRequest::Probe, _) if self.is_at_resource() => self.probe_next(),
            (_, 300..=399) => self.redirected(head),
            (_, 500..=599) => self.end(ErrorCode::UpstreamFailed, Some(status)),
            (RegistryRequest::Probe, 200) => self.probed(head),
            (RegistryRequest::Probe, 403) if is_registry(head) => {
                self.end(ErrorCode::ScopeDenied, Some(status));
            }
            (RegistryRequest::Probe, _) => self.end(ErrorCode::NotARegistry, Some(status)),
            (RegistryRequest::Basic { .. }, 401) | (RegistryRequest::Basic { open: true }, 403) => {
                self.end(ErrorCode::BadCredentials, Some(status));
            }
            (RegistryRequest::Basic { open: false }, 403) if !self.is_at_resource() => {
                self.end(ErrorCode::BadCredentials, Some(status));
            }
            // Whoever is refused with another status than nobody was has been recognised, unless all strangers are.
            (RegistryRequest::Basic { open: true }, 200) | (RegistryRequest::Basic { open: false }, 403) => {
                self.record(Some(status), Decision::ControlProbe);
                self.state = State::Registry(RegistryRequest::Control { seen: status });
            }
            (RegistryRequest::Basic { open: false }, 200) => {
                self.record(Some(status), Decision::Accepted);
                self.prove_basic();
            }
            // Nobody was refused with 401 there: a 404 is for somebody who was let in.
            (RegistryRequest::Basic { open: false }, 404) if self.is_at_resource() => {
                self.record(Some(status), Decision::Accepted);
                self.prove_basic();
            }
            (RegistryRequest::Control { seen }, 401 | 403) if seen != status => {
                self.record(Some(status), Decision::Accepted);
                self.prove_basic();
            }
            (RegistryRequest::Control { seen }, _) if seen == status => {
                self.end(ErrorCode::RegistryUnverifiable, Some(status));
            }
            (RegistryRequest::Basic { .. } | RegistryRequest::Control { .. }, _) => {
                self.end(ErrorCode::UpstreamInvalid, Some(status));
            }
        }
    }

    fn is_at_resource(&self) -> bool {
        RESOURCES.contains(&self.path)
    }

    /// The first address is another one on the registry's own origin, or the registry is elsewhere: the credentials are not
    /// for that place.
    fn redirected(&mut self, head: &ResponseHead<'_>) {
        let location = head.location.unwrap_or_default();
        let to = self.policy.admit(location).ok().filter(|to| to.origin() == self.policy.registry());
        let is_spelling = to.is_some_and(|to| to.path() == PATH_WITHOUT_SLASH && to.query().is_empty());
        if is_spelling && self.path == PATH && self.state.is_probe() {
            self.record(Some(head.status), Decision::FollowRedirect);
            self.path = PATH_WITHOUT_SLASH;
            return;
        }
        self.end_at(ErrorCode::UpstreamRedirect, head.status, head.location);
    }

    /// Asks at the next resource how it is authenticated; after the last one the registry is open.
    fn probe_next(&mut self) {
        let next = RESOURCES.iter().position(|path| *path == self.path).map_or(0, |at| at + 1);
        match RESOURCES.get(next) {
            Some(path) => {
                self.path = path;
                self.record(None, Decision::ProbeResource);
            }
            // A password proves nothing here, so it is never sent.
            None => self.end(ErrorCode::RegistryOpen, Some(200)),
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
            Err((code, realm)) => return self.end_at(code, status, Some(&realm)),
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
            _ if status == 200 && !head.is_markup() => {
                self.record(Some(status), Decision::Accepted);
                self.probe_next();
            }
            _ if !is_registry(head) => self.end(ErrorCode::NotARegistry, Some(status)),
            _ => self.end(ErrorCode::UpstreamInvalid, Some(status)),
        }
    }

    /// The first token service that the policy admits. One that is not admitted is an end in itself, even beside a Basic
    /// challenge: whoever rewrites challenges must not choose the weaker way.
    fn choose(&self, challenges: &[Challenge<'_>]) -> Result<Option<Bearer>, (ErrorCode, String)> {
        let mut refusal = Ok(None);
        for challenge in bearer_candidates(challenges) {
            match self.policy.admit(&challenge.realm) {
                Ok(realm) => return Ok(Some(Bearer { realm, service: challenge.service })),
                Err(code) => refusal = refusal.and(Err((code, challenge.realm))),
            }
        }
        refusal
    }

    fn prove_basic(&mut self) {
        self.prove(LoginProof { auth: RegistryAuth::Basic, credential: self.credential.clone() });
    }
}

/// Whether a refusal without challenge is one of a registry: the header that all had until the specification made it
/// optional, or at least JSON where a web server would send a page. (A 200 need not say it: the specification wants nothing
/// more of one.)
fn is_registry(head: &ResponseHead<'_>) -> bool {
    let json = head.content_type.is_some_and(|content_type| {
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        essence == "application/json" || essence.ends_with("+json")
    });
    json || head.api_version.is_some_and(|version| version.contains("registry/2."))
}
