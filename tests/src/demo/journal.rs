//! The recorded requests and violations, without secrets.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::kind::Kind;
use super::received::Received;
use super::rules::{BrokenRule, Rule};

/// The role of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Manifests, tags, blobs, catalog.
    Registry,
    /// Tokens.
    TokenService,
    /// The host that blobs are redirected to.
    Cdn,
}

/// One request as it arrived.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Order of arrival, from 1.
    pub seq: u64,
    /// Which registry it belongs to.
    pub registry: Kind,
    /// Which of its servers it reached.
    pub role: Role,
    /// Number of the TCP connection, over all servers.
    pub connection: u64,
    /// Request method.
    pub method: String,
    /// Path without the query, as sent.
    pub path: String,
    /// Query parameters, decoded, in order; values that may be secret are `…`.
    pub query: Vec<(String, String)>,
    /// Names of the form's fields, for a `POST` to the token service.
    pub form: Vec<String>,
    /// Names of all headers, in lower case, one for each line.
    pub headers: Vec<String>,
    /// Values of headers that hold no secret.
    pub shown: BTreeMap<String, String>,
    /// Scheme of `Authorization`, in lower case.
    pub authorization: Option<String>,
    /// User name of `Basic` credentials.
    pub user: Option<String>,
    /// Status of the response; absent while it is not finished, or if the connection was closed.
    pub status: Option<u16>,
    /// Whether the response comes from a script.
    pub scripted: bool,
}

/// A violation of the specifications.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Violation {
    /// The record it belongs to.
    pub seq: u64,
    /// Which registry it belongs to.
    pub registry: Kind,
    /// Which of its servers received it.
    pub role: Role,
    /// The rule, by its stable name.
    pub rule: Rule,
    /// The reason, for people.
    pub detail: String,
}

/// Headers whose values are shown.
const SHOWN: [&str; 9] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-type",
    "host",
    "if-none-match",
    "range",
    "transfer-encoding",
    "user-agent",
];

/// Query parameters whose values are shown.
const SHOWN_PARAMETERS: [&str; 12] = [
    "account",
    "artifactType",
    "client_id",
    "digest",
    "expires",
    "from",
    "last",
    "mount",
    "n",
    "offline_token",
    "scope",
    "service",
];

#[derive(Debug, Default)]
pub(crate) struct Journal(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    next_seq: u64,
    connections: u64,
    records: Vec<Record>,
    violations: Vec<Violation>,
}

impl Journal {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a new TCP connection and returns its number.
    pub(crate) fn connection(&self) -> u64 {
        let mut entries = self.entries();
        entries.connections += 1;
        entries.connections
    }

    /// Records a request on arrival and returns its number.
    pub(crate) fn arrived(&self, registry: Kind, role: Role, connection: u64, request: &Received) -> u64 {
        let mut entries = self.entries();
        entries.next_seq += 1;
        let seq = entries.next_seq;
        entries.records.push(Record {
            seq,
            registry,
            role,
            connection,
            method: request.method.to_string(),
            path: request.path.clone(),
            query: request
                .query_leniently()
                .into_iter()
                .map(|(name, value)| {
                    let shown = SHOWN_PARAMETERS.contains(&name.as_str());
                    (name, if shown { value } else { "…".to_owned() })
                })
                .collect(),
            form: request.form_names(),
            headers: request
                .headers
                .keys()
                .flat_map(|name| {
                    let lines = request.headers.get_all(name).iter().count();
                    std::iter::repeat_n(name.as_str().to_owned(), lines)
                })
                .collect(),
            shown: SHOWN
                .into_iter()
                .filter_map(|name| Some((name.to_owned(), request.header(name)?)))
                .collect(),
            authorization: request.authorization_scheme(),
            user: request.basic_user(),
            status: None,
            scripted: false,
        });
        seq
    }

    /// Records the response to a request.
    pub(crate) fn responded(&self, seq: u64, status: Option<u16>, scripted: bool) {
        let mut entries = self.entries();
        // From the end, because the request arrived recently.
        if let Some(record) = entries.records.iter_mut().rev().find(|record| record.seq == seq) {
            record.status = status;
            record.scripted = scripted;
        }
    }

    /// Records a violation.
    pub(crate) fn violated(&self, seq: u64, registry: Kind, role: Role, broken: &BrokenRule) {
        self.entries().violations.push(Violation {
            seq,
            registry,
            role,
            rule: broken.rule,
            detail: broken.detail.clone(),
        });
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.entries().records.clone()
    }

    pub(crate) fn violations(&self) -> Vec<Violation> {
        self.entries().violations.clone()
    }

    pub(crate) fn count(&self, registry: Kind, role: Role) -> usize {
        let entries = self.entries();
        entries.records.iter().filter(|record| record.registry == registry && record.role == role).count()
    }

    /// Requests for each registry and role, for the control endpoint.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, BTreeMap<Role, usize>> {
        let mut counts: BTreeMap<_, BTreeMap<_, usize>> = BTreeMap::new();
        for record in &self.entries().records {
            *counts.entry(record.registry.name()).or_default().entry(record.role).or_default() += 1;
        }
        counts
    }

    /// Removes records and violations. Numbers are not reused, so that late responses do not match another record.
    pub(crate) fn clear(&self) {
        let mut entries = self.entries();
        entries.records.clear();
        entries.violations.clear();
    }
}
