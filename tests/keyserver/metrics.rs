//! The admin listener and its metrics.

use std::collections::{BTreeMap, BTreeSet};

use dockpass_keyserver::{ServeError, Server, Settings};
use dockpass_tests::demo::{DemoConfig, Kind, Role};
use http::Method;

use crate::harness::{Stack, random_hex, raw};

const PRIVATE: &str = "repository:vault/keys:pull";
const PRIVATE_TAGS: &str = "vault/keys/tags/list";

/// A sample: its labels and its value.
type Samples = BTreeMap<BTreeMap<String, String>, f64>;

/// Metrics in the Prometheus text format 0.0.4, by the name of the sample. The parser is strict: everything that the
/// format leaves to chance is an error here.
#[derive(Debug)]
struct Metrics(BTreeMap<String, Samples>);

impl Metrics {
    fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line ends");
        let mut samples = BTreeMap::<String, Samples>::new();
        let mut families = BTreeSet::new();
        let (mut family, mut kind) = (String::new(), String::new());
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, words) = help.split_once(' ').expect(line);
                assert!(words.len() > 10, "{line}");
                assert!(families.insert(name.to_owned()), "a second family {name}");
                (family, kind) = (name.to_owned(), String::new());
            } else if let Some(of_kind) = line.strip_prefix("# TYPE ") {
                let (name, word) = of_kind.split_once(' ').expect(line);
                assert_eq!((name, kind.as_str()), (family.as_str(), ""), "{line}");
                assert!(["counter", "gauge", "histogram"].contains(&word), "{line}");
                kind = word.to_owned();
            } else {
                let (name, labels, value) = sample(line);
                match kind.as_str() {
                    "counter" => assert!(name == family && name.ends_with("_total"), "{line}"),
                    "gauge" => assert_eq!(name, family, "{line}"),
                    "histogram" => {
                        let suffix = name.strip_prefix(&family).expect(line);
                        assert!(["_sum", "_count", "_bucket"].contains(&suffix), "{line}");
                        assert_eq!(labels.contains_key("le"), suffix == "_bucket", "{line}");
                    }
                    _ => panic!("a sample without a type: {line}"),
                }
                assert!(value >= 0.0, "{line}");
                let earlier = samples.entry(name).or_default().insert(labels, value);
                assert_eq!(earlier, None, "twice: {line}");
            }
        }
        let metrics = Self(samples);
        metrics.check_histograms();
        metrics
    }

    /// Buckets do not fall, and the last one has everything.
    fn check_histograms(&self) {
        for (name, buckets) in &self.0 {
            let Some(family) = name.strip_suffix("_bucket") else { continue };
            let mut by_series = BTreeMap::<_, Vec<(f64, f64)>>::new();
            for (labels, count) in buckets {
                let mut labels = labels.clone();
                let bound = labels.remove("le").unwrap().parse().unwrap();
                by_series.entry(labels).or_default().push((bound, *count));
            }
            for (labels, mut buckets) in by_series {
                buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
                assert!(buckets.is_sorted_by(|one, other| one.1 <= other.1), "{name} {buckets:?}");
                let (bound, all) = buckets.pop().unwrap();
                assert!(bound.is_infinite(), "{name}");
                assert!((all - self.0[&format!("{family}_count")][&labels]).abs() < 0.5, "{name}");
            }
        }
    }

    /// The value of the sample with these labels.
    #[track_caller]
    fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        *self
            .0
            .get(name)
            .and_then(|samples| samples.get(&labels))
            .unwrap_or_else(|| panic!("{name} {labels:?}"))
    }

    /// Every value that this label has anywhere.
    fn values_of(&self, label: &str) -> BTreeSet<&str> {
        let labels = self.0.values().flat_map(|samples| samples.keys());
        labels.filter_map(|labels| labels.get(label).map(String::as_str)).collect()
    }
}

