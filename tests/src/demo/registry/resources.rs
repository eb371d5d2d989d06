//! Catalog, tags, manifests, blobs and referrers.

use http::Method;
use http::header::{ACCEPT, IF_NONE_MATCH, RANGE};
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::config::Kind;
use super::super::journal::Role;
use super::super::received::{Received, value};
use super::super::rules::{Broken, Rule};
use super::super::site::Site;
use super::super::store::{Blob, Manifest, Repository};
use super::route::Route;

/// Entries of a catalog page when none are asked for, and at most (distribution's defaults).
const CATALOG_PAGE: usize = 100;
const CATALOG_MAXIMUM: usize = 1000;

/// Answers an authorized request. `visible` says which repositories the catalog may show.
pub(crate) fn answer(
    site: &Site,
    request: &Received,
    route: &Route,
    parameters: &[(String, String)],
    visible: impl Fn(&str) -> bool,
) -> Answer {
    let store = &site.world.store;
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return match route {
            Route::Unknown => Answer::text(404, "404 page not found"),
            _ => Answer::error(405, "UNSUPPORTED", "the demo registry is read-only")
                .header("allow", "GET, HEAD"),
        };
    }
    let repository = route.repository().map(|name| (name, store.repository(name)));
    let repository = match repository {
        Some((name, None)) => {
            let detail = json!({ "name": name });
            return Answer::error_with(404, "NAME_UNKNOWN", "repository name not known to registry", &detail);
        }
        Some((name, Some(repository))) => Some((name, repository)),
        None => None,
    };
    match (route, repository) {
        (Route::Base, _) => Answer::json(200, &json!({})),
        (Route::Catalog, _) => {
            let names = store.names().filter(|name| visible(name)).map(str::to_owned).collect();
            page(request, parameters, names, Some(CATALOG_PAGE), |names| json!({ "repositories": names }))
        }
        (Route::Tags { .. }, Some((name, repository))) => {
            let tags = repository.tags.keys().cloned().collect();
            page(request, parameters, tags, None, |tags| json!({ "name": name, "tags": tags }))
        }
        (Route::Manifest { reference, .. }, Some((_, repository))) => {
            let answer = manifest(request, repository, reference);
            if site.kind == Kind::Hub { with_pull_limit(site, request, answer) } else { answer }
        }
        (Route::Blob { digest, .. }, Some((_, repository))) => blob(site, request, repository, digest),
        (Route::Referrers { digest, .. }, Some((_, repository))) => referrers(repository, digest, parameters),
        (Route::Uploads { .. }, _) => {
            Answer::error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        }
        _ => Answer::text(404, "404 page not found"),
    }
}

/// One page of a sorted list: `n` and `last`, and a `Link` to the next as distribution writes it.
fn page(
    request: &Received,
    parameters: &[(String, String)],
    mut entries: Vec<String>,
    default: Option<usize>,
    document: impl Fn(&[String]) -> Value,
) -> Answer {
    let size = match value(parameters, "n").map(str::parse::<usize>) {
        None => default,
        Some(Ok(n)) if default.is_none() || n <= CATALOG_MAXIMUM => Some(n),
        Some(_) => {
            return Answer::error(400, "PAGINATION_NUMBER_INVALID", "invalid number of results requested");
        }
    };
    entries.sort();
    if let Some(last) = value(parameters, "last") {
        entries.retain(|entry| entry.as_str() > last);
    }
    let size = size.unwrap_or(entries.len());
    let more = entries.len() > size;
    entries.truncate(size);
    let answer = Answer::json(200, &document(&entries));
    match entries.last() {
        Some(last) if more => {
            answer.header("link", format!("<{}?last={last}&n={size}>; rel=\"next\"", request.path))
        }
        _ => answer,
    }
}

fn manifest(request: &Received, repository: &Repository, reference: &str) -> Answer {
    let Some((digest, Manifest { media_type, bytes, .. })) = repository.manifest(reference) else {
        let detail = json!({ "reference": reference });
        return Answer::error_with(404, "MANIFEST_UNKNOWN", "manifest unknown", &detail);
    };
    if !accepts(request, media_type) {
        let message = format!("{media_type} found, but the Accept header does not allow it");
        return Answer::error(404, "MANIFEST_UNKNOWN", &message);
    }
    let etag = format!("\"{digest}\"");
    let known = request
        .header(IF_NONE_MATCH.as_str())
        .is_some_and(|known| known.split(',').any(|known| known.trim().trim_start_matches("W/") == etag));
    let answer = if known { Answer::empty(304) } else { Answer::bytes(200, media_type, bytes.clone()) };
    answer.header("docker-content-digest", digest).header("etag", etag)
}

/// Whether `Accept` allows a media type. Without the header everything is allowed (RFC 9110 §12.5.1).
fn accepts(request: &Received, media_type: &str) -> bool {
    let Some(accept) = request.header(ACCEPT.as_str()) else { return true };
    let family = media_type.split('/').next().unwrap_or_default();
    accept.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let refused = parts.any(|parameter| matches!(parameter, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
        let matching = name == "*/*" || name == media_type || name.strip_suffix("/*") == Some(family);
        matching && !refused
    })
}

