//! The images and artifacts of the registries: small, complete, and with correct digests.

use serde_json::{Map, Value, json};

use super::archive::{digest_of, gzip, tar};
use super::content::Generated;
use super::store::{Blob, Manifest, Package, Store};

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// The creation time in all images.
const CREATED: &str = "2026-11-02T09:30:00Z";

/// A string that runs as a script if it is inserted as HTML.
const HOSTILE: &str = "<img src=x onerror=\"document.title='hostile label ran'\">";

/// Public images that differ only in their name.
const PLAIN: [&str; 14] = [
    "debian",
    "golang",
    "httpd",
    "mariadb",
    "memcached",
    "nginx",
    "node",
    "postgres",
    "redis",
    "ruby",
    "rust",
    "traefik",
    "ubuntu",
    "wordpress",
];

/// The media types of one family of image formats.
#[derive(Clone, Copy)]
struct Format {
    manifest: &'static str,
    index: &'static str,
    config: &'static str,
    layer: &'static str,
}

const OCI: Format = Format { manifest: OCI_MANIFEST, index: OCI_INDEX, config: OCI_CONFIG, layer: OCI_LAYER };
const DOCKER: Format =
    Format { manifest: DOCKER_MANIFEST, index: DOCKER_LIST, config: DOCKER_CONFIG, layer: DOCKER_LAYER };

/// The parts that differ between the images.
#[derive(Default)]
struct Recipe<'a> {
    name: &'a str,
    version: &'a str,
    labels: Vec<(&'a str, &'a str)>,
    annotations: Vec<(&'a str, &'a str)>,
}

/// Fills the store.
pub(crate) fn build(big_blob: Option<u64>) -> Result<Store, serde_json::Error> {
    let mut store = Store::default();
    public_images(&mut store)?;
    private_images(&mut store)?;
    artifacts(&mut store)?;
    if let Some(length) = big_blob {
        store.add("library/large", true, &["latest"], &large(length)?);
    }
    Ok(store)
}

fn public_images(store: &mut Store) -> Result<(), serde_json::Error> {
    let alpine = multi_platform(OCI, &Recipe { name: "alpine", version: "3.23", ..Recipe::default() })?;
    store.add("library/alpine", true, &["latest", "3", "3.23"], &alpine);
    let older = multi_platform(OCI, &Recipe { name: "alpine", version: "3.22", ..Recipe::default() })?;
    store.add("library/alpine", true, &["3.22"], &older);
    let busybox = multi_platform(DOCKER, &Recipe { name: "busybox", version: "1.37", ..Recipe::default() })?;
    store.add("library/busybox", true, &["latest", "1.37"], &busybox);
    let hello = single(DOCKER, &Recipe { name: "hello-world", version: "1", ..Recipe::default() })?;
    store.add("library/hello-world", true, &["latest"], &hello);
    // The repository with many tags: more than two pages of 100.
    for minor in 0..25 {
        let version = format!("3.{minor}");
        let python = single(OCI, &Recipe { name: "python", version: &version, ..Recipe::default() })?;
        let tags: Vec<String> = (0..10).map(|patch| format!("3.{minor}.{patch}")).collect();
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        store.add("library/python", true, &tags, &python);
    }
    for name in PLAIN {
        let image = single(OCI, &Recipe { name, version: "1.0", ..Recipe::default() })?;
        store.add(&format!("library/{name}"), true, &["latest", "1.0", "1"], &image);
    }
    let hostile = Recipe {
        name: "hostile-labels",
        version: "1.0",
        labels: vec![
            ("org.opencontainers.image.title", HOSTILE),
            ("maintainer", "\"><script>document.title='hostile label ran'</script>"),
            ("homepage", "javascript:document.title='hostile link ran'"),
        ],
        annotations: vec![
            ("org.opencontainers.image.description", HOSTILE),
            ("org.opencontainers.image.url", "javascript:document.title='hostile link ran'"),
        ],
    };
    store.add("labs/hostile-labels", true, &["latest", "1.0"], &single(OCI, &hostile)?);
    Ok(())
}

fn private_images(store: &mut Store) -> Result<(), serde_json::Error> {
    for name in
        ["team-a/api", "team-a/batch", "team-a/gateway", "team-a/web", "team-a/web/assets", "vault/keys"]
    {
        let image = multi_platform(OCI, &Recipe { name, version: "2.1.0", ..Recipe::default() })?;
        store.add(name, false, &["latest", "2.1.0"], &image);
    }
    for name in ["team-b/app", "team-b/db", "team-b/tools/cli", "team-b/tools/lint"] {
        for version in ["1.0.0", "1.1.0", "2.0.0-rc.1"] {
            let image = single(OCI, &Recipe { name, version, ..Recipe::default() })?;
            store.add(name, false, &[version], &image);
        }
    }
    Ok(())
}

