//! Catalog, tags, manifests, blobs and referrers.

use http::Method;
use http::header::{ACCEPT, IF_NONE_MATCH, RANGE};
use serde_json::{Value, json};

use super::super::journal::Role;
use super::super::kind::Kind;
use super::super::received::{Received, value};
use super::super::response::DemoResponse;
use super::super::rules::{BrokenRule, Rule};
use super::super::site::Site;
use super::super::store::{Blob, Manifest, Repository};
use super::route::Route;

/// The default and the maximum number of entries of a catalog page (distribution's defaults).
const CATALOG_PAGE: usize = 100;
const CATALOG_MAXIMUM: usize = 1000;

/// The response to an authorized request. `visible` selects the repositories of the catalog.
pub(crate) fn response(
    site: &Site,
    request: &Received,
    route: &Route,
    parameters: &[(String, String)],
    visible: impl Fn(&str) -> bool,
) -> DemoResponse {
    let store = &site.demo_state.store;
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return match route {
            Route::Unknown => DemoResponse::text(404, "404 page not found"),
            _ => DemoResponse::error(405, "UNSUPPORTED", "the demo registry is read-only")
                .header("allow", "GET, HEAD"),
        };
    }
    let repository = route.repository().map(|name| (name, store.repository(name)));
    let repository = match repository {
        Some((name, None)) => {
            let detail = json!({ "name": name });
            return DemoResponse::error_with(
                404,
                "NAME_UNKNOWN",
                "repository name not known to registry",
                &detail,
            );
        }
        Some((name, Some(repository))) => Some((name, repository)),
        None => None,
    };
    match (route, repository) {
        (Route::Base, _) => DemoResponse::json(200, &json!({})),
        (Route::Catalog, _) => {
            let names = store.names().filter(|name| visible(name)).map(str::to_owned).collect();
            page(request, parameters, names, Some(CATALOG_PAGE), |names| json!({ "repositories": names }))
        }
        (Route::Tags { .. }, Some((name, repository))) => {
            let tags = repository.tags.keys().cloned().collect();
            page(request, parameters, tags, None, |tags| json!({ "name": name, "tags": tags }))
        }
        (Route::Manifest { reference, .. }, Some((_, repository))) => {
            let response = manifest(request, repository, reference);
            if site.kind == Kind::Hub { with_pull_limit(site, request, response) } else { response }
        }
        (Route::Blob { digest, .. }, Some((_, repository))) => blob(site, request, repository, digest),
        (Route::Referrers { digest, .. }, Some((_, repository))) => referrers(repository, digest, parameters),
        (Route::Uploads { .. }, _) => {
            DemoResponse::error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        }
        _ => DemoResponse::text(404, "404 page not found"),
    }
}

/// One page of a sorted list: `n` and `last`, and a `Link` to the next page in the form of distribution.
fn page(
    request: &Received,
    parameters: &[(String, String)],
    mut entries: Vec<String>,
    default: Option<usize>,
    document: impl Fn(&[String]) -> Value,
) -> DemoResponse {
    let size = match value(parameters, "n").map(str::parse::<usize>) {
        None => default,
        Some(Ok(n)) if default.is_none() || n <= CATALOG_MAXIMUM => Some(n),
        Some(_) => {
            return DemoResponse::error(
                400,
                "PAGINATION_NUMBER_INVALID",
                "invalid number of results requested",
            );
        }
    };
    entries.sort();
    if let Some(last) = value(parameters, "last") {
        entries.retain(|entry| entry.as_str() > last);
    }
    let size = size.unwrap_or(entries.len());
    let more = entries.len() > size;
    entries.truncate(size);
    let response = DemoResponse::json(200, &document(&entries));
    match entries.last() {
        Some(last) if more => {
            response.header("link", format!("<{}?last={last}&n={size}>; rel=\"next\"", request.path))
        }
        _ => response,
    }
}

