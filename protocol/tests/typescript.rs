//! `client-wasm/npm/codes.d.ts`: the names that JavaScript shares with this crate, as TypeScript unions.
//!
//! The file is generated from the enums and committed. This test fails when it is out of date;
//! `UPDATE=1 cargo test --package dockpass-protocol --test typescript` writes it again.

use std::path::Path;

use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::doctor::DiagnosisCode;
use dockpass_protocol::flow::{Decision, Hop};

const HEAD: &str = "\
// Generated from the Rust enums by protocol/tests/typescript.rs. Do not edit.
// UPDATE=1 cargo test --package dockpass-protocol --test typescript
";

/// One exported union of string literals, with its documentation.
fn union<'a>(name: &str, documentation: &str, values: impl Iterator<Item = &'a str>) -> String {
    let members: String = values.map(|value| ["  | '", value, "'\n"].concat()).collect();
    format!("\n/** {documentation} */\nexport type {name} =\n{members}")
}

fn generated() -> String {
    [
        HEAD.to_owned(),
        union("Hop", "The server that a request was sent to.", Hop::ALL.iter().map(|hop| hop.as_str())),
        union(
            "Decision",
            "What was decided after a response, or before a request.",
            Decision::ALL.iter().map(|decision| decision.as_str()),
        ),
        union(
            "OperationErrorCode",
            "Error codes of logins and registry requests. The key server's HTTP API uses the same codes.",
            ErrorCode::ALL.iter().map(|code| code.as_str()),
        ),
        union(
            "DiagnosisCode",
            "What `diagnose` found. Codes are added, never renamed.",
            DiagnosisCode::ALL.iter().map(|code| code.as_str()),
        ),
    ]
    .concat()
}

#[test]
fn the_typescript_unions_are_those_of_the_enums() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../client-wasm/npm/codes.d.ts");
    let wanted = generated();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &wanted).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(committed, wanted, "out of date; see the head of this test");
}