fn artifacts(store: &mut Store) -> Result<(), serde_json::Error> {
    let chart =
        tar(&[("demo/Chart.yaml".to_owned(), b"apiVersion: v2\nname: demo\nversion: 0.3.1\n".to_vec())]);
    let config = json!({ "apiVersion": "v2", "name": "demo", "version": "0.3.1" }).to_string().into_bytes();
    let layer = gzip(&chart);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor("application/vnd.cncf.helm.config.v1+json", &config),
        "layers": [descriptor("application/vnd.cncf.helm.chart.content.v1.tar+gzip", &layer)],
        "annotations": { "org.opencontainers.image.title": "demo", "org.opencontainers.image.version": "0.3.1" },
    });
    let chart =
        Package::single(Manifest::new(OCI_MANIFEST, pretty(&manifest)?), vec![held(config), held(layer)]);
    store.add("charts/demo", true, &["0.3.1"], &chart);

    // A software bill of materials that refers to an image.
    let Some(subject) = store.repository("team-a/api").and_then(|repository| repository.manifest("latest"))
    else {
        return Ok(());
    };
    let subject = (subject.0.to_owned(), subject.1.media_type, subject.1.bytes.len());
    let sbom =
        json!({ "spdxVersion": "SPDX-2.3", "name": "team-a/api", "packages": [] }).to_string().into_bytes();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": "application/spdx+json",
        "config": descriptor(OCI_EMPTY, b"{}"),
        "layers": [descriptor("application/spdx+json", &sbom)],
        "subject": { "mediaType": subject.1, "digest": subject.0, "size": subject.2 },
        "annotations": { "org.opencontainers.image.created": CREATED },
    });
    let bytes = pretty(&manifest)?;
    let mut listed = descriptor(OCI_MANIFEST, bytes.as_bytes());
    if let Some(listed) = listed.as_object_mut() {
        listed.insert("artifactType".to_owned(), "application/spdx+json".into());
        listed.insert("annotations".to_owned(), json!({ "org.opencontainers.image.created": CREATED }));
    }
    let manifest = Manifest { subject: Some((subject.0, listed)), ..Manifest::new(OCI_MANIFEST, bytes) };
    let sbom = Package::single(manifest, vec![held(b"{}".to_vec()), held(sbom)]);
    store.add("team-a/api", false, &[], &sbom);
    Ok(())
}

/// One manifest for linux/amd64.
fn single(format: Format, recipe: &Recipe<'_>) -> Result<Package, serde_json::Error> {
    platform_image(format, recipe, "amd64")
}

/// An index of linux/amd64 and linux/arm64; in the OCI format, with an attestation as buildkit adds it.
fn multi_platform(format: Format, recipe: &Recipe<'_>) -> Result<Package, serde_json::Error> {
    let mut entries = Vec::new();
    let mut package = Package { top: String::new(), manifests: Vec::new(), blobs: Vec::new() };
    for architecture in ["amd64", "arm64"] {
        let image = platform_image(format, recipe, architecture)?;
        for (digest, manifest) in &image.manifests {
            let mut platform = json!({ "architecture": architecture, "os": "linux" });
            if let (Some(platform), "arm64") = (platform.as_object_mut(), architecture) {
                platform.insert("variant".to_owned(), "v8".into());
            }
            entries.push(json!({
                "mediaType": manifest.media_type,
                "digest": digest,
                "size": manifest.bytes.len(),
                "platform": platform,
            }));
        }
        package.manifests.extend(image.manifests);
        package.blobs.extend(image.blobs);
        if format.index == OCI_INDEX && architecture == "amd64" {
            let attestation = attestation(recipe, &image.top)?;
            for (digest, manifest) in &attestation.manifests {
                entries.push(json!({
                    "mediaType": manifest.media_type,
                    "digest": digest,
                    "size": manifest.bytes.len(),
                    "platform": { "architecture": "unknown", "os": "unknown" },
                    "annotations": {
                        "vnd.docker.reference.type": "attestation-manifest",
                        "vnd.docker.reference.digest": image.top,
                    },
                }));
            }
            package.manifests.extend(attestation.manifests);
            package.blobs.extend(attestation.blobs);
        }
    }
    let mut index = json!({ "schemaVersion": 2, "mediaType": format.index, "manifests": entries });
    annotate(&mut index, "annotations", &recipe.annotations);
    let index = Manifest::new(format.index, pretty(&index)?);
    package.top = digest_of(&index.bytes);
    package.manifests.push((package.top.clone(), index));
    Ok(package)
}