/// `name{label="value",…} number`.
fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let is_name = |text: &str| {
        !text.is_empty()
            && !text.starts_with(|first: char| first.is_ascii_digit())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let (head, value) = line.rsplit_once(' ').expect(line);
    let (name, mut rest) = match head.split_once('{') {
        Some((name, rest)) => (name, rest.strip_suffix('}').expect(line)),
        None => (head, ""),
    };
    assert!(is_name(name), "{line}");
    let mut labels = BTreeMap::new();
    while !rest.is_empty() {
        let (label, quoted) = rest.split_once("=\"").expect(line);
        assert!(is_name(label), "{line}");
        // No value of ours needs an escape.
        let (value, more) = quoted.split_once('"').expect(line);
        assert!(!value.contains('\\'), "{line}");
        assert_eq!(labels.insert(label.to_owned(), value.to_owned()), None, "{line}");
        rest = more.strip_prefix(',').unwrap_or(more);
        assert!(more.is_empty() || more.starts_with(','), "{line}");
    }
    (name.to_owned(), labels, value.parse().expect(line))
}

fn with_admin(config: &mut Settings) {
    config.admin.listen = Some("127.0.0.1:0".parse().unwrap());
}

async fn scrape(stack: &Stack) -> (String, Metrics) {
    let admin = stack.server.admin.as_ref().unwrap();
    let response = stack.client.get(&format!("{admin}/metrics")).send().await.unwrap();
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let text = response.text();
    let metrics = Metrics::parse(&text);
    (text, metrics)
}

/// A count as an integer: its text has no other digits.
fn whole(count: f64) -> usize {
    count.to_string().parse().unwrap()
}

#[tokio::test]
async fn metrics_count_requests_lookups_and_upstream_requests() {
    let stack = Stack::with(DemoConfig::only([Kind::Token, Kind::Basic]), with_admin).await;
    let (_, before) = scrape(&stack).await;
    let registry = stack.name(Kind::Token);
    let labels = [("registry", registry.as_str()), ("outcome", "2xx")];
    assert!(before.value("dockpass_upstream_requests_total", &labels).abs() < 0.5, "a fresh server");

    let session = stack.login(Kind::Token, "ada").await;
    stack.reset();
    for _ in 0..3 {
        stack.token(Some(&session), Kind::Token, &[PRIVATE]).await;
    }
    let tags = stack.get(&stack.gateway(Kind::Token, PRIVATE_TAGS), Some(&session)).await;
    assert_eq!(tags.status, 200);
    let sent = stack.demo.requests(Kind::Token, Role::Registry)
        + stack.demo.requests(Kind::Token, Role::TokenService);
    let refused = stack.get(&stack.url("/v1/session"), Some(&format!("{session}A"))).await;
    assert_eq!(refused.status, 401);
    let (_, after) = scrape(&stack).await;

    let count = |name: &str, labels: &[(&str, &str)]| whole(after.value(name, labels));
    let requests = "dockpass_http_requests_total";
    assert_eq!(count(requests, &[("route", "/v1/sessions"), ("status", "2xx")]), 1);
    assert_eq!(count(requests, &[("route", "/v1/token"), ("status", "2xx")]), 3);
    assert_eq!(count(requests, &[("route", "/r/{registry}/v2/{path}"), ("status", "2xx")]), 1);
    assert_eq!(count(requests, &[("route", "/v1/session"), ("status", "4xx")]), 1);
    let errors = [("route", "/v1/session"), ("code", "invalid_session")];
    assert_eq!(count("dockpass_http_errors_total", &errors), 1);
    assert_eq!(count("dockpass_http_request_duration_seconds_count", &[("route", "/v1/token")]), 3);
    let lookups = "dockpass_token_cache_lookups_total";
    // The gateway needs the same token as the three requests.
    assert_eq!((count(lookups, &[("result", "hit")]), count(lookups, &[("result", "miss")])), (3, 1));
    assert_eq!(count("dockpass_token_flights_total", &[]), 1);
    assert_eq!(count("dockpass_token_flights_running", &[]), 0);
    assert_eq!(count("dockpass_rsa_queue_length", &[]), 0);
    assert!(count("dockpass_rsa_operations_total", &[]) >= 1);
    assert_eq!(
        count("dockpass_rsa_duration_seconds_count", &[]),
        count("dockpass_rsa_operations_total", &[])
    );
    assert!(count("dockpass_connections", &[]) >= 1, "the client's own");
    assert_eq!(count("dockpass_ready", &[]), 1);
    assert_eq!(count("dockpass_build_info", &[("version", env!("CARGO_PKG_VERSION"))]), 1);

    let upstream = |metrics: &Metrics| -> usize {
        let samples = metrics.0["dockpass_upstream_requests_total"].iter();
        let own = samples.filter(|(labels, _)| labels["registry"] == registry);
        own.map(|(_, count)| whole(*count)).sum()
    };
    // Before the reset, the login sent requests too.
    assert!(upstream(&after) > sent && sent >= 2, "{sent}");
    let basic = stack.name(Kind::Basic);
    let idle = [("registry", basic.as_str()), ("outcome", "2xx")];
    assert_eq!(count("dockpass_upstream_requests_total", &idle), 0, "registries are told apart");
    stack.end().await;
}

