//! Runs the vectors of origins, realms, addresses, links, diagnoses and flows; the schema is in `testdata/README.md`.
//!
//! A case fails on any difference and on any member that the runner does not know, so that no expectation is ever
//! silently ignored.

// Clippy knows the helpers for test code only so.
#![cfg(test)]

#[path = "flow_vectors/files.rs"]
mod files;

#[test]
fn origins() {
    files::origins();
}

#[test]
fn realms() {
    files::realms();
}

#[test]
fn addresses() {
    files::addresses();
}

#[test]
fn flows() {
    files::flows();
}

#[test]
fn links() {
    files::links();
}

#[test]
fn diagnoses() {
    files::diagnoses();
}
