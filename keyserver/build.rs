//! Embeds the page: every file under `target/www` of the workspace, where `cargo xtask dist` puts it.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let www = root.parent().ok_or("the key server has no workspace around it")?.join("target/www");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", www.display());

    let mut files = Vec::new();
    if www.is_dir() {
        collect(&www, &mut files)?;
    }
    files.sort();
    let mut code = String::new();
    code.push_str("static FILES: &[Embedded] = &[\n");
    for (index, file) in files.iter().enumerate() {
        let name = file
            .strip_prefix(&www)?
            .to_str()
            .ok_or("a file name of the page is not UTF-8")?
            .replace('\\', "/");
        let bytes = fs::read(file)?;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&bytes)?;
        let packed = encoder.finish()?;
        let gzip = if packed.len() < bytes.len() {
            let path = out.join(format!("{index}.gz"));
            write_if_new(&path, &packed)?;
            format!("Some(include_bytes!({:?}))", path.to_string_lossy())
        } else {
            "None".to_owned()
        };
        writeln!(code, "    ({name:?}, include_bytes!({:?}), {gzip}),", file.to_string_lossy())?;
    }
    code.push_str("];\n");
    write_if_new(&out.join("page.rs"), code.as_bytes())?;
    Ok(())
}

/// Without a page cargo runs this script every time; what it writes must then not look new, or all is compiled again.
fn write_if_new(path: &Path, content: &[u8]) -> Result<(), Box<dyn Error>> {
    if !fs::read(path).is_ok_and(|old| old == content) {
        fs::write(path, content)?;
    }
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { collect(&path, files)? } else { files.push(path) }
    }
    Ok(())
}
