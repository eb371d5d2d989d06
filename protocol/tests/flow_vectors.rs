//! Runs the vectors of origins, realms, addresses, links, waits, diagnoses and flows; the schema is in `testdata/README.md`.
//!
//! A case fails on any difference and on unknown members, so that no expectation is ignored.

// With this attribute clippy treats the helpers as test code.
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
fn waits() {
    files::waits();
}

#[test]
fn diagnoses() {
    files::diagnoses();
}
