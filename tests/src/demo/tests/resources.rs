//! The content of the registries: complete, paged, and with correct digests.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::archive::digest_of;
use super::super::{DemoConfig, Kind};
use super::{ADA, Stage};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

async fn entries(stage: &Stage, first: &str, list: &str) -> (Vec<String>, usize) {
    let (mut all, mut pages, mut path) = (Vec::new(), 0, first.to_owned());
    loop {
        let response = stage.get(&path).await;
        assert_eq!(response.status, 200, "{path}: {}", response.text());
        pages += 1;
        all.extend(
            response.json()[list].as_array().unwrap().iter().map(|entry| entry.as_str().unwrap().to_owned()),
        );
        let link = response.header("link");
        if link.is_empty() {
            return (all, pages);
        }
        let target = link.strip_prefix('<').and_then(|rest| rest.split_once(">; rel=\"next\"")).unwrap().0;
        path = target.to_owned();
    }
}

#[tokio::test]
async fn lists_are_paged_by_link() {
    let stage = Stage::of(Kind::Open).await;
    let (repositories, pages) = entries(&stage, "/v2/_catalog?n=7", "repositories").await;
    assert_eq!((repositories.len(), pages), (30, 5));
    let (whole, pages) = entries(&stage, "/v2/_catalog", "repositories").await;
    assert_eq!((whole, pages), (repositories, 1));

    let (tags, pages) = entries(&stage, "/v2/library/python/tags/list?n=100", "tags").await;
    assert_eq!((tags.len(), pages), (250, 3));
    assert_eq!(tags.iter().collect::<BTreeSet<_>>().len(), 250);
    assert!(tags.is_sorted());
    let (all, pages) = entries(&stage, "/v2/library/python/tags/list", "tags").await;
    assert_eq!((all, pages), (tags, 1), "without n, distribution gives all tags");

    assert_eq!(stage.get("/v2/_catalog?n=0").await.json(), json!({ "repositories": [] }));
    assert_eq!(stage.get("/v2/_catalog?n=0").await.header("link"), "");
    for bad in ["n=1001", "n=-1", "n=x", "n="] {
        let response = stage.get(&format!("/v2/_catalog?{bad}")).await;
        assert_eq!(
            (response.status, &response.json()["errors"][0]["code"]),
            (400, &json!("PAGINATION_NUMBER_INVALID"))
        );
    }
}

#[tokio::test]
async fn blobs_of_manifests_exist_with_their_digest_and_size() {
    let stage = Stage::of(Kind::Open).await;
    let (repositories, _) = entries(&stage, "/v2/_catalog", "repositories").await;
    let mut kinds = BTreeSet::new();
    let mut checked = 0;
    for repository in repositories {
        let (tags, _) = entries(&stage, &format!("/v2/{repository}/tags/list"), "tags").await;
        // Ten patch releases of python share an image.
        for tag in tags.iter().filter(|tag| repository != "library/python" || tag.ends_with(".0")) {
            let mut open = vec![tag.clone()];
            while let Some(reference) = open.pop() {
                let response = stage.get(&format!("/v2/{repository}/manifests/{reference}")).await;
                assert_eq!(response.status, 200, "{repository} {reference}");
                let digest = digest_of(&response.body);
                assert_eq!(response.header("docker-content-digest"), digest);
                assert_eq!(response.header("etag"), format!("\"{digest}\""));
                assert!(!reference.starts_with("sha256:") || reference == digest);
                let manifest = response.json();
                assert_eq!(response.header("content-type"), manifest["mediaType"].as_str().unwrap());
                kinds.insert(response.header("content-type"));
                let children = manifest["manifests"].as_array().into_iter().flatten();
                open.extend(children.map(|child| child["digest"].as_str().unwrap().to_owned()));
                let layers = manifest["layers"].as_array().into_iter().flatten();
                for blob in layers.chain(manifest.get("config")) {
                    let digest = blob["digest"].as_str().unwrap();
                    let response = stage.get(&format!("/v2/{repository}/blobs/{digest}")).await;
                    assert_eq!(digest_of(&response.body), digest);
                    assert_eq!(response.body.len() as u64, blob["size"].as_u64().unwrap());
                    checked += 1;
                }
            }
        }
    }
    assert_eq!(kinds.len(), 4, "OCI and Docker, manifests and indexes: {kinds:?}");
    assert!(checked > 200, "{checked}");
}

