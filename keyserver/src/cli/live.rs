//! `doctor` and `token`: the flows of the key server against a live registry, from the command line.
//!
//! Both run the code that serves pages: the login, the token broker and, for a user, the gateway. Only the requests of
//! somebody without a session, which a page sends itself, have a driver here.

mod password;
mod report;

use std::path::PathBuf;
use std::sync::Arc;

use dockpass_protocol::api::{IssuedToken, ReportedChallenge};
use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::credential::Credential;
use dockpass_protocol::flow::{
    FlowError, Hop, HttpRequest, ResourceFlow, ResourceRequest, ResourceStep, StepRecord,
};
use http::{HeaderMap, Method};
use serde_json::json;

use super::{CONFIGURATION, DIAGNOSED, FAILED, Failure, say, say_wrong};
use crate::broker::{Broker, BrokerRequest, Identity};
use crate::config::Settings;
use crate::gateway::{Caller, Relay, Target};
use crate::recorder::Recorder;
use crate::registry::Registry;
use crate::session::SealedText;
use crate::state::{AppState, Builder};
use crate::{login, upstream};
use report::{Outcome, Report};

/// Which registry is contacted, as whom, and how the result is shown.
#[derive(Debug, clap::Args)]
pub(super) struct Subject {
    /// The registry: `docker.io`, `registry.example.com:5000`, or a URL such as `http://127.0.0.1:5000`.
    registry: String,
    /// Take the registry from this configuration, with its realms and certificate authorities.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["realm", "ca_file", "insecure_http"])]
    config: Option<PathBuf>,
    /// URL of a token service on another host that the registry may name; may be repeated. Not needed for Docker Hub,
    /// GitLab.com and nvcr.io.
    #[arg(long, value_name = "URL")]
    realm: Vec<String>,
    /// PEM file of certificate authorities to trust besides the system's.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Allow `http://` outside this machine and private addresses; passwords are then sent unencrypted.
    #[arg(long)]
    insecure_http: bool,
    /// Log in as this user. The password is read from a prompt, or from standard input if that is not a terminal.
    #[arg(short, long, value_name = "NAME")]
    username: Option<String>,
    /// Read the password from this file instead. One line break at its end is removed.
    #[arg(long, value_name = "FILE", requires = "username")]
    password_file: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// The options of `doctor`.
#[derive(Debug, clap::Args)]
pub(super) struct DoctorOptions {
    #[command(flatten)]
    subject: Subject,
    /// List the tags of this repository. Without it, `/v2/` is requested, for which some registries issue no token to
    /// anonymous clients.
    #[arg(long, value_name = "NAME")]
    repository: Option<String>,
}

/// The options of `token`.
#[derive(Debug, clap::Args)]
pub(super) struct TokenOptions {
    #[command(flatten)]
    subject: Subject,
    /// The scopes to request, such as `repository:team/app:pull,push`.
    #[arg(required = true, value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Print the token, and nothing else, to standard output. The report is printed to standard error.
    #[arg(long, conflicts_with = "json")]
    print_token: bool,
}

/// `doctor`: requests one resource and prints the steps with the diagnosis.
pub(super) fn doctor(options: &DoctorOptions) -> Result<(), Failure> {
    let path = options
        .repository
        .as_ref()
        .map_or_else(|| "/v2/".to_owned(), |name| format!("/v2/{name}/tags/list?n=1"));
    Target::parse_target("GET", &path)
        .map_err(|code| usage(&format!("--repository: {}", code.sentence())))?;
    let report =
        options.subject.run(async |live, identity| live.request(identity, &path).await.map(|()| None))?;
    let outcome = report.outcome();
    say(&report.shown(options.subject.json));
    end(outcome)
}

/// `token`: requests a token and prints the steps with what it grants.
pub(super) fn token(options: &TokenOptions) -> Result<(), Failure> {
    let scopes = Broker::scopes(&options.scopes).map_err(|code| usage(code.sentence()))?;
    let report = options.subject.run(async |live, identity| {
        let request = BrokerRequest {
            registry: Arc::clone(&live.registry),
            identity: identity.clone(),
            scopes,
            seen: None,
            fresh: false,
            doubtful_will_not_do: false,
        };
        let token = live.state.broker.token(request, &live.recorder).await?;
        Ok(Some(token.issued(live.state.clock.now_ms())))
    })?;
    let outcome = report.outcome();
    match report.token() {
        Some(token) if options.print_token => {
            say_wrong(&report.shown(false));
            say(token);
        }
        _ => say(&report.shown(options.subject.json)),
    }
    end(outcome)
}

/// The exit code says whether a problem was found; the report says which.
fn end(outcome: Outcome) -> Result<(), Failure> {
    match outcome {
        Outcome::Healthy => Ok(()),
        Outcome::Problem => Err(Failure { code: DIAGNOSED, message: String::new() }),
    }
}

fn usage(message: &str) -> Failure {
    Failure { code: 2, message: message.to_owned() }
}

/// What a flow runs with.
struct Live {
    state: AppState,
    registry: Arc<Registry>,
    recorder: Recorder,
}

impl Subject {
    /// Logs in if there is a user, runs `call`, and reports how it went.
    fn run(
        &self,
        call: impl AsyncFnOnce(&Live, &Identity) -> Result<Option<IssuedToken>, FlowError>,
    ) -> Result<Report, Failure> {
        let settings = self.settings()?;
        let failed = |reason: String| Failure { code: FAILED, message: reason };
        let credential = match &self.username {
            None => None,
            Some(username) => {
                let password = password::read(self.password_file.as_deref(), username, &self.registry)
                    .map_err(|problem| failed(problem.to_string()))?;
                let credential = Credential::password(username.clone(), password);
                Some(credential.map_err(|code| usage(code.sentence()))?)
            }
        };
        let state = Builder::new(settings).build().map_err(super::ServeError::Start)?;
        let registry = state.registries.find(self.host()).map_err(|code| usage(code.sentence()))?;
        let live = Live { state, registry, recorder: Recorder::new() };
        live.recorder.registry(live.registry.name());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|reason| failed(format!("the runtime cannot be started: {reason}")))?;
        password::progress(&format!("contacting {}", live.registry.name()));
        let result = runtime.block_on(async {
            let identity = live.identify(credential).await?;
            call(&live, &identity).await
        });
        Ok(Report::new(&live.registry, live.recorder.take_report(), result))
    }

