//! Integration tests of the key server with the demo: its responses, the number and content of its upstream requests, and
//! the secrecy of credentials.

// `cfg(test)` is always set here; clippy reads it as "this is a test", where unwrapping is how a test fails.
#[cfg(test)]
mod api;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod base_path;
#[cfg(test)]
mod blobs;
#[cfg(test)]
mod cors;
#[cfg(test)]
mod diagnoses;
#[cfg(test)]
mod flows;
#[cfg(test)]
mod forgery;
#[cfg(test)]
mod gateway;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod logins;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod realms;
#[cfg(test)]
mod registry_options;
#[cfg(test)]
mod secrecy;
#[cfg(test)]
mod server;
#[cfg(test)]
mod session_policy;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod transport;
#[cfg(test)]
mod upstream;