#[tokio::test]
async fn an_index_lists_two_platforms_and_an_attestation() {
    let stage = Stage::of(Kind::Open).await;
    let index = stage.get("/v2/library/alpine/manifests/latest").await.json();
    let platforms: Vec<String> = index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let platform = &entry["platform"];
            format!("{}/{}", platform["os"].as_str().unwrap(), platform["architecture"].as_str().unwrap())
        })
        .collect();
    assert_eq!(platforms, ["linux/amd64", "unknown/unknown", "linux/arm64"]);
    assert_eq!(
        index["manifests"][1]["annotations"]["vnd.docker.reference.digest"],
        index["manifests"][0]["digest"]
    );
}

#[tokio::test]
async fn an_image_has_hostile_labels() {
    let stage = Stage::of(Kind::Open).await;
    let manifest = stage.get("/v2/labs/hostile-labels/manifests/latest").await;
    assert!(manifest.text().contains("<img src=x onerror="));
    let config = manifest.json()["config"]["digest"].as_str().unwrap().to_owned();
    let config = stage.get(&format!("/v2/labs/hostile-labels/blobs/{config}")).await;
    assert!(config.json()["config"]["Labels"]["maintainer"].as_str().unwrap().contains("<script>"));
}

#[tokio::test]
async fn manifests_are_negotiated_and_revalidated() {
    let stage = Stage::of(Kind::Open).await;
    let path = "/v2/library/alpine/manifests/latest";
    let accept = async |accept: &str| {
        stage.client.get(&stage.url(path)).header("accept", accept).send().await.unwrap()
    };
    for fitting in [INDEX, "*/*", "application/*", &format!("text/html, {INDEX};q=0.5")] {
        assert_eq!(accept(fitting).await.status, 200, "{fitting}");
    }
    for unfit in ["application/vnd.oci.image.manifest.v1+json", "text/html", &format!("{INDEX};q=0")] {
        let response = accept(unfit).await;
        assert_eq!(
            (response.status, &response.json()["errors"][0]["code"]),
            (404, &json!("MANIFEST_UNKNOWN")),
            "{unfit}"
        );
    }
    let etag = stage.get(path).await.header("etag");
    let fresh = stage.client.get(&stage.url(path)).header("if-none-match", &etag).send().await.unwrap();
    assert_eq!((fresh.status, fresh.body.len()), (304, 0));
    let head = stage.client.call(http::Method::HEAD, &stage.url(path)).send().await.unwrap();
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-length"), stage.get(path).await.body.len().to_string());
    assert_eq!(
        head.header("docker-content-digest"),
        stage.registry().digest_of("library/alpine", "latest").unwrap()
    );
}

#[tokio::test]
async fn referrers_are_listed_and_filtered() {
    let stage = Stage::of(Kind::Open).await;
    let subject = stage.registry().digest_of("team-a/api", "latest").unwrap();
    let path = format!("/v2/team-a/api/referrers/{subject}");
    let all = stage.get(&path).await;
    assert_eq!(all.header("content-type"), INDEX);
    let referrer = all.json()["manifests"][0].clone();
    assert_eq!(referrer["artifactType"], "application/spdx+json");
    let manifest =
        stage.get(&format!("/v2/team-a/api/manifests/{}", referrer["digest"].as_str().unwrap())).await;
    assert_eq!(manifest.json()["subject"]["digest"], subject);
    let none = stage.get(&format!("{path}?artifactType=text/plain")).await;
    assert_eq!(
        (&none.json()["manifests"], &*none.header("oci-filters-applied")),
        (&json!([]), "artifactType")
    );
}

