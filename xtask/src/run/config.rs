//! Writes the key server's configuration for `cargo xtask run`.

use crate::flags::OwnRegistry;

/// One registry of the configuration.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Registry {
    pub(crate) name: String,
    pub(crate) url: String,
    /// Token services on other origins than the registry's own.
    pub(crate) realms: Vec<String>,
    /// Origins with private addresses that it redirects blobs to.
    pub(crate) redirects: Vec<String>,
    /// Repositories to show if the registry has no catalog.
    pub(crate) catalog: Vec<String>,
}

impl Registry {
    /// The user's own registry, named by its host.
    pub(crate) fn of_person(given: &OwnRegistry) -> Self {
        let host = given.url.split_once("://").map_or(given.url.as_str(), |(_, rest)| rest);
        let name = host.split('/').next().unwrap_or(host).to_owned();
        Self { name, url: given.url.clone(), realms: given.realms.clone(), ..Self::default() }
    }
}

/// The origins of the README's example page, and of pages that common development servers serve: Next.js, Vite's preview and
/// Vite.
pub(crate) fn development_pages() -> Vec<String> {
    [8000, 3000, 4173, 5173].map(|port| format!("http://localhost:{port}")).to_vec()
}

/// The configuration file. Pages of these origins may use the key server as well.
pub(crate) fn text(listen: &str, registries: &[Registry], pages: &[String]) -> String {
    let mut lines = vec!["# Written by `cargo xtask run`.".to_owned(), format!("listen: {}", quoted(listen))];
    if !pages.is_empty() {
        let pages: Vec<String> = pages.iter().map(|page| quoted(page)).collect();
        lines.extend(["cors:".to_owned(), format!("  allowed_origins: [{}]", pages.join(", "))]);
    }
    lines.push("registries:".to_owned());
    for registry in registries {
        lines.push(format!("  - name: {}", quoted(&registry.name)));
        lines.push(format!("    url: {}", quoted(&registry.url)));
        let lists = [
            ("realms", &registry.realms),
            ("redirects", &registry.redirects),
            ("catalog", &registry.catalog),
        ];
        for (key, values) in lists {
            if !values.is_empty() {
                let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
                lines.push(format!("    {key}: [{}]", values.join(", ")));
            }
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

/// A JSON string is a YAML string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_own_registry_is_named_by_its_host() {
        let given =
            OwnRegistry { url: "https://r.example:5000".to_owned(), realms: vec!["https://a/t".to_owned()] };
        let registry = Registry::of_person(&given);
        assert_eq!(
            (registry.name.as_str(), registry.url.as_str()),
            ("r.example:5000", "https://r.example:5000")
        );
        assert_eq!(registry.realms, ["https://a/t"]);
    }

    #[test]
    fn every_value_is_quoted() {
        let registries = [
            Registry { name: "no: \"x\"\n".to_owned(), url: "http://h".to_owned(), ..Registry::default() },
            Registry {
                name: "b".to_owned(),
                url: "http://i".to_owned(),
                realms: vec!["http://j/t".to_owned()],
                redirects: vec!["http://k".to_owned()],
                catalog: vec!["a/b".to_owned(), "c".to_owned()],
            },
        ];
        let expected = "\
# Written by `cargo xtask run`.
listen: \"127.0.0.1:8780\"
cors:
  allowed_origins: [\"http://localhost:8000\"]
registries:
  - name: \"no: \\\"x\\\"\\n\"
    url: \"http://h\"
  - name: \"b\"
    url: \"http://i\"
    realms: [\"http://j/t\"]
    redirects: [\"http://k\"]
    catalog: [\"a/b\", \"c\"]
";
        assert_eq!(text("127.0.0.1:8780", &registries, &["http://localhost:8000".to_owned()]), expected);
    }
}