fn manifest(request: &Received, repository: &Repository, reference: &str) -> DemoResponse {
    let Some((digest, Manifest { media_type, bytes, .. })) = repository.manifest(reference) else {
        let detail = json!({ "reference": reference });
        return DemoResponse::error_with(404, "MANIFEST_UNKNOWN", "manifest unknown", &detail);
    };
    if !accepts(request, media_type) {
        let message = format!("{media_type} found, but the Accept header does not allow it");
        return DemoResponse::error(404, "MANIFEST_UNKNOWN", &message);
    }
    let etag = format!("\"{digest}\"");
    let known = request
        .header(IF_NONE_MATCH.as_str())
        .is_some_and(|known| known.split(',').any(|known| known.trim().trim_start_matches("W/") == etag));
    let response =
        if known { DemoResponse::empty(304) } else { DemoResponse::bytes(200, media_type, bytes.clone()) };
    response.header("docker-content-digest", digest).header("etag", etag)
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
fn with_pull_limit(site: &Site, request: &Received, response: DemoResponse) -> DemoResponse {
    let left = site.pulls_left(request.method == Method::GET && response.status == 200);
    response
        .header("ratelimit-limit", "100;w=21600")
        .header("ratelimit-remaining", format!("{left};w=21600"))
        .header("docker-ratelimit-source", "127.0.0.1")
}

fn blob(site: &Site, request: &Received, repository: &Repository, digest: &str) -> DemoResponse {
    let Some(blob) = repository.blobs.get(digest) else {
        let detail = json!({ "digest": digest });
        return DemoResponse::error_with(404, "BLOB_UNKNOWN", "blob unknown to registry", &detail);
    };
    if !site.kind.redirects_blobs() {
        return blob_range(request, digest, blob).header("docker-content-digest", digest);
    }
    let expires = site.demo_state.config.clock.now() + 600;
    let signature = site.demo_state.tokens.sign_url(digest, expires);
    let path = digest.replace(':', "/");
    let origin = site.address(Role::Cdn);
    DemoResponse::empty(307)
        .header("location", format!("http://{origin}/blobs/{path}?expires={expires}&sig={signature}"))
}

/// A blob, or one range of it (RFC 9110 §14).
fn blob_range(request: &Received, digest: &str, blob: &Blob) -> DemoResponse {
    let length = blob.len();
    let (status, first, count) = match range(request, length) {
        RequestedRange::All => (200, 0, length),
        RequestedRange::Part(first, last) => (206, first, last - first + 1),
        RequestedRange::Nothing => {
            return DemoResponse::error(416, "RANGE_INVALID", "invalid content range")
                .header("content-range", format!("bytes */{length}"));
        }
    };
    let mut response = DemoResponse::empty(status)
        .header("content-type", "application/octet-stream")
        .header("accept-ranges", "bytes")
        .header("etag", format!("\"{digest}\""))
        .header("cache-control", "max-age=31536000");
    if status == 206 {
        response = response.header("content-range", format!("bytes {first}-{}/{length}", first + count - 1));
    }
    response.content = blob.content(first, count);
    response
}

enum RequestedRange {
    All,
    Part(u64, u64),
    Nothing,
}

/// One range is supported; several ranges and other units get the whole blob.
fn range(request: &Received, length: u64) -> RequestedRange {
    let Some(header) = request.header(RANGE.as_str()) else { return RequestedRange::All };
    let Some((first, last)) = header.strip_prefix("bytes=").and_then(|range| range.trim().split_once('-'))
    else {
        return RequestedRange::All;
    };
    let part = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => (first, last.min(length.saturating_sub(1))),
        (Ok(first), Err(_)) if last.is_empty() => (first, length.saturating_sub(1)),
        (Err(_), Ok(count)) if first.is_empty() && count > 0 => {
            (length.saturating_sub(count), length.saturating_sub(1))
        }
        _ => return RequestedRange::All,
    };
    if part.0 < length { RequestedRange::Part(part.0, part.1) } else { RequestedRange::Nothing }
}

/// Manifests whose `subject` is this digest, as an index.
fn referrers(repository: &Repository, digest: &str, parameters: &[(String, String)]) -> DemoResponse {
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
    let response = DemoResponse::bytes(200, "application/vnd.oci.image.index.v1+json", index.to_string());
    if wanted.is_some() { response.header("oci-filters-applied", "artifactType") } else { response }
}

/// The host that blobs are redirected to: signed URLs, no other credentials.
pub(crate) fn cdn(site: &Site, request: &Received) -> Result<DemoResponse, BrokenRule> {
    let parameters = request.parameters(&["expires", "sig"], &[])?;
    if request.method == Method::OPTIONS {
        return Ok(DemoResponse::text(403, "SignatureDoesNotMatch"));
    }
    let digest = request.path.strip_prefix("/blobs/").unwrap_or_default().replacen('/', ":", 1);
    let expires = value(&parameters, "expires").and_then(|expires| expires.parse().ok());
    let Some(expires) = expires else {
        return Err(BrokenRule::new(Rule::MissingParameter, "a redirect was followed without its query"));
    };
    let signed =
        value(&parameters, "sig") == Some(site.demo_state.tokens.sign_url(&digest, expires).as_str());
    if !signed || expires <= site.demo_state.config.clock.now() {
        return Ok(DemoResponse::text(403, "SignatureDoesNotMatch"));
    }
    Ok(match site.demo_state.store.blob(&digest) {
        Some(blob) => blob_range(request, &digest, blob),
        None => DemoResponse::text(404, "NoSuchKey"),
    })
}
