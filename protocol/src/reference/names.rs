//! Validated repository names, tags and digests.

use std::fmt;
use std::str::FromStr;

use super::error::ReferenceError;
use super::grammar;

macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(String);

        impl $name {
            /// The string, as written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ReferenceError;

            fn from_str(text: &str) -> Result<Self, ReferenceError> {
                Self::parse(text)
            }
        }
    };
}

checked_text! {
    /// The name of a repository within its registry (distribution-spec "Pulling manifests"): lower-case components
    /// joined by `/`, at most 255 bytes.
    Repository
}
checked_text! {
    /// A tag (distribution-spec): at most 128 letters, digits, `_`, `.` and `-`.
    Tag
}
checked_text! {
    /// A digest (image-spec "Digests"): `algorithm:encoded`. Those of sha256, sha384 and sha512 have their exact length in
    /// lower-case hex; other algorithms are accepted by the grammar. It never contains a character with a
    /// meaning in paths (CVE-2024-3727).
    Digest
}

impl Repository {
    /// Checks a repository name.
    ///
    /// # Errors
    /// [`ReferenceError::UpperCase`], [`ReferenceError::TooLong`] or [`ReferenceError::Repository`].
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        if grammar::is_repository(text) {
            return Ok(Self(text.to_owned()));
        }
        let lower = text.to_ascii_lowercase();
        Err(if text.len() > grammar::MAX_NAME {
            ReferenceError::TooLong
        } else if lower != text && grammar::is_repository(&lower) {
            ReferenceError::UpperCase
        } else {
            ReferenceError::Repository
        })
    }
}

impl Tag {
    /// Checks a tag.
    ///
    /// # Errors
    /// [`ReferenceError::Tag`].
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        if grammar::is_tag(text) { Ok(Self(text.to_owned())) } else { Err(ReferenceError::Tag) }
    }
}

impl Digest {
    /// Checks a digest.
    ///
    /// # Errors
    /// [`ReferenceError::Digest`].
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        if grammar::is_digest(text) { Ok(Self(text.to_owned())) } else { Err(ReferenceError::Digest) }
    }

    /// The algorithm, e.g. `sha256`.
    pub fn algorithm(&self) -> &str {
        self.0.split_once(':').map_or("", |(algorithm, _)| algorithm)
    }

    /// The part after the colon.
    pub fn encoded(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, encoded)| encoded)
    }
}
