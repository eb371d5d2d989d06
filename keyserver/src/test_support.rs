//! What the tests of this crate share. What they see over HTTP is tested from outside.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::config::RegistrySettings;

/// 2026-11-23T12:00:00Z.
pub(crate) const NOW_MS: i64 = 1_795_435_200_000;

/// One key for all tests, kept below the target folder; making one takes longer than most tests.
pub(crate) fn key_file() -> PathBuf {
    static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = Path::new(env!("OUT_DIR"));
        let file = folder.join("test-key.pem");
        if !file.exists() {
            // Another process may do the same at this moment; a rename is never half done.
            let own = folder.join(format!("test-key-{}.pem", std::process::id()));
            crate::session::keyring::generate_file(&own, 2_048).unwrap();
            std::fs::rename(own, &file).unwrap();
        }
        file
    });
    FILE.clone()
}

/// The settings of a registry at this URL.
pub(crate) fn registry_settings(url: &str) -> RegistrySettings {
    RegistrySettings::at("R", url.parse().unwrap()).unwrap()
}

/// Asserts that a file of the repository holds this text, or writes it where `UPDATE` is set in the environment.
#[track_caller]
pub(crate) fn committed(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, text).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == text,
        "{path} is not what the code generates; write it with `UPDATE=1 cargo test -p dockpass-keyserver committed`"
    );
}
