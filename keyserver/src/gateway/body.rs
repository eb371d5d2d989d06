//! Response bodies with a limit on the time without progress.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

/// Why a body ended early. The connection is then closed, so that a part is not mistaken for the whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum BodyError {
    /// The registry's connection failed.
    #[error("the connection to the registry was lost during the response")]
    Broken(#[source] hyper::Error),
    /// No data within the limit.
    #[error("the registry's response stalled")]
    Idle,
}

/// A body that fails when the next chunk takes longer than the limit. Trailers are dropped.
#[derive(Debug)]
pub(crate) struct IdleBody<B> {
    inner: B,
    limit: Duration,
    /// Runs while waiting for a chunk.
    timer: Pin<Box<Sleep>>,
    waiting: bool,
}

impl<B> IdleBody<B> {
    /// This body with this limit.
    pub(crate) fn new(inner: B, limit: Duration) -> Self {
        Self { inner, limit, timer: Box::pin(sleep(limit)), waiting: false }
    }
}

impl<B> Body for IdleBody<B>
where
    B: Body<Data = Bytes, Error = hyper::Error> + Unpin,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        match Pin::new(&mut this.inner).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                this.waiting = false;
                if frame.is_data() { Poll::Ready(Some(Ok(frame))) } else { Poll::Ready(None) }
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(BodyError::Broken(error)))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                // The time in which the reader does not read is not counted.
                if !this.waiting {
                    this.waiting = true;
                    this.timer.as_mut().reset(Instant::now() + this.limit);
                }
                match this.timer.as_mut().poll(context) {
                    Poll::Ready(()) => Poll::Ready(Some(Err(BodyError::Idle))),
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
