//! Continuous load. Each response is checked: user and scopes of the token, and whether the session was still valid.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dockpass_tests::client::{Client, HttpResponse};
use http::Method;
use serde_json::{Value, json};

use crate::harness::{Cluster, ask, claims};

/// The requested repositories.
const REPOSITORIES: [&str; 4] = ["vault/keys", "team-a/api", "team-b/web", "library/alpine"];
/// The scope that every user has.
const PUBLIC: &str = "repository:library/alpine:pull";
/// One in this number of requests is a logout, one is without a session, and one is with an expired session.
const LOGOUT: u64 = 97;
const ANONYMOUS: u64 = 11;
const OVER: u64 = 7;

/// The state that all workers share.
pub(crate) struct Load {
    client: Client,
    registry: String,
    origins: Mutex<Vec<String>>,
    users: Vec<(String, String)>,
    living: Mutex<Vec<Arc<Account>>>,
    over: Mutex<Vec<Arc<Account>>>,
    /// How long after a logout was confirmed a session may still be accepted.
    allowed: Duration,
    pub(crate) tally: Tally,
    /// Connections may fail, because an instance will be killed.
    pub(crate) forgives_connections: AtomicBool,
    is_over: AtomicBool,
    random: AtomicU64,
}

/// A session and its state.
struct Account {
    user: usize,
    session: String,
    born: Instant,
    /// How often it was accepted.
    accepted: AtomicU64,
    /// When a logout was confirmed.
    ended: Mutex<Option<Instant>>,
    /// A logout has started.
    is_ending: AtomicBool,
}

/// The results of the requests.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) requests: AtomicU64,
    pub(crate) tokens: AtomicU64,
    pub(crate) anonymous: AtomicU64,
    pub(crate) refused_over: AtomicU64,
    pub(crate) logouts: AtomicU64,
    /// Logouts that were not confirmed.
    pub(crate) unconfirmed: AtomicU64,
    /// `503 store_unavailable`.
    pub(crate) unavailable: AtomicU64,
    /// Tokens of another user, or for other scopes.
    pub(crate) wrong: AtomicU64,
    /// Sessions accepted after the logout, later than allowed.
    pub(crate) resurrected: AtomicU64,
    /// Sessions accepted after the logout, within the allowed time.
    pub(crate) late: AtomicU64,
    /// Valid sessions that were refused.
    pub(crate) lost: AtomicU64,
    /// Other unexpected results.
    pub(crate) failed: AtomicU64,
    /// The longest response time, in milliseconds.
    pub(crate) slowest_ms: AtomicU64,
    /// Samples of wrong results.
    pub(crate) samples: Mutex<Vec<String>>,
}

impl Tally {
    fn add(figure: &AtomicU64) {
        figure.fetch_add(1, Ordering::Relaxed);
    }

    fn sample(&self, text: impl FnOnce() -> String) {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.len() < 20 {
            samples.push(text());
        }
    }

    /// Asserts that there was no wrong result.
    pub(crate) fn check(&self) {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        let bad = [read(&self.wrong), read(&self.resurrected), read(&self.lost), read(&self.failed)];
        assert_eq!(
            bad, [0; 4],
            "wrong tokens, sessions accepted after their logout, good sessions refused, failures: {samples:#?}"
        );
    }
}

impl Load {
    /// Creates a load for the users of this cluster, with three sessions each.
    pub(crate) async fn on(cluster: &Cluster, allowed: Duration) -> Arc<Self> {
        let origins = cluster.instances.iter().map(|instance| instance.origin.clone()).collect();
        Self::of(cluster, origins, allowed).await
    }

    /// The same for instances in other processes.
    pub(crate) async fn of(cluster: &Cluster, origins: Vec<String>, allowed: Duration) -> Arc<Self> {
        let load = Arc::new(Self {
            client: Client::new(),
            registry: cluster.registry(),
            origins: Mutex::new(origins),
            users: cluster.users.clone(),
            living: Mutex::default(),
            over: Mutex::default(),
            allowed,
            tally: Tally::default(),
            forgives_connections: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            random: AtomicU64::new(0x9e37_79b9_7f4a_7c15),
        });
        for user in 0..load.users.len() {
            for _ in 0..3 {
                assert!(load.login(user).await, "nobody can log in: {:?}", load.tally);
            }
        }
        load
    }

