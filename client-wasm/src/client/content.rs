//! Manifests and small blobs, with their digests verified.

use std::rc::Rc;

use dockpass_protocol::code::ErrorCode;
use dockpass_protocol::flow::Hop;
use dockpass_protocol::reference::{Digest, Repository, Tag};
use js_sys::{JSON, Object, Uint8Array};
use wasm_bindgen::JsValue;

use super::Shared;
use crate::failure::Failure;
use crate::fetch::{Abort, BodyError, Reply};
use crate::{object, webcrypto};

/// What is asked for: an index first, as registries answer with an old form or 404 to who does not ask.
const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// The most bytes of a manifest (distribution-spec, "Pushing Manifests": registries should take 4 MiB) and of a blob
/// that is read into memory at once.
const MAX_CONTENT: u32 = 4 * 1024 * 1024;

/// Media types with which a registry, or a gateway before it, says nothing.
const SILENT_TYPES: [&str; 4] = ["", "application/json", "application/octet-stream", "text/plain"];

/// A manifest that is what it was asked for as.
#[derive(Debug)]
struct Manifest {
    media_type: String,
    digest: String,
    raw: Uint8Array,
    content: JsValue,
}

impl Shared {
    /// The manifest of a tag or digest, and where that is an index and a platform is asked for, the platform's.
    pub(super) async fn manifest(
        self: &Rc<Self>,
        repository: &str,
        reference: &str,
        options: &JsValue,
    ) -> Result<JsValue, Failure> {
        let abort = Abort::of(options)?;
        let platform = Platform::of(&object::get(options, "platform"))?;
        if Tag::parse(reference).is_err() && Digest::parse(reference).is_err() {
            return Err(Failure::input(
                "ERR_REFERENCE_SYNTAX",
                "The reference is neither a tag nor a digest.",
            ));
        }
        let mut manifest = self.one_manifest(repository, reference, &abort).await?;
        if let Some(platform) = platform.filter(|_| manifest.is_index()) {
            let digest =
                platform.choose(&manifest.content).ok_or(Failure::at(ErrorCode::Missing, Hop::Registry))?;
            manifest = self.one_manifest(repository, &digest, &abort).await?;
        }
        let answer = verified(&manifest.digest, &manifest.raw);
        object::set(&answer, "mediaType", manifest.media_type);
        object::set(&answer, "manifest", manifest.content);
        Ok(answer.into())
    }

    /// A blob of at most [`MAX_CONTENT`] bytes.
    pub(super) async fn blob(
        self: &Rc<Self>,
        repository: &str,
        digest: &str,
        abort: &Abort,
    ) -> Result<JsValue, Failure> {
        let repository = check_repository(repository)?;
        Digest::parse(digest).map_err(|_| Failure::input("ERR_REFERENCE_SYNTAX", "This is no digest."))?;
        let reply = self.get(format!("/v2/{repository}/blobs/{digest}"), "*/*", abort).await?;
        let raw = content(&reply, abort).await?;
        let computed = verify(&raw, digest).await?;
        Ok(verified(&computed, &raw).into())
    }

    async fn one_manifest(
        self: &Rc<Self>,
        repository: &str,
        reference: &str,
        abort: &Abort,
    ) -> Result<Manifest, Failure> {
        let repository = check_repository(repository)?;
        let reply = self.get(format!("/v2/{repository}/manifests/{reference}"), ACCEPT, abort).await?;
        let content_type = reply.header("content-type").unwrap_or_default();
        let stated = reply.header("docker-content-digest");
        let raw = content(&reply, abort).await?;
        // The digest that was asked by is the one to trust; by tag, the registry's word is all there is to compare with.
        let asked = Some(reference.to_owned()).filter(|reference| Digest::parse(reference).is_ok());
        let expected = asked.or(stated.filter(|digest| Digest::parse(digest).is_ok()));
        let digest = match expected {
            Some(expected) => verify(&raw, &expected).await?,
            None => webcrypto::digest(&raw, None).await?,
        };
        let invalid = || Failure::at(ErrorCode::UpstreamInvalid, Hop::Registry);
        let text = String::from_utf8(raw.to_vec()).map_err(|_| invalid())?;
        let content = JSON::parse(&text).map_err(|_| invalid())?;
        let media_type = media_type(&content_type, &content).ok_or_else(invalid)?;
        Ok(Manifest { media_type, digest, raw, content })
    }
}

