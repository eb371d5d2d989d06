//! Tests of the demo with a plain client: each flow by hand, and a violation of each rule.

mod flows;
mod resources;
mod rules;
mod scripts;

use serde_json::Value;

use super::{Demo, DemoConfig, DemoRegistry, Kind};
use crate::client::{Client, HttpResponse};

/// A demo of one registry, with a client.
struct Stage {
    demo: Demo,
    kind: Kind,
    client: Client,
}

const ADA: (&str, &str) = ("ada", "analytical-engine");
const BOB: (&str, &str) = ("bob", "tables-turn-quietly");

impl Stage {
    async fn of(kind: Kind) -> Self {
        Self::with(kind, DemoConfig::only([kind])).await
    }

    async fn with(kind: Kind, config: DemoConfig) -> Self {
        Self { demo: Demo::start(config).await.unwrap(), kind, client: Client::new() }
    }

    fn registry(&self) -> &DemoRegistry {
        self.demo.registry(self.kind).unwrap()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.registry().url())
    }

    async fn get(&self, path: &str) -> HttpResponse {
        self.client.get(&self.url(path)).send().await.unwrap()
    }

    async fn get_with(&self, path: &str, token: &str) -> HttpResponse {
        self.client.get(&self.url(path)).bearer(token).send().await.unwrap()
    }

    async fn get_as(&self, path: &str, (user, password): (&str, &str)) -> HttpResponse {
        self.client.get(&self.url(path)).basic(user, password).send().await.unwrap()
    }

    /// The token service's URL for these scopes.
    fn realm(&self, scopes: &[&str]) -> String {
        let url = format!("{}?service={}", self.registry().realm().unwrap(), self.registry().service());
        scopes.iter().fold(url, |url, scope| format!("{url}&scope={scope}"))
    }

    async fn ask(&self, scopes: &[&str], user: Option<(&str, &str)>) -> HttpResponse {
        let call = self.client.get(&self.realm(scopes));
        let call = match user {
            Some((user, password)) => call.basic(user, password),
            None => call,
        };
        call.send().await.unwrap()
    }

    async fn token(&self, scopes: &[&str], user: Option<(&str, &str)>) -> String {
        let response = self.ask(scopes, user).await;
        assert_eq!(response.status, 200, "{}", response.text());
        response.json()["token"].as_str().unwrap().to_owned()
    }

    /// The names of the rules that were violated so far.
    fn broken(&self) -> Vec<String> {
        self.demo.violations().iter().map(|violation| violation.rule.name()).collect()
    }
}

/// The claims of a JWT.
fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap())
        .unwrap()
}
