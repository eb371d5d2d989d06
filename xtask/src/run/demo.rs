//! Reads the file that the demo registry writes when it is ready (`dockpass-demo --ready-file`).

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use super::config::Registry;

/// The demo's registries, as read from its ready file.
#[derive(Debug)]
pub(crate) struct Ready(Value);

/// Reads the file; `None` while it does not exist or is incomplete.
pub(crate) fn read(path: &Path) -> Option<Ready> {
    let value: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    value.get("registries")?.as_array()?;
    Some(Ready(value))
}

impl Ready {
    fn list(&self) -> impl Iterator<Item = &Value> {
        self.0.get("registries").and_then(Value::as_array).into_iter().flatten()
    }

    /// The registries for the key server's configuration.
    pub(crate) fn registries(&self) -> Vec<Registry> {
        let registry = |value: &Value| Registry {
            name: text(value, "name"),
            url: text(value, "url"),
            realms: texts(value, "realms"),
            redirects: value.get("cdn").and_then(Value::as_str).map(str::to_owned).into_iter().collect(),
            catalog: texts(value, "repositories"),
        };
        self.list().map(registry).collect()
    }

    /// The table of logins.
    pub(crate) fn table(&self) -> String {
        let mut table = String::new();
        let mut row = |cells: [&str; 5]| {
            let [registry, kind, user, password, note] = cells;
            _ = writeln!(table, "  {registry:<18} {kind:<12} {user:<12} {password:<22} {note}");
        };
        row(["REGISTRY", "KIND", "USERNAME", "PASSWORD", ""]);
        for registry in self.list() {
            // The form in which the key server's API and `docker pull` take it.
            let url = text(registry, "url");
            let host = url.split_once("://").map_or(url.as_str(), |(_, host)| host);
            let kind = text(registry, "name");
            if items(registry, "logins").next().is_none() {
                row([host, &kind, "-", "-", "no login needed"]);
            }
            for login in items(registry, "logins") {
                let field = |key| text(login, key);
                row([host, &kind, &field("username"), &field("password"), &field("note")]);
            }
        }
        table
    }
}

fn texts(value: &Value, key: &str) -> Vec<String> {
    items(value, key).filter_map(Value::as_str).map(str::to_owned).collect()
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn items<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready() -> Ready {
        Ready(serde_json::json!({"registries": [
            {"name": "open", "url": "http://127.0.0.1:1", "realms": [], "flow": "open", "logins": []},
            {"name": "team", "url": "http://127.0.0.1:2", "realms": ["http://127.0.0.1:3/token"], "flow": "token",
             "cdn": "http://127.0.0.1:4", "repositories": ["a/b"],
             "logins": [{"username": "ann", "password": "pw", "note": "sees all"}]},
        ]}))
    }

    #[test]
    fn the_configuration_names_url_and_realms() {
        let registries = ready().registries();
        assert_eq!(registries.len(), 2);
        assert_eq!(registries[1].url, "http://127.0.0.1:2");
        assert_eq!(registries[1].realms, ["http://127.0.0.1:3/token"]);
        assert_eq!(registries[1].redirects, ["http://127.0.0.1:4"]);
        assert_eq!(registries[1].catalog, ["a/b"]);
        assert!(registries[0].redirects.is_empty() && registries[0].catalog.is_empty());
    }

    #[test]
    fn the_table_shows_every_login() {
        let table = ready().table();
        let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[1], ["127.0.0.1:1", "open", "-", "-", "no", "login", "needed"]);
        assert_eq!(rows[2], ["127.0.0.1:2", "team", "ann", "pw", "sees", "all"]);
    }

    #[test]
    fn an_incomplete_file_is_not_ready() {
        let path = crate::util::target().join("xtask-test-demo.json");
        assert!(read(&path).is_none());
        for (content, ready) in [("{\"regis", false), ("{}", false), ("{\"registries\":[]}", true)] {
            crate::util::write(&path, content).unwrap();
            assert_eq!(read(&path).is_some(), ready, "{content}");
        }
        crate::util::remove(&path).unwrap();
    }
}