#[tokio::test]
async fn missing_resources_have_errors_of_the_specification() {
    let stage = Stage::of(Kind::Open).await;
    let digest = digest_of(b"nothing");
    for (path, code) in [
        ("/v2/no/such/tags/list".to_owned(), "NAME_UNKNOWN"),
        ("/v2/library/alpine/manifests/nope".to_owned(), "MANIFEST_UNKNOWN"),
        (format!("/v2/library/alpine/blobs/{digest}"), "BLOB_UNKNOWN"),
    ] {
        let response = stage.get(&path).await;
        assert_eq!((response.status, &response.json()["errors"][0]["code"]), (404, &json!(code)), "{path}");
    }
    let response = stage.client.call(http::Method::DELETE, &stage.url("/v2/library/alpine/manifests/latest"));
    assert_eq!(response.send().await.unwrap().status, 405);
}

#[tokio::test]
async fn blobs_come_in_ranges() {
    let stage = Stage::of(Kind::Open).await;
    let manifest = stage.get("/v2/charts/demo/manifests/0.3.1").await.json();
    let path = format!("/v2/charts/demo/blobs/{}", manifest["layers"][0]["digest"].as_str().unwrap());
    let whole = stage.get(&path).await.body;
    let length = whole.len();
    let part =
        async |range: &str| stage.client.get(&stage.url(&path)).header("range", range).send().await.unwrap();
    let response = part("bytes=10-19").await;
    assert_eq!((response.status, &response.body), (206, &whole.slice(10..20)));
    assert_eq!(response.header("content-range"), format!("bytes 10-19/{length}"));
    assert_eq!(part("bytes=-5").await.body, whole.slice(length - 5..));
    assert_eq!(part("bytes=10-").await.body, whole.slice(10..));
    assert_eq!(part(&format!("bytes={length}-")).await.status, 416);
    assert_eq!(part("bytes=0-1,4-5").await.status, 200);
    assert_eq!(part("lines=0-1").await.status, 200);
}

#[tokio::test]
async fn docker_hubs_blobs_come_from_another_host() {
    let stage = Stage::of(Kind::Hub).await;
    let token = stage.token(&["repository:vault/keys:pull"], Some(ADA)).await;
    let index = stage.get_with("/v2/vault/keys/manifests/latest", &token).await.json();
    let image = format!("/v2/vault/keys/manifests/{}", index["manifests"][0]["digest"].as_str().unwrap());
    let digest = stage.get_with(&image, &token).await.json()["config"]["digest"].as_str().unwrap().to_owned();
    let redirect = stage.get_with(&format!("/v2/vault/keys/blobs/{digest}"), &token).await;
    assert_eq!((redirect.status, redirect.body.len()), (307, 0));
    let location = redirect.header("location");
    assert!(location.starts_with(&stage.registry().cdn().unwrap()));
    let blob = stage.client.get(&location).send().await.unwrap();
    assert_eq!((blob.status, digest_of(&blob.body)), (200, digest));
    let tampered = location.replace("sig=", "sig=0");
    assert_eq!(stage.client.get(&tampered).send().await.unwrap().status, 403);
    assert_eq!(stage.broken(), [""; 0]);
}

#[tokio::test]
async fn a_large_blob_is_generated() {
    let config = DemoConfig { big_blob: Some(3_000_001), ..DemoConfig::only([Kind::Open]) };
    let stage = Stage::with(Kind::Open, config).await;
    let (digest, length) = stage.registry().big_blob().unwrap();
    assert_eq!(length, 3_000_001);
    let manifest = stage.get("/v2/library/large/manifests/latest").await.json();
    assert_eq!(manifest["layers"][0]["digest"], Value::from(digest.clone()));
    let path = format!("/v2/library/large/blobs/{digest}");
    let blob = stage.get(&path).await.body;
    assert_eq!(digest_of(&blob), digest);
    let range =
        stage.client.get(&stage.url(&path)).header("range", "bytes=1000003-2000005").send().await.unwrap();
    assert_eq!(range.body, blob.slice(1_000_003..2_000_006));
}
