//! The ready file: addresses and logins for the process that started the demo.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::access::Visibility;
use super::kind::Kind;
use super::site::Site;

/// The content of the ready file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ready {
    /// The running registries.
    pub registries: Vec<ReadyRegistry>,
    /// Origin of the control endpoint.
    pub control: String,
}

/// One running registry.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReadyRegistry {
    /// Name of its kind.
    pub name: String,
    /// Its origin.
    pub url: String,
    /// URLs of its token service: none or one.
    pub realms: Vec<String>,
    /// `open`, `token`, `hub` or `basic`.
    pub flow: String,
    /// The logins; empty for an open registry.
    pub logins: Vec<Login>,
    /// Origin that blobs are redirected to, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cdn: Option<String>,
    /// Repositories to show if the registry has no catalog; otherwise empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<String>,
}

/// A demo login.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Login {
    /// Name to log in with.
    pub username: String,
    /// Password to log in with.
    pub password: String,
    /// The purpose of this user.
    pub note: String,
}

/// The repositories to show without a catalog: public and private ones, many tags, hostile labels.
const OFFERED: [&str; 6] =
    ["labs/hostile-labels", "library/alpine", "library/python", "team-a/api", "team-b/app", "vault/keys"];

/// Describes a registry for the ready file.
pub(crate) fn describe(site: &Site) -> ReadyRegistry {
    let users = if site.kind == Kind::Open { &[][..] } else { &site.demo_state.config.users[..] };
    let logins = users.iter().map(|user| Login {
        username: user.name.clone(),
        password: user.password.clone(),
        note: match user.sees {
            Visibility::Everything => "sees every repository".to_owned(),
            Visibility::Below(prefix) => format!("sees {prefix}* and what is public"),
        },
    });
    ReadyRegistry {
        name: site.kind.name().to_owned(),
        url: format!("http://{}", site.registry),
        realms: site.realm().into_iter().collect(),
        flow: site.kind.flow().to_owned(),
        logins: logins.collect(),
        cdn: site.cdn.map(|address| format!("http://{address}")),
        repositories: if site.kind == Kind::Hub { OFFERED.map(str::to_owned).to_vec() } else { Vec::new() },
    }
}

impl Ready {
    /// A short table for a terminal.
    pub fn table(&self) -> String {
        let mut table = String::new();
        for registry in &self.registries {
            let realm = registry.realms.first().map_or("-", String::as_str);
            let ReadyRegistry { name, url, flow, .. } = registry;
            // Writing to a string cannot fail.
            let _ = writeln!(table, "{name:<10} {url:<24} flow {flow:<6} realm {realm}");
        }
        let mut shown = Vec::new();
        for login in self.registries.iter().flat_map(|registry| &registry.logins) {
            if !shown.contains(&&login.username) {
                shown.push(&login.username);
                let _ = writeln!(table, "login {} / {} ({})", login.username, login.password, login.note);
            }
        }
        let _ = writeln!(table, "control    {}", self.control);
        table
    }
}
