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
    let mut code = String::from("/// Path, bytes, and the same compressed.\n");
    code.push_str("static FILES: &[(&str, &[u8], Option<&[u8]>)] = &[\n");
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
            fs::write(&path, packed)?;
            format!("Some(include_bytes!({:?}))", path)
        } else {
            "None".to_owned()
        };
        writeln!(code, "    ({name:?}, include_bytes!({file:?}), {gzip}),")?;
    }
    code.push_str("];\n");
    fs::write(out.join("page.rs"), code)?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { collect(&path, files)? } else { files.push(path) }
    }
    Ok(())
}
