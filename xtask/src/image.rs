//! `cargo xtask image`: the key server as an OCI image without a base image.

use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::tools::system::{self, Requirement};
use crate::{dist, process, util, wasm};

/// What the image trusts: the certificate authorities of the machine that builds it.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Builds the release and its image, and prints what to do with it.
pub(crate) fn image() -> Result<(), Failure> {
    wasm::build()?;
    let archive = build(&dist::key_server()?, &util::target().join("dist"))?;
    println!("{}", util::shown(&archive));
    println!(
        "  skopeo copy oci-archive:{} docker://REGISTRY/dockpass-keyserver:{VERSION}",
        util::shown(&archive)
    );
    println!("  or: podman load --input {}", util::shown(&archive));
    Ok(())
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Builds the image of this program, which must be linked statically, and writes it into `folder` as an OCI archive.
pub(crate) fn build(program: &Path, folder: &Path) -> Result<PathBuf, Failure> {
    system::require(&[Requirement::Buildah])?;
    if !Path::new(AUTHORITIES).is_file() {
        let text = format!("{AUTHORITIES} is missing; install the package ca-certificates");
        return Err(Failure::Unavailable(text));
    }
    let context = util::target().join("image");
    util::remove(&context)?;
    util::create_dir(&context)?;
    for (from, name) in [(program, "dockpass-keyserver"), (Path::new(AUTHORITIES), "ca-certificates.crt")] {
        std::fs::copy(from, context.join(name)).map_err(Failure::io("copy", from))?;
    }
    util::create_dir(folder)?;
    let archive = folder.join(format!("dockpass-keyserver-{VERSION}.oci.tar"));
    util::remove(&archive)?;
    // A store of its own below `target`, by copying files: this needs neither privileges nor a file system for layers.
    let store = util::target().join("image-store");
    let buildah = |arguments: &[&str]| {
        let mut command = process::command("buildah");
        command.args(["--storage-driver", "vfs", "--root"]).arg(store.join("root"));
        command.arg("--runroot").arg(store.join("run")).args(arguments);
        command
    };
    let name = format!("localhost/dockpass-keyserver:{VERSION}");
    let file = util::root().join("deploy/container/Containerfile");
    let mut build = buildah(&["build", "--isolation", "chroot", "--format", "oci", "--tag", &name, "--file"]);
    process::quiet("building the image", build.arg(&file).arg(&context))?;
    let target = format!("oci-archive:{}:dockpass-keyserver:{VERSION}", archive.display());
    process::quiet("writing the image", &mut buildah(&["push", &name, &target]))?;
    process::quiet("removing the builder's store", &mut buildah(&["rmi", "--all", "--force"]))?;
    Ok(archive)
}