#[tokio::test]
async fn refusals_of_limits_and_dead_registries_are_counted() {
    let mut gone = None;
    let stack = Stack::with(DemoConfig::only([Kind::Token]), |config| {
        with_admin(config);
        config.limits.login_burst = 1.try_into().unwrap();
        config.limits.login_per_minute = 1.try_into().unwrap();
        // Nobody listens there.
        let entry =
            dockpass_keyserver::config::RegistrySettings::at("gone", "http://127.0.0.1:9".parse().unwrap());
        config.registries.push(entry.unwrap());
        gone = Some("127.0.0.1:9");
    })
    .await;
    assert_eq!(stack.try_login(Kind::Token, "ada", "not-the-password").await.status, 401);
    let limited = stack.try_login(Kind::Token, "ada", &stack.password).await;
    assert_eq!(limited.status, 429);
    let dead = stack.get(&stack.url("/r/127.0.0.1:9/v2/app/tags/list"), None).await;
    assert_eq!(dead.json()["code"], "upstream_unreachable");
    let (_, metrics) = scrape(&stack).await;
    assert!((metrics.value("dockpass_limited_total", &[("limit", "login")]) - 1.0).abs() < 0.5);
    let labels = [("registry", gone.unwrap()), ("outcome", "unreachable")];
    assert!((metrics.value("dockpass_upstream_requests_total", &labels) - 1.0).abs() < 0.5);
    stack.end().await;
}

