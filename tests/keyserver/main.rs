//! The key server from outside, against the strict demo: what it answers, what it asks upstream and how often, and
//! what never leaves it.

// `cfg(test)` is always set here; clippy reads it as "this is a test", where unwrapping is how a test fails.
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
mod realms;
#[cfg(test)]
mod secrecy;
#[cfg(test)]
mod server;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod transport;
#[cfg(test)]
mod upstream;
