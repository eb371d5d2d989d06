//! Values of a form of their own: addresses, origins, networks, log filters.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use dockpass_protocol::origin::Origin;
use ipnet::IpNet;
use tracing_subscriber::filter::{Directive, EnvFilter, LevelFilter, ParseError};

use super::kind::Parsed;
use super::public_url::PublicUrl;

/// `127.0.0.1:8780` or `[::1]:8780`.
pub(super) fn socket_address() -> Parsed<SocketAddr> {
    Parsed {
        parse: |text| {
            text.parse().map_err(|_| "expected an address and a port, such as 127.0.0.1:8780".to_owned())
        },
        show: ToString::to_string,
        examples: &["127.0.0.1:8780", "[::1]:8780", "0.0.0.0:8780"],
    }
}

/// `https://registry.example.com`.
pub(super) fn origin() -> Parsed<Origin> {
    Parsed {
        parse: |text| {
            Origin::parse(text)
                .map_err(|_| "expected scheme and host, such as https://registry.example.com".to_owned())
        },
        show: ToString::to_string,
        examples: &["https://registry.example.com"],
    }
}

/// `https://registry.example.com` or `https://apps.example.com/registry-login`.
pub(super) fn public_url() -> Parsed<PublicUrl> {
    Parsed {
        parse: |text| {
            text.parse().map_err(|_| {
                "expected scheme and host, such as https://registry.example.com, and perhaps a path of letters, digits \
                 and -._~ that does not begin like one of the server's own, such as /registry-login"
                    .to_owned()
            })
        },
        show: ToString::to_string,
        examples: &["https://registry.example.com", "https://apps.example.com/registry-login"],
    }
}

/// The origin of a page, in the form in which browsers send it.
pub(super) fn page_origin() -> Parsed<Origin> {
    Parsed {
        parse: |text| {
            if text.contains('*') || text.eq_ignore_ascii_case("null") {
                return Err(
                    "`*`, `null` and patterns are not allowed, because allowed pages may use sessions; \
                            write out each origin"
                        .to_owned(),
                );
            }
            match Origin::parse(text) {
                Ok(origin) if origin.to_string() == text => Ok(origin),
                Ok(_) => Err("write it as browsers send it: in lower case, without a default port or a slash at the end".to_owned()),
                Err(_) => Err("expected scheme and host, such as https://apps.example.com".to_owned()),
            }
        },
        show: ToString::to_string,
        examples: &["https://apps.example.com"],
    }
}

/// An IP address or a network: `10.0.0.1`, `10.0.0.0/8`, `fd00::/8`.
pub(super) fn network() -> Parsed<IpNet> {
    Parsed {
        parse: |text| {
            let network = match text.parse::<IpAddr>() {
                Ok(address) => Ok(IpNet::from(address.to_canonical())),
                Err(_) => text.parse::<IpNet>(),
            };
            network
                .map_err(|_| "expected an IP address or a network, such as 10.0.0.1 or 10.0.0.0/8".to_owned())
        },
        show: |network| {
            if network.prefix_len() == network.max_prefix_len() {
                network.addr().to_string()
            } else {
                network.to_string()
            }
        },
        examples: &["10.0.0.1", "10.0.0.0/8", "fd00::/8"],
    }
}

/// The PEM file of a key.
pub(super) fn key_file() -> Parsed<PathBuf> {
    Parsed { examples: &["/etc/dockpass/key.pem"], ..super::kind::path() }
}

/// Which log lines are written, in the syntax of `tracing`'s `EnvFilter`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter {
    directives: Vec<Directive>,
}

impl LogFilter {
    /// Parses `info,dockpass_keyserver=debug`.
    ///
    /// # Errors
    /// [`ParseError`] for a directive that is not of the syntax.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let parts = text.split(',').filter(|part| !part.is_empty());
        let directives = parts.map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self { directives })
    }

    /// Everything at `info` and above.
    pub fn info() -> Self {
        Self { directives: vec![LevelFilter::INFO.into()] }
    }

    /// The filter for a subscriber.
    pub(crate) fn build(&self) -> EnvFilter {
        let nothing = EnvFilter::builder().with_default_directive(LevelFilter::OFF.into()).parse_lossy("");
        self.directives.iter().cloned().fold(nothing, EnvFilter::add_directive)
    }
}

/// See [`LogFilter`].
pub(super) fn log_filter() -> Parsed<LogFilter> {
    Parsed {
        parse: |text| {
            LogFilter::parse(text)
                .map_err(|_| "expected a filter such as `info` or `info,dockpass_keyserver=debug`".to_owned())
        },
        show: |filter| {
            let directives: Vec<String> = filter.directives.iter().map(ToString::to_string).collect();
            directives.join(",")
        },
        examples: &["info", "debug", "info,dockpass_keyserver=trace"],
    }
}
