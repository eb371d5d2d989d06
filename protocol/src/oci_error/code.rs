//! The codes of registries' errors.

use std::fmt;

/// The longest code of another registry that is kept.
const MAX_CODE: usize = 64;

macro_rules! codes {
    ($( $(#[$doc:meta])* $variant:ident = $text:literal, )*) => {
        /// A code of the distribution specification, of the CNCF registry, or another in the form that the specification
        /// gives to codes.
        #[derive(Clone, Debug, Eq, Hash, PartialEq)]
        #[non_exhaustive]
        pub enum OciErrorCode {
            $( $(#[$doc])* $variant, )*
            /// Another code of upper-case letters, digits and underscores.
            Other(String),
        }

        impl OciErrorCode {
            /// Reads a code; `None` if it is not of the form `[A-Z0-9_]+`, at most 64 long. Lower case is accepted
            /// (Docker Hub's `toomanyrequests`) and raised.
            pub fn parse(text: &str) -> Option<Self> {
                let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
                if text.is_empty() || text.len() > MAX_CODE || !text.bytes().all(word) {
                    return None;
                }
                let upper = text.to_ascii_uppercase();
                Some(match upper.as_str() {
                    $( $text => Self::$variant, )*
                    _ => Self::Other(upper),
                })
            }

            /// The code, in upper case.
            pub fn as_str(&self) -> &str {
                match self {
                    $( Self::$variant => $text, )*
                    Self::Other(text) => text,
                }
            }
        }
    };
}

codes! {
    /// The blob is not known to the registry.
    BlobUnknown = "BLOB_UNKNOWN",
    /// The upload is invalid.
    BlobUploadInvalid = "BLOB_UPLOAD_INVALID",
    /// The upload is not known to the registry.
    BlobUploadUnknown = "BLOB_UPLOAD_UNKNOWN",
    /// The digest does not match the content.
    DigestInvalid = "DIGEST_INVALID",
    /// The manifest refers to a blob that is not there.
    ManifestBlobUnknown = "MANIFEST_BLOB_UNKNOWN",
    /// The manifest is invalid.
    ManifestInvalid = "MANIFEST_INVALID",
    /// The manifest is not known to the registry.
    ManifestUnknown = "MANIFEST_UNKNOWN",
    /// The repository name is invalid.
    NameInvalid = "NAME_INVALID",
    /// The repository is not known to the registry.
    NameUnknown = "NAME_UNKNOWN",
    /// The length does not match the content.
    SizeInvalid = "SIZE_INVALID",
    /// Authentication is required, or a token does not suffice.
    Unauthorized = "UNAUTHORIZED",
    /// Access is denied.
    Denied = "DENIED",
    /// The operation is not supported.
    Unsupported = "UNSUPPORTED",
    /// Too many requests.
    TooManyRequests = "TOOMANYREQUESTS",
    /// distribution: anything else.
    Unknown = "UNKNOWN",
    /// distribution: not available for now.
    Unavailable = "UNAVAILABLE",
    /// distribution: the manifest's signature does not verify.
    ManifestUnverified = "MANIFEST_UNVERIFIED",
    /// distribution: the tag is malformed.
    TagInvalid = "TAG_INVALID",
    /// distribution: the range is malformed.
    RangeInvalid = "RANGE_INVALID",
    /// distribution: `n` of a listing is out of range.
    PaginationNumberInvalid = "PAGINATION_NUMBER_INVALID",
}

impl fmt::Display for OciErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
