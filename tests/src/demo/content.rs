//! Bodies of responses, and how they are sent.

use std::io;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};

use super::archive::hex;

/// The body of every response.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The source of a body.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Bytes(Bytes),
    /// A range of a generated blob: first byte and length.
    Generated(Generated, u64, u64),
}

/// Bytes that are computed from their position, so that a large blob needs no memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Generated {
    pub(crate) length: u64,
}

/// How a body is sent, if not at once.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    Drip { bytes: u64, every: Duration },
    Truncate { bytes: u64 },
}

impl Content {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Generated(_, _, length) => *length,
        }
    }

    /// The body, as fast as it is read.
    pub(crate) fn into_body(self) -> Body {
        match self {
            Self::Bytes(bytes) => Full::new(bytes).map_err(|never| match never {}).boxed_unsync(),
            Self::Generated(..) => {
                StreamBody::new(self.pieces(64 * 1024).map(|piece| Ok(Frame::data(piece)))).boxed_unsync()
            }
        }
    }

    /// The content in pieces of at most `size` bytes, generated on demand.
    pub(crate) fn pieces(self, size: u64) -> impl futures_util::Stream<Item = Bytes> + Send + 'static {
        stream::unfold((self, 0_u64), move |(content, done)| async move {
            let length = content.len().saturating_sub(done).min(size);
            if length == 0 {
                return None;
            }
            let piece = match &content {
                Self::Bytes(bytes) => {
                    let start = usize::try_from(done).ok()?;
                    bytes.slice(start..start + usize::try_from(length).ok()?)
                }
                Self::Generated(blob, first, _) => blob.piece(first + done, length),
            };
            Some((piece, (content, done + length)))
        })
    }
}

impl Generated {
    /// `sha256:<hex>` of the whole, computed piece by piece.
    pub(crate) fn digest(self) -> String {
        let mut context = Context::new(&SHA256);
        let mut done = 0;
        while done < self.length {
            let length = (self.length - done).min(1 << 20);
            context.update(&self.piece(done, length));
            done += length;
        }
        format!("sha256:{}", hex(context.finish().as_ref()))
    }

    /// A piece: each 8 bytes contain their own position.
    #[expect(clippy::unused_self, reason = "a method, so that only a generated blob has pieces")]
    pub(crate) fn piece(self, first: u64, length: u64) -> Bytes {
        let skipped = usize::try_from(first % 8).unwrap_or_default();
        let length = usize::try_from(length).unwrap_or_default();
        let mut bytes = Vec::with_capacity(skipped + length + 8);
        let mut position = first - first % 8;
        while bytes.len() < skipped + length {
            bytes.extend_from_slice(&position.to_be_bytes());
            position += 8;
        }
        bytes.truncate(skipped + length);
        Bytes::from(bytes).slice(skipped..)
    }
}

impl Pace {
    /// The content as a body that is sent at this pace.
    pub(crate) fn apply(self, content: Content) -> Body {
        match self {
            Self::Drip { bytes, every } => {
                StreamBody::new(content.pieces(bytes.max(1)).then(move |piece| async move {
                    tokio::time::sleep(every).await;
                    Ok(Frame::data(piece))
                }))
                .boxed_unsync()
            }
            Self::Truncate { bytes } => {
                let cut = stream::once(async {
                    // Lets the sent bytes arrive before the connection ends.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    Err(io::Error::new(io::ErrorKind::ConnectionAborted, "cut by script"))
                });
                let sent = content.pieces(16 * 1024).scan(bytes, |left, piece| {
                    let length = piece.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= length as u64;
                    let piece = (length > 0).then(|| Ok(Frame::data(piece.slice(..length))));
                    std::future::ready(piece)
                });
                StreamBody::new(sent.chain(cut)).boxed_unsync()
            }
        }
    }
}