/// Docker Hub's counters: on `GET` and `HEAD` of manifests, and only `GET` counts.
fn with_pull_limit(site: &Site, request: &Received, answer: Answer) -> Answer {
    let left = site.pulls_left(request.method == Method::GET && answer.status == 200);
    answer
        .header("ratelimit-limit", "100;w=21600")
        .header("ratelimit-remaining", format!("{left};w=21600"))
        .header("docker-ratelimit-source", "127.0.0.1")
}

fn blob(site: &Site, request: &Received, repository: &Repository, digest: &str) -> Answer {
    let Some(blob) = repository.blobs.get(digest) else {
        let detail = json!({ "digest": digest });
        return Answer::error_with(404, "BLOB_UNKNOWN", "blob unknown to registry", &detail);
    };
    if !site.kind.redirects_blobs() {
        return blob_range(request, digest, blob).header("docker-content-digest", digest);
    }
    let expires = site.world.config.clock.now() + 600;
    let signature = site.world.tokens.sign_url(digest, expires);
    let path = digest.replace(':', "/");
    let origin = site.address(Role::Cdn);
    Answer::empty(307)
        .header("location", format!("http://{origin}/blobs/{path}?expires={expires}&sig={signature}"))
}

/// A blob, whole or the one range that was asked for (RFC 9110 §14).
fn blob_range(request: &Received, digest: &str, blob: &Blob) -> Answer {
    let length = blob.len();
    let (status, first, count) = match range(request, length) {
        Wanted::All => (200, 0, length),
        Wanted::Part(first, last) => (206, first, last - first + 1),
        Wanted::Nothing => {
            return Answer::error(416, "RANGE_INVALID", "invalid content range")
                .header("content-range", format!("bytes */{length}"));
        }
    };
    let mut answer = Answer::empty(status)
        .header("content-type", "application/octet-stream")
        .header("accept-ranges", "bytes")
        .header("etag", format!("\"{digest}\""))
        .header("cache-control", "max-age=31536000");
    if status == 206 {
        answer = answer.header("content-range", format!("bytes {first}-{}/{length}", first + count - 1));
    }
    answer.content = blob.content(first, count);
    answer
}

enum Wanted {
    All,
    Part(u64, u64),
    Nothing,
}

/// One range is answered; several, and other units, get the whole.
fn range(request: &Received, length: u64) -> Wanted {
    let Some(header) = request.header(RANGE.as_str()) else { return Wanted::All };
    let Some((first, last)) = header.strip_prefix("bytes=").and_then(|range| range.trim().split_once('-'))
    else {
        return Wanted::All;
    };
    let part = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => (first, last.min(length.saturating_sub(1))),
        (Ok(first), Err(_)) if last.is_empty() => (first, length.saturating_sub(1)),
        (Err(_), Ok(count)) if first.is_empty() && count > 0 => {
            (length.saturating_sub(count), length.saturating_sub(1))
        }
        _ => return Wanted::All,
    };
    if part.0 < length { Wanted::Part(part.0, part.1) } else { Wanted::Nothing }
}

/// Manifests whose `subject` is this digest, as an index.
fn referrers(repository: &Repository, digest: &str, parameters: &[(String, String)]) -> Answer {
    let wanted = value(parameters, "artifactType");
    let listed: Vec<&Value> = repository
        .manifests
        .values()
        .filter_map(|manifest| manifest.subject.as_ref())
        .filter(|(subject, _)| subject == digest)
        .map(|(_, descriptor)| descriptor)
        .filter(|descriptor| {
            wanted.is_none_or(|wanted| descriptor.get("artifactType").and_then(Value::as_str) == Some(wanted))
        })
        .collect();
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": listed,
    });
    let answer = Answer::bytes(200, "application/vnd.oci.image.index.v1+json", index.to_string());
    if wanted.is_some() { answer.header("oci-filters-applied", "artifactType") } else { answer }
}

/// The host that blobs are redirected to: signed URLs, no other credentials.
pub(crate) fn cdn(site: &Site, request: &Received) -> Result<Answer, Broken> {
    let parameters = request.parameters(&["expires", "sig"], &[])?;
    if request.method == Method::OPTIONS {
        return Ok(Answer::text(403, "SignatureDoesNotMatch"));
    }
    let digest = request.path.strip_prefix("/blobs/").unwrap_or_default().replacen('/', ":", 1);
    let expires = value(&parameters, "expires").and_then(|expires| expires.parse().ok());
    let Some(expires) = expires else {
        return Err(Broken::new(Rule::MissingParameter, "a redirect was followed without its query"));
    };
    let signed = value(&parameters, "sig") == Some(site.world.tokens.sign_url(&digest, expires).as_str());
    if !signed || expires <= site.world.config.clock.now() {
        return Ok(Answer::text(403, "SignatureDoesNotMatch"));
    }
    Ok(match site.world.store.blob(&digest) {
        Some(blob) => blob_range(request, &digest, blob),
        None => Answer::text(404, "NoSuchKey"),
    })
}