    /// Starts this number of workers.
    pub(crate) fn start(self: &Arc<Self>, workers: usize) -> Vec<tokio::task::JoinHandle<()>> {
        let work = |load: Arc<Self>| async move {
            while !load.is_over.load(Ordering::Relaxed) {
                load.step().await;
            }
        };
        (0..workers).map(|_| tokio::spawn(work(Arc::clone(self)))).collect()
    }

    /// Stops all workers.
    pub(crate) async fn stop(&self, workers: Vec<tokio::task::JoinHandle<()>>) {
        self.is_over.store(true, Ordering::Relaxed);
        for worker in workers {
            worker.await.unwrap();
        }
    }

    /// Sends further requests to these instances.
    pub(crate) fn redirect(&self, origins: Vec<String>) {
        *self.origins.lock().unwrap_or_else(PoisonError::into_inner) = origins;
    }

    /// The sessions that should be valid.
    pub(crate) fn living(&self) -> Vec<String> {
        let living = self.living.lock().unwrap_or_else(PoisonError::into_inner);
        let good = living.iter().filter(|account| !account.is_ending.load(Ordering::SeqCst));
        good.map(|account| account.session.clone()).collect()
    }

    fn draw(&self) -> u64 {
        // Not for secrets: only to mix requests.
        let step = self.random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mixed = (step ^ (step >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 8
    }

    fn origin(&self) -> String {
        let origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        pick(&origins, self.draw()).unwrap().clone()
    }

    async fn step(&self) {
        let draw = self.draw();
        Tally::add(&self.tally.requests);
        let begun = Instant::now();
        if draw.is_multiple_of(LOGOUT) {
            self.log_out().await;
        } else if draw.is_multiple_of(ANONYMOUS) {
            self.ask_without_session().await;
        } else {
            let from = if draw.is_multiple_of(OVER) { &self.over } else { &self.living };
            let account = pick(&from.lock().unwrap_or_else(PoisonError::into_inner), self.draw()).cloned();
            if let Some(account) = account {
                self.ask(&account).await;
            }
        }
        let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.tally.slowest_ms.fetch_max(took, Ordering::Relaxed);
    }

    async fn ask(&self, account: &Account) {
        let repository = *pick(&REPOSITORIES, self.draw()).unwrap();
        let scope = format!("repository:{repository}:pull");
        let ended_before = *account.ended.lock().unwrap();
        let was_ending = account.is_ending.load(Ordering::SeqCst);
        let begun = Instant::now();
        let origin = self.origin();
        let reply = match ask(&self.client, &origin, &self.registry, Some(&account.session), &scope).await {
            Ok(reply) => reply,
            Err(error) => return self.lost_connection(&error),
        };
        match (reply.status, code(&reply).as_str()) {
            (200, _) => {
                Tally::add(&self.tally.tokens);
                Tally::add(&account.accepted);
                let token = reply.json()["token"].as_str().unwrap_or_default().to_owned();
                let claims = claims(&token);
                let access = json!([{ "type": "repository", "name": repository, "actions": ["pull"] }]);
                let user = &self.users[account.user].0;
                if claims["sub"] != json!(user) || claims["access"] != access {
                    Tally::add(&self.tally.wrong);
                    self.tally.sample(|| format!("{user} asked for {scope} and got {claims}"));
                }
                if let Some(ended) = ended_before {
                    let after = begun.duration_since(ended);
                    if after > self.allowed {
                        Tally::add(&self.tally.resurrected);
                        self.tally.sample(|| format!("accepted {after:?} after its logout at {origin}"));
                    } else {
                        Tally::add(&self.tally.late);
                    }
                }
            }
            (503, "store_unavailable") => Tally::add(&self.tally.unavailable),
            (401, "invalid_session") if was_ending || account.is_ending.load(Ordering::SeqCst) => {
                Tally::add(&self.tally.refused_over);
            }
            (401, _) => {
                Tally::add(&self.tally.lost);
                let (age, accepted) = (account.born.elapsed(), account.accepted.load(Ordering::Relaxed));
                let name = account.session.chars().rev().take(6).collect::<String>();
                self.tally.sample(|| {
                    format!(
                        "good session {name} at {origin}, {age:?} old, accepted {accepted} times: {}",
                        reply.text()
                    )
                });
            }
            _ => self.failed(&reply),
        }
    }

    async fn ask_without_session(&self) {
        match ask(&self.client, &self.origin(), &self.registry, None, PUBLIC).await {
            Ok(reply) if reply.status == 200 => {
                Tally::add(&self.tally.anonymous);
                let claims = claims(reply.json()["token"].as_str().unwrap_or_default());
                if claims["sub"] != "" {
                    Tally::add(&self.tally.wrong);
                    self.tally.sample(|| format!("nobody asked and got {claims}"));
                }
            }
            Ok(reply) => self.failed(&reply),
            Err(error) => self.lost_connection(&error),
        }
    }

    async fn log_out(&self) {
        let account = {
            let mut living = self.living.lock().unwrap_or_else(PoisonError::into_inner);
            let count = u64::try_from(living.len()).unwrap();
            if count == 0 {
                return;
            }
            living.swap_remove(usize::try_from(self.draw() % count).unwrap())
        };
        account.is_ending.store(true, Ordering::SeqCst);
        let url = format!("{}/v1/session", self.origin());
        let reply = self.client.call(Method::DELETE, &url).bearer(&account.session).send().await;
        match reply {
            Ok(reply) if reply.status == 204 => {
                Tally::add(&self.tally.logouts);
                *account.ended.lock().unwrap() = Some(Instant::now());
                let mut over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
                if over.len() >= 300 {
                    over.swap_remove(0);
                }
                over.push(Arc::clone(&account));
            }
            Ok(reply) if reply.status == 503 => Tally::add(&self.tally.unconfirmed),
            Ok(reply) => self.failed(&reply),
            Err(error) => self.lost_connection(&error),
        }
        self.login(account.user).await;
    }

    /// Logs in, until that succeeds or the load is over.
    async fn login(&self, user: usize) -> bool {
        let (name, password) = &self.users[user];
        let body = json!({ "registry": self.registry, "username": name, "password": password });
        let url = format!("{}/v1/sessions", self.origin());
        match self.client.post(&url).json(&body).send().await {
            Ok(reply) if reply.status == 200 => {
                let session = reply.json()["session"].as_str().unwrap().to_owned();
                let account = Account {
                    user,
                    session,
                    born: Instant::now(),
                    accepted: AtomicU64::new(0),
                    ended: Mutex::default(),
                    is_ending: AtomicBool::new(false),
                };
                self.living.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::new(account));
                return true;
            }
            Ok(reply) => self.failed(&reply),
            Err(error) => self.lost_connection(&error),
        }
        false
    }

    fn failed(&self, reply: &HttpResponse) {
        Tally::add(&self.tally.failed);
        self.tally.sample(|| format!("{} {}", reply.status, reply.text()));
    }

    fn lost_connection(&self, error: &dockpass_tests::client::ClientError) {
        if self.forgives_connections.load(Ordering::SeqCst) {
            return;
        }
        Tally::add(&self.tally.failed);
        self.tally.sample(|| error.to_string());
    }
}

fn code(reply: &HttpResponse) -> String {
    match &reply.json()["code"] {
        Value::String(code) => code.clone(),
        _ => String::new(),
    }
}

fn pick<T>(list: &[T], draw: u64) -> Option<&T> {
    let count = u64::try_from(list.len()).ok().filter(|count| *count > 0)?;
    list.get(usize::try_from(draw % count).ok()?)
}