/// Labels have values of fixed sets, so that neither a secret nor a stranger's text gets into a metric, and their
/// number does not grow with requests.
// Threats: LOG-01, LOG-04.
#[tokio::test]
async fn metrics_contain_no_input_and_no_secret() {
    let stack = Stack::with(DemoConfig::only([Kind::Token, Kind::Basic]), with_admin).await;
    let canary = format!("canary{}", random_hex());
    let mut secrets = vec![stack.password.clone(), canary.clone(), "ada".to_owned(), "vault".to_owned()];
    for kind in [Kind::Token, Kind::Basic] {
        let session = stack.login(kind, "ada").await;
        stack.get(&stack.gateway(kind, PRIVATE_TAGS), Some(&session)).await;
        if kind == Kind::Token {
            secrets.push(stack.token(Some(&session), kind, &[PRIVATE]).await);
        }
        secrets.push(session);
        stack.try_login(kind, &canary, &canary).await;
    }
    let (text, first) = scrape(&stack).await;
    let lines = text.lines().count();
    for path in [
        format!("/{canary}"),
        format!("/v1/{canary}"),
        format!("/v1/session?registry={canary}"),
        format!("/r/{canary}.test/v2/{canary}/tags/list"),
        format!("/r/{}/v2/{canary}/tags/list", stack.name(Kind::Token)),
    ] {
        stack.get(&stack.url(&path), Some(&canary)).await;
    }
    let host = stack.server.origin.trim_start_matches("http://").to_owned();
    raw(
        &stack.server.origin,
        &format!(
            "{canary} /{canary} HTTP/1.1\r\nHost: {host}\r\n{canary}: {canary}\r\nConnection: close\r\n\r\n"
        ),
    )
    .await;
    let (text, metrics) = scrape(&stack).await;
    for secret in &secrets {
        assert!(!text.contains(secret), "{secret} is in the metrics");
    }
    // Only codes that did not occur before add lines.
    let new = metrics.0["dockpass_http_errors_total"].len() - first.0["dockpass_http_errors_total"].len();
    assert_eq!(text.lines().count(), lines + new);

    let names: BTreeSet<&str> = metrics
        .0
        .values()
        .flat_map(|samples| samples.keys())
        .flat_map(|labels| labels.keys())
        .map(String::as_str)
        .collect();
    let expected = ["code", "le", "limit", "outcome", "registry", "result", "route", "status", "version"];
    assert_eq!(names, BTreeSet::from(expected));
    let registries = [stack.name(Kind::Token), stack.name(Kind::Basic)];
    assert_eq!(metrics.values_of("registry"), registries.iter().map(String::as_str).collect());
    assert_eq!(metrics.values_of("status"), BTreeSet::from(["1xx", "2xx", "3xx", "4xx", "5xx"]));
    assert_eq!(metrics.values_of("route").len(), 10, "{:?}", metrics.values_of("route"));
    let known = include_str!("../../docs/errors.md");
    for code in metrics.values_of("code") {
        assert!(known.contains(&format!("`{code}`")), "{code}");
    }
    stack.end().await;
}

#[tokio::test]
async fn the_admin_listener_is_for_programs_on_its_machine() {
    let stack = Stack::with(DemoConfig::only([Kind::Open]), with_admin).await;
    let admin = stack.server.admin.clone().unwrap();
    let get = async |path: &str| stack.client.get(&format!("{admin}{path}")).send().await.unwrap();
    for (path, status, body) in
        [("/healthz", 200, "ok\n"), ("/readyz", 200, "ready\n"), ("/v1/registries", 404, "")]
    {
        let response = get(path).await;
        assert_eq!(response.status, status, "{path}");
        assert!(response.text().starts_with(body), "{path}");
        assert!(!response.headers.contains_key("access-control-allow-origin"));
    }
    let posted = stack.client.call(Method::POST, &format!("{admin}/metrics")).send().await.unwrap();
    assert_eq!((posted.status, posted.header("allow")), (405, "GET, HEAD".to_owned()));
    // A page whose name resolves to loopback.
    let request = "GET /metrics HTTP/1.1\r\nHost: page.example\r\nConnection: close\r\n\r\n";
    assert_eq!(raw(&admin, request).await.0, 403);
    // The clients' listener has no metrics.
    assert_eq!(stack.get(&stack.url("/metrics"), None).await.status, 404);
    stack.end().await;
}

#[tokio::test]
async fn an_admin_address_in_use_is_an_error_unless_it_is_the_default() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = Settings { listen: "127.0.0.1:0".parse().unwrap(), ..Settings::default() };
    // If this fails, another program has it, which is the same for the test.
    let default = tokio::net::TcpListener::bind(settings.admin.listen.unwrap()).await;
    let server = Server::bind(settings.clone()).await.unwrap();
    assert_eq!(server.admin_address(), None);
    drop((server, default));
    settings.admin.listen = Some(taken.local_addr().unwrap());
    let error = Server::bind(settings).await.unwrap_err();
    let address = taken.local_addr().unwrap();
    assert!(matches!(error, ServeError::Listen { address: at, .. } if at == address), "{error}");
}
