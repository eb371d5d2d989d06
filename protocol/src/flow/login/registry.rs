//! Processes the registry's responses to `GET /v2/` during a login.

use super::{
    Bearer, Credential, Decision, ErrorCode, FlowError, Hop, LoginFlow, LoginProof, RegistryAuth,
    RegistryRequest, ResponseHead, State,
};
use crate::challenge::{Challenge, Selected, bearer_candidates, parse_lines, select};

/// The path at which a registry sends its challenge (distribution-spec "end-1").
pub(super) const PATH: &str = "/v2/";
/// The paths that some registries redirect it to.
const PATH_WITHOUT_SLASH: &str = "/v2";
/// Paths at which a registry may send a challenge if [`PATH`] allows anonymous access: the catalog, and a repository that
/// does not exist.
const RESOURCES: [&str; 2] = ["/v2/_catalog?n=1", "/v2/dockpass-probe/tags/list"];

impl LoginFlow {
    pub(super) fn registry_responded(&mut self, request: RegistryRequest, head: &ResponseHead<'_>) {
        let status = head.status;
        match (request, status) {
            (_, 429) => {
                let mut error = FlowError::new(ErrorCode::RateLimited, Hop::Registry);
                error.status = Some(status);
                error.retry_after_ms = head.wait_ms(None);
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
            // Another status than that of the anonymous request shows that the user was recognised, unless made-up users get it too.
            (RegistryRequest::Basic { open: true }, 200) | (RegistryRequest::Basic { open: false }, 403) => {
                self.record(Some(status), Decision::ControlProbe);
                self.state = State::Registry(RegistryRequest::Control { seen: status });
            }
            (RegistryRequest::Basic { open: false }, 200) => {
                self.record(Some(status), Decision::Accepted);
                self.prove_basic();
            }
            // The anonymous request got 401, so a 404 shows that the credentials were accepted.
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

    /// A redirect of `/v2/` is followed on the registry's own origin only. The credentials are not for another origin.
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

    /// Requests the next resource to get a challenge. After the last one without a challenge the registry is open.
    fn probe_next(&mut self) {
        let next = RESOURCES.iter().position(|path| *path == self.path).map_or(0, |at| at + 1);
        match RESOURCES.get(next) {
            Some(path) => {
                self.path = path;
                self.record(None, Decision::ProbeResource);
            }
            // A password cannot be checked here, so it is never sent.
            None => self.end(ErrorCode::RegistryOpen, Some(200)),
        }
    }

    /// Processes the registry's challenges.
    fn probed(&mut self, head: &ResponseHead<'_>) {
        let status = head.status;
        let (challenges, malformed) = match parse_lines(head.challenges.iter().copied()) {
            Ok(challenges) => (challenges, false),
            // The challenges before the error are used; those after it are ambiguous.
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

    /// The first token service that the policy admits. If there are Bearer challenges and none is admitted, the flow fails even
    /// if there is a Basic challenge: an attacker who changes challenges must not cause a downgrade to Basic.
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

/// Whether a refusal without a challenge comes from a registry: it has the version header, which was required by earlier
/// specifications, or at least a JSON body. (The specification requires neither for a 200.)
fn is_registry(head: &ResponseHead<'_>) -> bool {
    let json = head.content_type.is_some_and(|content_type| {
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        essence == "application/json" || essence.ends_with("+json")
    });
    json || head.api_version.is_some_and(|version| version.contains("registry/2."))
}
