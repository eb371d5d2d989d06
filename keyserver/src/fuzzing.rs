//! What the fuzz targets of `keyserver/fuzz` run: one function for each place where octets of others are read.
//!
//! They are here, and not beside the targets, because what they test is private. The feature `fuzzing` compiles them;
//! the unit tests run them on a few inputs, so that they work when somebody needs them.

#[cfg(test)]
mod tests;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use dockpass_protocol::credential::Credential;
use dockpass_protocol::flow::{LoginProof, RegistryAuth, TokenFlow, TokenOptions, TokenStep};
use dockpass_protocol::scope::ScopeSet;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::runtime::Runtime;

use crate::clock::{Clock as _, SystemClock, SystemRandomness};
use crate::config::{NoOrigin, Settings};
use crate::gateway::Target;
use crate::registry::{Registries, Registry};
use crate::resolver::HostResolver;
use crate::session::{SealedText, Sessions};
use crate::upstream;

/// How long one input may take. The timeouts of the HTTP client are shorter.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the genuine session may be used.
const LIFETIME: Duration = Duration::from_hours(8);

/// The state that all inputs share, because a key takes long to generate.
struct Shared {
    runtime: Runtime,
    sessions: Arc<Sessions>,
    /// A session that opens.
    genuine: String,
}

static SHARED: LazyLock<Shared> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandomness::default()));
    let sessions = Arc::new(Sessions::new(&Settings::default(), clock, random).unwrap());
    let credential = Credential::password("ada".to_owned(), SecretString::from("analytical-engine")).unwrap();
    let proof = LoginProof { auth: RegistryAuth::Basic, credential };
    let sealed =
        runtime.block_on(sessions.seal("registry.example.com", &proof, usize::MAX, LIFETIME)).unwrap();
    Shared { runtime, sessions, genuine: sealed.text }
});

/// Opens a session made of this input: as it stands, and as changes of a genuine one. Only the genuine one may open.
pub fn session(input: &[u8]) {
    let Shared { runtime, sessions, genuine } = &*SHARED;
    let opens = |text: &str| runtime.block_on(sessions.open(&SealedText::new(text))).is_ok();
    let text = String::from_utf8_lossy(input);
    assert!(!opens(&text) || text == *genuine, "an invented session was opened");
    // Every pair of octets is a change: at this place, this octet.
    let mut changed = genuine.clone().into_bytes();
    for pair in input.chunks_exact(3) {
        let place = (usize::from(pair[0]) << 8 | usize::from(pair[1])) % changed.len();
        changed[place] = pair[2];
    }
    if let Ok(changed) = String::from_utf8(changed)
        && changed != *genuine
    {
        assert!(!opens(&changed), "a changed session was opened");
    }
    assert!(opens(genuine), "the genuine session is refused");
}

/// Reads a configuration. One that is accepted holds what the rest of the program relies on.
pub fn config(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match Settings::parse(&text, []) {
        Ok(settings) => {
            assert!(!matches!(settings.own_origin(), Err(NoOrigin::AllInterfaces)), "it listens everywhere");
            let mut names: Vec<_> = settings.registries.iter().map(|entry| entry.name.as_str()).collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "a registry is in the list twice");
        }
        Err(problems) => assert!(!problems.to_string().is_empty()),
    }
}

/// Reads a method, a path and a query of the gateway, separated by line breaks. What is accepted is sent as it was read,
/// and has no part that another server could read in another way.
pub fn gateway_path(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut parts = text.splitn(3, '\n');
    let (method, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let Ok(target) = Target::parse(method, path, parts.next()) else { return };
    let sent = target.to_string();
    let path = sent.split('?').next().unwrap_or_default();
    assert!(path.starts_with("/v2/"), "{path:?}");
    assert!(path.bytes().all(|byte| byte.is_ascii_graphic() && !b"%\\?#;".contains(&byte)), "{path:?}");
    assert!(!path.split('/').any(|part| part == "." || part == ".."), "{path:?}");
    assert!(sent.bytes().all(|byte| byte.is_ascii_graphic()), "{sent:?}");
    let again = Target::parse_target(method, &sent).map(|target| target.to_string());
    assert_eq!(again, Ok(sent), "it is read in the same way again");
}

/// A token service that sends these octets, whatever is requested, and a registry that it belongs to.
struct Service {
    octets: Arc<Mutex<Vec<u8>>>,
    registry: Arc<Registry>,
    realm: String,
}

static SERVICE: LazyLock<Service> = LazyLock::new(|| {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let octets = Arc::new(Mutex::new(Vec::new()));
    let sent = Arc::clone(&octets);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let octets = sent.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let mut request = [0; 4_096];
            // A client that has gone is no failure.
            let _ = stream.read(&mut request);
            let _ = stream.write_all(&octets);
        }
    });
    let settings = format!("registries: [{{url: \"{origin}\"}}]\nlimits: {{upstream_seconds: 1}}\n");
    let settings = Settings::parse(&settings, []).unwrap();
    let registries =
        Registries::new(&settings, &settings.own_origin().unwrap(), &HostResolver::system().unwrap())
            .unwrap();
    let registry = Arc::clone(registries.iter().next().unwrap());
    Service { octets, registry, realm: format!("{origin}/token") }
});

/// Requests a token from a service that responds with these octets: HTTP, challenge, JSON and token. It ends in time, and a
/// token that is taken can be sent in a header.
pub fn token_response(input: &[u8]) {
    let Service { octets, registry, realm } = &*SERVICE;
    input.clone_into(&mut octets.lock().unwrap_or_else(PoisonError::into_inner));
    let realm = registry.policy().admit(realm).unwrap();
    let scopes = ScopeSet::parse("repository:team/app:pull").unwrap();
    let credential = Credential::password("ada".to_owned(), SecretString::from("analytical-engine")).unwrap();
    let options = TokenOptions { credentials_first: false, refresh_token: true };
    let mut flow = TokenFlow::new(realm, None, scopes, credential, options);
    let whole = async {
        loop {
            match flow.step() {
                TokenStep::Done(grant) => return Some(grant),
                TokenStep::Fail(_) => return None,
                TokenStep::Send(request) => {
                    upstream::send(registry, &request, |response| match response {
                        Ok((head, body)) => flow.response(head, body, SystemClock.now_ms()),
                        Err(error) => flow.transport_failed(error),
                    })
                    .await;
                }
            }
        }
    };
    let ended = SHARED.runtime.block_on(async { tokio::time::timeout(PATIENCE, whole).await });
    if let Some(grant) = ended.expect("the flow ends in time") {
        let token = grant.token.expose_secret();
        assert!(!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()));
    }
}
