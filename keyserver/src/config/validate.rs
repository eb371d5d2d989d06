//! The rules that a type cannot say.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use dockpass_protocol::address::is_public;
use dockpass_protocol::origin::{Origin, Scheme};

use super::Config;
use super::source::{ConfigProblem, Tree};
use crate::registry;

/// Every broken rule.
pub(super) fn check(config: &Config, tree: &Tree) -> Vec<ConfigProblem> {
    let mut rules = Rules { tree, problems: Vec::new() };
    rules.server(config);
    rules.registries(config);
    rules.numbers(config);
    rules.problems
}

struct Rules<'a> {
    tree: &'a Tree,
    problems: Vec<ConfigProblem>,
}

impl Rules<'_> {
    fn wrong(&mut self, key: &str, message: impl Into<String>) {
        self.problems.push(self.tree.problem(key, message));
    }

    fn server(&mut self, config: &Config) {
        if config.listen.parse::<SocketAddr>().is_err() {
            self.wrong("listen", "expected an address and a port, such as 127.0.0.1:8780");
        }
        if let Some(problem) = config.origin_problem() {
            self.wrong("listen", problem);
        }
        if let Some(text) = &config.public_origin
            && Origin::parse(text).is_err()
        {
            self.wrong("public_origin", "expected scheme and host, such as https://registry.example.com");
        }
        for (index, text) in config.trusted_proxies.iter().enumerate() {
            if text.parse::<IpAddr>().is_err() {
                self.wrong(&format!("trusted_proxies[{index}]"), "expected an IP address");
            }
        }
        for (index, text) in config.cors.allowed_origins.iter().enumerate() {
            let key = format!("cors.allowed_origins[{index}]");
            if text.contains('*') || text.eq_ignore_ascii_case("null") {
                self.wrong(&key, "neither `*`, `null` nor a pattern: each origin is written out, because a session is behind it");
            } else {
                match Origin::parse(text) {
                    Ok(origin) if origin.to_string() == *text => {}
                    Ok(origin) => self.wrong(&key, format!("write it as browsers send it: {origin}")),
                    Err(_) => self.wrong(&key, "expected scheme and host, such as https://apps.example.com"),
                }
            }
        }
        if tracing_subscriber::EnvFilter::try_new(&config.log.filter).is_err() {
            self.wrong("log.filter", "expected a filter such as `info` or `info,dockpass_keyserver=debug`");
        }
    }

    fn registries(&mut self, config: &Config) {
        let registries = &config.registries;
        let own = Origin::parse(&config.origin()).ok();
        let mut seen = BTreeSet::new();
        for (index, entry) in registries.iter().enumerate() {
            let key = |part: &str| format!("registries[{index}]{part}");
            let located = match registry::locate(entry) {
                Ok(located) => located,
                Err(problem) => {
                    let part = if entry.url.is_some() { ".url" } else { "" };
                    self.wrong(&key(part), problem);
                    continue;
                }
            };
            if !seen.insert(located.name.clone()) {
                self.wrong(&key(""), "this registry is in the list twice");
            }
            if own.as_ref() == Some(&located.origin) {
                self.wrong(&key(""), "this is the key server itself");
            }
            if located.origin.scheme() == Scheme::Http && !entry.insecure_http && !stays_near(&located.origin)
            {
                self.wrong(
                    &key(".url"),
                    "http:// would send passwords in the clear; use https, or say `insecure_http: true` if that is meant",
                );
            }
            for (at, realm) in entry.realms.iter().enumerate() {
                let part = key(&format!(".realms[{at}]"));
                match registry::realm_origin(&located.origin, realm) {
                    None => self.wrong(
                        &part,
                        "expected the URL of a token service, such as https://auth.example.com/token, without user, query \
                         or fragment, and https for a registry that is https",
                    ),
                    Some(origin) if origin.scheme() == Scheme::Http && !entry.insecure_http && !stays_near(&origin) => self
                        .wrong(&part, "http:// would send passwords in the clear; use https, or say `insecure_http: true` if that is meant"),
                    Some(_) => {}
                }
            }
            for (at, origin) in entry.redirects.iter().enumerate() {
                if Origin::parse(origin).is_err() {
                    self.wrong(
                        &key(&format!(".redirects[{at}]")),
                        "expected scheme and host, such as https://storage.example.com",
                    );
                }
            }
        }
    }

    fn numbers(&mut self, config: &Config) {
        let limits = &config.limits;
        let session = &config.session;
        let number = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        let bounds: [(&str, u64, RangeInclusive<u64>); 20] = [
            ("session.lifetime_seconds", session.lifetime_seconds, 60..=2_592_000),
            ("cache.max_bytes", config.cache.max_bytes, 65_536..=1 << 36),
            ("cache.max_token_seconds", config.cache.max_token_seconds, 0..=3_600),
            ("cache.denial_seconds", config.cache.denial_seconds, 0..=30),
            ("limits.login_burst", limits.login_burst.into(), 1..=100_000),
            ("limits.login_per_minute", limits.login_per_minute.into(), 1..=100_000),
            ("limits.account_per_minute", limits.account_per_minute.into(), 1..=100_000),
            ("limits.anonymous_per_minute", limits.anonymous_per_minute.into(), 1..=100_000),
            ("limits.body_bytes", number(limits.body_bytes), 1_024..=1 << 20),
            ("limits.header_bytes", number(limits.header_bytes), 8_192..=1 << 20),
            ("limits.credential_bytes", number(limits.credential_bytes), 64..=65_536),
            ("limits.connections", number(limits.connections), 1..=1_000_000),
            ("limits.connections_per_address", number(limits.connections_per_address), 1..=1_000_000),
            ("limits.rsa_concurrency", number(limits.rsa_concurrency), 0..=1_024),
            ("limits.rsa_queue", number(limits.rsa_queue), 1..=100_000),
            ("limits.header_seconds", limits.header_seconds, 1..=300),
            ("limits.request_seconds", limits.request_seconds, 1..=600),
            ("limits.connect_seconds", limits.connect_seconds, 1..=60),
            ("limits.upstream_seconds", limits.upstream_seconds, 1..=300),
            ("limits.idle_seconds", limits.idle_seconds, 1..=3_600),
        ];
        for (key, value, range) in bounds {
            if !range.contains(&value) {
                self.wrong(key, format!("expected a number from {} to {}", range.start(), range.end()));
            }
        }
        for (key, value) in
            [("limits.stop_seconds", limits.stop_seconds), ("limits.drain_seconds", limits.drain_seconds)]
        {
            if value > 300 {
                self.wrong(key, "expected a number from 0 to 300");
            }
        }
    }
}

/// Whether cleartext to this host stays on the machine or its own network. Names other than `localhost` do not count:
/// what they resolve to is somebody else's word.
fn stays_near(origin: &Origin) -> bool {
    match origin.ip() {
        Some(address) => !is_public(address),
        None => origin.host() == "localhost" || origin.host().ends_with(".localhost"),
    }
}
