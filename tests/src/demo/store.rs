//! The content of the registries.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::archive::digest_of;
use super::content::{Content, Generated};

/// Repositories by name.
#[derive(Debug, Default)]
pub(crate) struct Store {
    repositories: BTreeMap<String, Repository>,
}

/// One repository: tags, manifests and blobs by digest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Repository {
    pub(crate) public: bool,
    /// Tag → digest of a manifest.
    pub(crate) tags: BTreeMap<String, String>,
    /// Digest → manifest.
    pub(crate) manifests: BTreeMap<String, Manifest>,
    /// Digest → blob.
    pub(crate) blobs: BTreeMap<String, Blob>,
}

/// A manifest or index, byte for byte.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    pub(crate) media_type: &'static str,
    pub(crate) bytes: Bytes,
    /// For the list of [referrers](https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers):
    /// the digest of the subject and the descriptor to list, if there is a subject.
    pub(crate) subject: Option<(String, serde_json::Value)>,
}

/// A blob, stored or generated.
#[derive(Clone, Debug)]
pub(crate) enum Blob {
    Held(Bytes),
    Generated(Generated),
}

/// All parts of an image or artifact.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    /// Digest of the manifest or index that a tag refers to.
    pub(crate) top: String,
    pub(crate) manifests: Vec<(String, Manifest)>,
    pub(crate) blobs: Vec<(String, Blob)>,
}

impl Store {
    pub(crate) fn repository(&self, name: &str) -> Option<&Repository> {
        self.repositories.get(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.repositories.keys().map(String::as_str)
    }

    /// A blob by digest in any repository; for the host of redirected blobs.
    pub(crate) fn blob(&self, digest: &str) -> Option<&Blob> {
        self.repositories.values().find_map(|repository| repository.blobs.get(digest))
    }

    /// Adds a package under these tags. Without tags it is available by digest only.
    pub(crate) fn add(&mut self, name: &str, public: bool, tags: &[&str], package: &Package) {
        let repository = self.repositories.entry(name.to_owned()).or_default();
        repository.public = public;
        repository.manifests.extend(package.manifests.iter().cloned());
        repository.blobs.extend(package.blobs.iter().cloned());
        for tag in tags {
            repository.tags.insert((*tag).to_owned(), package.top.clone());
        }
    }

    /// Digest and length of the generated blob, if there is one.
    pub(crate) fn big_blob(&self) -> Option<(String, u64)> {
        self.repositories.values().flat_map(|repository| &repository.blobs).find_map(|(digest, blob)| {
            match blob {
                Blob::Generated(generated) => Some((digest.clone(), generated.length)),
                Blob::Held(_) => None,
            }
        })
    }
}

impl Repository {
    /// A manifest by tag or digest, with its digest.
    pub(crate) fn manifest(&self, reference: &str) -> Option<(&str, &Manifest)> {
        let digest = self.tags.get(reference).map_or(reference, String::as_str);
        self.manifests.get_key_value(digest).map(|(digest, manifest)| (digest.as_str(), manifest))
    }
}

impl Package {
    /// A package of one manifest.
    pub(crate) fn single(manifest: Manifest, blobs: Vec<(String, Blob)>) -> Self {
        let top = digest_of(&manifest.bytes);
        Self { top: top.clone(), manifests: vec![(top, manifest)], blobs }
    }
}

impl Blob {
    /// A range of the blob as content: first byte and length.
    pub(crate) fn content(&self, first: u64, length: u64) -> Content {
        match self {
            Self::Held(bytes) => {
                let end = usize::try_from(first + length).unwrap_or(usize::MAX).min(bytes.len());
                let start = usize::try_from(first).unwrap_or(usize::MAX).min(end);
                Content::Bytes(bytes.slice(start..end))
            }
            Self::Generated(generated) => Content::Generated(*generated, first, length),
        }
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Held(bytes) => bytes.len() as u64,
            Self::Generated(generated) => generated.length,
        }
    }
}

impl Manifest {
    /// A manifest without a subject.
    pub(crate) fn new(media_type: &'static str, bytes: impl Into<Bytes>) -> Self {
        Self { media_type, bytes: bytes.into(), subject: None }
    }
}

/// What all registries of a demo share.
pub(crate) type SharedStore = Arc<Store>;