fn platform_image(
    format: Format,
    recipe: &Recipe<'_>,
    architecture: &str,
) -> Result<Package, serde_json::Error> {
    let Recipe { name, version, .. } = recipe;
    let release = format!("{name} {version} for {architecture}, from the dockpass demo registry\n");
    let layers = [
        tar(&[("etc/demo-release".to_owned(), release.into_bytes())]),
        tar(&[
            ("usr/share/doc/demo/README".to_owned(), format!("{name}: nothing to run here.\n").into_bytes()),
            // Layers of different sizes, so that sums of sizes can be checked.
            ("usr/share/demo/filler".to_owned(), vec![b'.'; 1_000 + name.len() * 137 + version.len() * 911]),
        ]),
    ];
    let diff_ids: Vec<String> = layers.iter().map(|layer| digest_of(layer)).collect();
    let layers: Vec<Vec<u8>> = layers.iter().map(|layer| gzip(layer)).collect();
    let mut config = json!({
        "created": CREATED,
        "architecture": architecture,
        "os": "linux",
        "config": {
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "Cmd": ["/bin/sh"],
            "WorkingDir": "/",
        },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
        "history": [
            { "created": CREATED, "created_by": "COPY demo-release /etc/ # demo" },
            { "created": CREATED, "created_by": "ENV DEMO=1", "empty_layer": true },
            { "created": CREATED, "created_by": "COPY share /usr/share # demo" },
        ],
    });
    if let Some(inner) = config.get_mut("config") {
        annotate(inner, "Labels", &recipe.labels);
    }
    let config = pretty(&config)?.into_bytes();
    let descriptors: Vec<Value> = layers.iter().map(|layer| descriptor(format.layer, layer)).collect();
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": format.manifest,
        "config": descriptor(format.config, &config),
        "layers": descriptors,
    });
    if format.manifest == OCI_MANIFEST {
        annotate(&mut manifest, "annotations", &recipe.annotations);
    }
    let manifest = Manifest::new(format.manifest, pretty(&manifest)?);
    Ok(Package::single(manifest, layers.into_iter().chain([config]).map(held).collect()))
}

fn attestation(recipe: &Recipe<'_>, subject: &str) -> Result<Package, serde_json::Error> {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": "https://slsa.dev/provenance/v0.2",
        "subject": [{ "name": recipe.name, "digest": { "sha256": subject.trim_start_matches("sha256:") } }],
        "predicate": { "buildType": "https://mobyproject.org/buildkit@v1" },
    });
    let statement = statement.to_string().into_bytes();
    let config = json!({
        "architecture": "unknown",
        "os": "unknown",
        "config": {},
        "rootfs": { "type": "layers", "diff_ids": [digest_of(&statement)] },
    });
    let config = config.to_string().into_bytes();
    let mut layer = descriptor("application/vnd.in-toto+json", &statement);
    annotate(&mut layer, "annotations", &[("in-toto.io/predicate-type", "https://slsa.dev/provenance/v0.2")]);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(OCI_CONFIG, &config),
        "layers": [layer],
    });
    Ok(Package::single(Manifest::new(OCI_MANIFEST, pretty(&manifest)?), vec![held(config), held(statement)]))
}

/// An image with one uncompressed layer of any length, which is not kept in memory.
fn large(length: u64) -> Result<Package, serde_json::Error> {
    let generated = Generated { length };
    let layer = generated.digest();
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": { "type": "layers", "diff_ids": [layer] },
    });
    let config = config.to_string().into_bytes();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(OCI_CONFIG, &config),
        "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": length }],
    });
    let blobs = vec![held(config), (layer, Blob::Generated(generated))];
    Ok(Package::single(Manifest::new(OCI_MANIFEST, pretty(&manifest)?), blobs))
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": digest_of(bytes), "size": bytes.len() })
}

fn held(bytes: Vec<u8>) -> (String, Blob) {
    (digest_of(&bytes), Blob::Held(bytes.into()))
}

/// Adds a map of strings, unless it would be empty.
fn annotate(value: &mut Value, name: &str, entries: &[(&str, &str)]) {
    if let (Some(value), false) = (value.as_object_mut(), entries.is_empty()) {
        let entries: Map<String, Value> =
            entries.iter().map(|(name, text)| ((*name).to_owned(), (*text).into())).collect();
        value.insert(name.to_owned(), entries.into());
    }
}

/// As docker writes manifests: indented by three spaces or two, so digests depend on the exact bytes.
fn pretty(value: &Value) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(value)
}