    /// The settings of a key server for this registry. It has no store, and a key of its own.
    fn settings(&self) -> Result<Settings, Failure> {
        if let Some(file) = &self.config {
            let mut settings = super::load(Some(file))?;
            // Nothing is listened on, and the keys and the store of the running server are not needed.
            settings.listen = Settings::default().listen;
            settings.session.key_files.clear();
            settings.store = crate::config::StoreSettings::default();
            return Ok(settings);
        }
        let key = if self.registry.contains("://") { "url" } else { "host" };
        let entry = json!({
            key: self.registry.trim_end_matches('/'),
            "realms": self.realm,
            "ca_file": self.ca_file,
            "insecure_http": self.insecure_http,
        });
        // The rules for a registry are those of the configuration file, so it is read as one. JSON is YAML.
        let text = json!({ "registries": [entry] }).to_string();
        Settings::parse(&text, []).map_err(|problems| Failure {
            code: CONFIGURATION,
            message: format!("the registry cannot be used:\n{problems}"),
        })
    }

    /// The registry without scheme: its name, or an alias of it.
    fn host(&self) -> &str {
        let host = self.registry.split_once("://").map_or(self.registry.as_str(), |(_, host)| host);
        host.trim_end_matches('/')
    }
}

impl Live {
    /// Checks the credential at the registry, and seals it as a login does.
    async fn identify(&self, credential: Option<Credential>) -> Result<Identity, FlowError> {
        let Some(credential) = credential else { return Ok(Identity::Anonymous) };
        let (clock, random) = (&*self.state.clock, &*self.state.random);
        let proof = login::prove(&self.registry, credential, clock, random, &self.recorder).await?;
        let lifetime = self.state.settings.session.lifetime;
        let sealed = self.state.sessions.seal(self.registry.name(), &proof, usize::MAX, lifetime).await;
        let sealed = sealed.map_err(|error| here(error.code()))?;
        Ok(Identity::Session(SealedText::new(&sealed.text), Arc::new(sealed.info)))
    }

    /// Requests this path: with a session through the gateway, otherwise as a page does.
    async fn request(&self, identity: &Identity, path: &str) -> Result<(), FlowError> {
        match identity {
            Identity::Anonymous | Identity::CatalogAccount(_) => self.request_anonymously(path).await,
            Identity::Session(sealed, info) => {
                let relay = Relay {
                    registry: Arc::clone(&self.registry),
                    method: Method::GET,
                    target: Target::parse_target("GET", path).map_err(here)?,
                    headers: &HeaderMap::new(),
                    body: None,
                    is_empty: true,
                    caller: Caller::Session(sealed.clone(), Arc::clone(info)),
                };
                self.state.gateway.relay(relay, &self.recorder).await.map(drop)
            }
        }
    }

    async fn request_anonymously(&self, path: &str) -> Result<(), FlowError> {
        let scopes =
            Target::parse_target("GET", path).and_then(|target| target.scopes("GET")).map_err(here)?;
        let request = ResourceRequest { method: "GET".to_owned(), path: path.to_owned(), scopes };
        let mut flow = ResourceFlow::new(request, None, false).with_policy(self.registry.policy().clone());
        let result = loop {
            self.recorder.steps(flow.take_records());
            match flow.step() {
                ResourceStep::Send(authorization) => {
                    let request =
                        HttpRequest { method: "GET", target: path.to_owned(), authorization, form: None };
                    upstream::send(&self.registry, &request, |response| match response {
                        Ok((head, _)) => flow.response(head),
                        Err(error) => flow.transport_failed(error),
                    })
                    .await;
                }
                ResourceStep::NeedToken(need) => {
                    let seen =
                        ReportedChallenge { realm: need.challenge.realm, service: need.challenge.service };
                    let request = BrokerRequest {
                        registry: Arc::clone(&self.registry),
                        identity: Identity::Anonymous,
                        scopes: need.scopes,
                        seen: Some(seen),
                        fresh: need.fresh,
                        doubtful_will_not_do: false,
                    };
                    let token = self.state.broker.token(request, &self.recorder).await;
                    flow.token(token.map(|token| token.secret().clone()));
                }
                ResourceStep::Done(_) => break Ok(()),
                ResourceStep::Fail(error) => break Err(error),
                // There are no credentials to confirm without a user.
                ResourceStep::Confirm(_) => break Err(here(ErrorCode::Internal)),
            }
        };
        self.recorder.steps(flow.take_records());
        result
    }
}

/// An error of the key server itself.
fn here(code: ErrorCode) -> FlowError {
    FlowError::new(code, Hop::KeyServer)
}

/// The steps, with one for an error that is not theirs: the key server found it without another request.
fn complete(mut steps: Vec<StepRecord>, error: Option<FlowError>) -> Vec<StepRecord> {
    if let Some(error) = error
        && steps.last().and_then(|last| last.code) != Some(error.code)
    {
        steps.push(StepRecord::of_failure(error, "POST", dockpass_protocol::api::TOKEN, None));
    }
    steps
}
