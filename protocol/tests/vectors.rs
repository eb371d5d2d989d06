//! Runs the vectors of `testdata`, which JavaScript runs as well; the schema is in `testdata/README.md`.
//!
//! A case fails on any difference and on unknown members, so that no expectation is ignored.

// With this attribute clippy treats the helpers as test code.
#![cfg(test)]

#[path = "vectors/files.rs"]
mod files;

#[test]
fn challenges() {
    files::challenges();
}

#[test]
fn scopes() {
    files::scopes();
}

#[test]
fn endpoints() {
    files::endpoints();
}

#[test]
fn tokens() {
    files::tokens();
}

#[test]
fn token_responses() {
    files::token_responses();
}

#[test]
fn references() {
    files::references();
}

#[test]
fn names_are_sentences_and_vectors_have_sources() {
    files::names_are_sentences_and_vectors_have_sources();
}
