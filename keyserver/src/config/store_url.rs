//! The address of the store, and what names in it start with.

use std::fmt;

use redis::{ConnectionInfo, IntoConnectionInfo};

use super::kind::Parsed;

/// `redis://store.example.com:6379`.
pub(super) fn store_url() -> Parsed<StoreUrl> {
    Parsed {
        parse: |text| StoreUrl::parse(text).map_err(str::to_owned),
        show: ToString::to_string,
        examples: &["redis://127.0.0.1:6379", "rediss://store.example.com:6380/0"],
    }
}

/// What names in the store start with.
pub(super) fn store_prefix() -> Parsed<String> {
    Parsed {
        parse: |text| {
            if is_prefix(text) {
                Ok(text.to_owned())
            } else {
                Err("expected 1 to 64 lower-case letters, digits, `-` and `_`".to_owned())
            }
        },
        show: String::clone,
        examples: &["dockpass"],
    }
}

/// The address of a store: `redis://HOST:PORT/DATABASE`, or `rediss://` for TLS. It holds no credentials.
#[derive(Clone)]
pub struct StoreUrl {
    text: String,
    info: ConnectionInfo,
}

impl StoreUrl {
    /// Parses a URL.
    ///
    /// # Errors
    /// What is wrong with it. The message does not repeat it, since it may hold a password.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err("expected redis://HOST:PORT, or rediss://HOST:PORT for TLS");
        };
        if scheme.contains("sentinel") || scheme.contains("cluster") || rest.contains(',') {
            return Err(
                "Sentinel and Cluster are not supported; give the address of one primary, or of a name or proxy that \
                 follows it",
            );
        }
        if !matches!(scheme, "redis" | "rediss" | "valkey" | "valkeys") {
            return Err("expected the scheme redis, or rediss for TLS");
        }
        if rest.contains('@') {
            return Err(
                "user name and password do not belong in the URL; `username_file` and `password_file` name the files \
                 that hold them",
            );
        }
        if rest.contains(['?', '#']) {
            return Err("expected nothing after the number of the database: no query, no fragment");
        }
        let info = text.into_connection_info().map_err(
            |_| "expected redis://HOST:PORT/DATABASE, with a host other than 0.0.0.0 and a whole number",
        )?;
        Ok(Self { text: text.to_owned(), info })
    }

    /// The address for the client library.
    pub(crate) fn connection_info(&self) -> &ConnectionInfo {
        &self.info
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StoreUrl").field(&self.text).finish()
    }
}

/// Whether every name in the store may start with this: 1 to 64 lower-case letters, digits, `-` and `_`.
fn is_prefix(text: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::{StoreUrl, is_prefix};

    #[test]
    fn valid_and_invalid_store_urls() {
        for good in [
            "redis://127.0.0.1",
            "redis://127.0.0.1:6379",
            "redis://[::1]:6379/3",
            "rediss://store.example.com:6380/0",
            "valkey://store:6379",
        ] {
            assert_eq!(StoreUrl::parse(good).unwrap().to_string(), good);
        }
        for (bad, says) in [
            ("", "redis://"),
            ("127.0.0.1:6379", "redis://"),
            ("http://127.0.0.1", "scheme"),
            ("unix:///run/redis.sock", "scheme"),
            ("redis+sentinel://a:1,b:2/mymaster", "Sentinel"),
            ("redis-cluster://a:1", "Cluster"),
            ("redis://a:1,b:2", "Sentinel"),
            ("redis://user:hunter2@host", "password_file"),
            ("redis://host?password=hunter2", "no query"),
            ("rediss://host/#insecure", "no query"),
            ("redis://host/hunter2", "number"),
            ("redis://0.0.0.0", "0.0.0.0"),
        ] {
            let message = StoreUrl::parse(bad).unwrap_err();
            assert!(message.contains(says), "{bad}: {message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn prefixes_are_plain() {
        assert!(is_prefix("dockpass") && is_prefix("a-b_9"));
        for bad in ["", "a b", "a:b", "A", "*", "{a}", &"a".repeat(65)] {
            assert!(!is_prefix(bad), "{bad}");
        }
    }
}
