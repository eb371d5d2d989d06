//! Why a demo could not start.

/// Why a demo could not start, or does not have the requested part.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// A port on loopback cannot be bound.
    #[error("cannot listen on 127.0.0.1: {0}")]
    Bind(#[source] std::io::Error),
    /// The signing key of the tokens could not be generated.
    #[error("cannot make the key that signs tokens")]
    SigningKey,
    /// An image could not be built.
    #[error("cannot build the images: {0}")]
    Image(#[from] serde_json::Error),
    /// The kind is not in the configuration.
    #[error("the demo runs without the registry `{kind}`")]
    NotRunning {
        /// Name of the kind.
        kind: &'static str,
    },
}