impl Manifest {
    fn is_index(&self) -> bool {
        js_sys::Array::is_array(&object::get(&self.content, "manifests"))
    }
}

/// The media type on which header and content agree; `None` where they do not, or where the content could be read as
/// either a manifest or an index (GHSA-qq97-vm5h-rrhg).
fn media_type(content_type: &str, content: &JsValue) -> Option<String> {
    let is = |name: &str| !object::get(content, name).is_undefined();
    if !content.is_object() || (is("manifests") && (is("layers") || is("config"))) {
        return None;
    }
    let header = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let header = Some(header).filter(|header| !SILENT_TYPES.contains(&header.as_str()));
    match (header, object::string(content, "mediaType")) {
        (Some(header), Some(own)) => (header == own).then_some(own),
        (Some(only), None) | (None, Some(only)) => Some(only),
        (None, None) => None,
    }
}

/// A platform as a person asks for it: `os/architecture[/variant]`, or an object of these.
#[derive(Debug)]
struct Platform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

impl Platform {
    fn of(given: &JsValue) -> Result<Option<Self>, Failure> {
        if given.is_undefined() || given.is_null() {
            return Ok(None);
        }
        let read = || match given.as_string() {
            Some(text) => {
                let mut parts =
                    text.split('/').map(str::to_owned).map(|part| Some(part).filter(|part| !part.is_empty()));
                let (os, architecture) = (parts.next()??, parts.next()??);
                let variant = match parts.next() {
                    Some(variant) => Some(variant?),
                    None => None,
                };
                parts.next().is_none().then_some(Self { os, architecture, variant })
            }
            None => Some(Self {
                os: object::string(given, "os")?,
                architecture: object::string(given, "architecture")?,
                variant: object::string(given, "variant"),
            }),
        };
        read().map(Some).ok_or(Failure::argument("platform is no os/architecture[/variant]."))
    }

    /// The digest of this platform's manifest in an index: with the variant asked for, else the one without, else the
    /// first.
    fn choose(&self, index: &JsValue) -> Option<String> {
        let mut second_choice = None;
        for descriptor in object::array(index, "manifests").iter() {
            let platform = object::get(&descriptor, "platform");
            let is = |name: &str, value: &str| object::string(&platform, name).as_deref() == Some(value);
            if !is("os", &self.os) || !is("architecture", &self.architecture) {
                continue;
            }
            let Some(digest) =
                object::string(&descriptor, "digest").filter(|digest| Digest::parse(digest).is_ok())
            else {
                continue;
            };
            // arm64 is v8 whether it says so or not (image-spec, "Platform Variants").
            let implied =
                |variant: Option<String>| variant.or((self.architecture == "arm64").then(|| "v8".to_owned()));
            let variant = object::string(&platform, "variant").filter(|variant| !variant.is_empty());
            let fits = match &self.variant {
                Some(asked) => implied(variant.clone()).as_ref() == Some(asked),
                None => variant.is_none(),
            };
            if fits {
                return Some(digest);
            }
            if self.variant.is_none() && second_choice.is_none() {
                second_choice = Some(digest);
            }
        }
        second_choice
    }
}

/// The name, as a part of a path that holds nothing with a meaning there.
fn check_repository(name: &str) -> Result<Repository, Failure> {
    Repository::parse(name)
        .map_err(|_| Failure::input("ERR_REFERENCE_SYNTAX", "This is no name of a repository."))
}

/// The body of a 200, whole.
async fn content(reply: &Reply, abort: &Abort) -> Result<Uint8Array, Failure> {
    super::expect_ok(reply)?;
    abort.race(reply.bytes(MAX_CONTENT)).await?.map_err(|error| {
        Failure::at(
            match error {
                BodyError::TooLong => ErrorCode::PayloadTooLarge,
                BodyError::Broken => ErrorCode::UpstreamInvalid,
            },
            Hop::Registry,
        )
    })
}

/// The computed digest, when it is the expected one.
async fn verify(raw: &Uint8Array, expected: &str) -> Result<String, Failure> {
    let computed = webcrypto::digest(raw, Some(expected)).await?;
    if computed == expected {
        Ok(computed)
    } else {
        Err(Failure::at(ErrorCode::DigestMismatch, Hop::Registry))
    }
}

fn verified(digest: &str, raw: &Uint8Array) -> Object {
    let answer = Object::new();
    object::set(&answer, "digest", digest);
    object::set(&answer, "size", raw.length());
    object::set(&answer, "raw", raw);
    answer
}
