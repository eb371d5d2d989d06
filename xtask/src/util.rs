//! Folders, files and hashes.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The workspace's root, wherever the command was typed.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// Cargo's target folder of the host build.
pub(crate) fn target() -> PathBuf {
    // A relative CARGO_TARGET_DIR is relative to where cargo runs, and cargo is always run at the root here.
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// The cache for tools, shared by all checkouts: `$XDG_CACHE_HOME/dockpass` or `~/.cache/dockpass`.
pub(crate) fn cache() -> Result<PathBuf, Failure> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_CACHE_HOME")
        .filter(|path| path.is_absolute()) // the XDG specification ignores relative ones
        .or_else(|| set("HOME").map(|home| home.join(".cache")));
    let base = base.ok_or_else(|| {
        Failure::Unavailable("set XDG_CACHE_HOME or HOME; tools are installed there".to_owned())
    })?;
    Ok(base.join("dockpass"))
}

/// The first executable of that name on `PATH`.
pub(crate) fn which(name: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    // Debian installs some programs into folders that are not on the PATH of ordinary users.
    let extra = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&paths).chain(extra).map(|dir| dir.join(name)).find(|path| path.is_file())
}

/// Reads a text file.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(Failure::io("read", path))
}

/// Writes a file and creates its parent folders, unless the file has that content already: an unchanged file keeps its time
/// stamp, so that cargo does not rebuild. True if it was written.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<bool, Failure> {
    if fs::read(path).is_ok_and(|old| old == content.as_ref()) {
        return Ok(false);
    }
    if let Some(folder) = path.parent() {
        create_dir(folder)?;
    }
    fs::write(path, content).map_err(Failure::io("write", path))?;
    Ok(true)
}

/// Creates a folder and those above it.
pub(crate) fn create_dir(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path).map_err(Failure::io("create", path))
}

/// Removes a file or a folder with its contents, if it exists.
pub(crate) fn remove(path: &Path) -> Result<(), Failure> {
    let result = match fs::symlink_metadata(path) {
        Ok(data) if data.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match result {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Failure::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Every source file below `folder`, sorted, without hidden files and without folders of built or installed files. The path
/// of a file gives that file; a path that does not exist gives none.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    walk(folder, &|name| {
        !name.starts_with('.') && !["target", "node_modules", "dist", "artifacts", "corpus"].contains(&name)
    })
}

/// Every file below `folder`, sorted.
pub(crate) fn all_files(folder: &Path) -> Vec<PathBuf> {
    walk(folder, &|_| true)
}

fn walk(path: &Path, wanted: &dyn Fn(&str) -> bool) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| wanted(path.file_name().and_then(OsStr::to_str).unwrap_or_default()));
    paths.sort();
    paths.iter().flat_map(|path| walk(path, wanted)).collect()
}

/// Whether a name ends in one of these extensions.
pub(crate) fn has_extension(name: impl AsRef<Path>, extensions: &[&str]) -> bool {
    name.as_ref().extension().and_then(OsStr::to_str).is_some_and(|extension| extensions.contains(&extension))
}

/// A path as the documentation writes it: relative to the root.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// FNV-1a with 64 bits, to detect changed inputs. Not a cryptographic hash.
#[derive(Clone, Debug)]
pub(crate) struct Hash(u64);

impl Hash {
    pub(crate) fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Adds one field with its length, so that different fields never give the same input.
    pub(crate) fn add(mut self, field: impl AsRef<[u8]>) -> Self {
        let field = field.as_ref();
        for byte in (field.len() as u64).to_le_bytes().iter().chain(field) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self
    }

    /// Adds the names and contents of all files below these paths, relative to the root.
    pub(crate) fn add_files(mut self, paths: &[PathBuf]) -> Result<Self, Failure> {
        for path in paths.iter().flat_map(|path| files(path)) {
            let content = fs::read(&path).map_err(Failure::io("read", &path))?;
            self = self.add(shown(&path)).add(content);
        }
        Ok(self)
    }

    /// Sixteen hexadecimal digits.
    pub(crate) fn hex(&self) -> String {
        format!("{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_holds_the_workspace() {
        assert!(read(&root().join("Cargo.toml")).unwrap().contains("[workspace]"));
    }

    #[test]
    fn field_boundaries_change_the_hash() {
        assert_ne!(Hash::new().add("ab").add("c").hex(), Hash::new().add("a").add("bc").hex());
        assert_eq!(Hash::new().add("ab").hex(), Hash::new().add("ab").hex());
        assert_eq!(Hash::new().hex().len(), 16);
    }

    #[test]
    fn an_unchanged_file_is_not_written_again() {
        let folder = target().join("xtask-test-write");
        let path = folder.join("a/b.txt");
        remove(&folder).unwrap();
        assert!(write(&path, "one").unwrap());
        assert!(!write(&path, "one").unwrap());
        assert!(write(&path, "two").unwrap());
        assert_eq!(files(&folder), [path]);
        remove(&folder).unwrap();
        remove(&folder).unwrap();
        assert!(files(&folder).is_empty());
    }
}
