//! The paths of the distribution specification.

use super::super::access::is_repository_name;

/// A path of the specification.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Base,
    Catalog,
    Tags { name: String },
    Manifest { name: String, reference: String },
    Blob { name: String, digest: String },
    Uploads { name: String },
    Referrers { name: String, digest: String },
    Unknown,
}

impl Route {
    pub(crate) fn parse(path: &str) -> Self {
        Self::read(path).unwrap_or(Self::Unknown)
    }

    fn read(path: &str) -> Option<Self> {
        let rest = path.strip_prefix("/v2/")?;
        if rest.is_empty() {
            return Some(Self::Base);
        }
        if rest == "_catalog" {
            return Some(Self::Catalog);
        }
        if let Some(name) = rest.strip_suffix("/tags/list") {
            return is_repository_name(name).then(|| Self::Tags { name: name.to_owned() });
        }
        if let Some((name, _)) = rest.split_once("/blobs/uploads/") {
            return is_repository_name(name).then(|| Self::Uploads { name: name.to_owned() });
        }
        let (rest, last) = rest.rsplit_once('/')?;
        let (name, kind) = rest.rsplit_once('/')?;
        if !is_repository_name(name) {
            return None;
        }
        let name = name.to_owned();
        match kind {
            "manifests" if is_tag(last) || is_digest(last) => {
                Some(Self::Manifest { name, reference: last.to_owned() })
            }
            "blobs" if is_digest(last) => Some(Self::Blob { name, digest: last.to_owned() }),
            "referrers" if is_digest(last) => Some(Self::Referrers { name, digest: last.to_owned() }),
            _ => None,
        }
    }

    /// The repository that the path is about.
    pub(crate) fn repository(&self) -> Option<&str> {
        match self {
            Self::Tags { name }
            | Self::Manifest { name, .. }
            | Self::Blob { name, .. }
            | Self::Uploads { name }
            | Self::Referrers { name, .. } => Some(name),
            Self::Base | Self::Catalog | Self::Unknown => None,
        }
    }
}

fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
}

/// SHA-256 only, which is all that the demo has.
fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::Route;

    #[test]
    fn paths_are_read_by_the_grammar() {
        let digest = format!("sha256:{}", "a".repeat(64));
        assert_eq!(Route::parse("/v2/"), Route::Base);
        assert_eq!(Route::parse("/v2/_catalog"), Route::Catalog);
        assert_eq!(Route::parse("/v2/a/b/tags/list"), Route::Tags { name: "a/b".into() });
        assert_eq!(
            Route::parse("/v2/a/manifests/v1.0_x"),
            Route::Manifest { name: "a".into(), reference: "v1.0_x".into() }
        );
        assert_eq!(
            Route::parse(&format!("/v2/manifests/blobs/{digest}")),
            Route::Blob { name: "manifests".into(), digest: digest.clone() }
        );
        for unknown in
            ["/", "/v2", "/v1/", "/v2/_catalog/", "/v2/A/tags/list", "/v2/a/manifests/", "/v2/a/blobs/latest"]
        {
            assert_eq!(Route::parse(unknown), Route::Unknown, "{unknown}");
        }
    }
}
