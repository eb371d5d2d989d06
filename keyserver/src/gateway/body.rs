//! Response bodies with a limit on the time without progress.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

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
///
/// The timer is made when a chunk is first waited for, and is not set anew for each chunk: when it fires, it is set to
/// the end of the current wait. A large blob has thousands of chunks, and a timer takes a lock of the runtime.
#[derive(Debug)]
pub(crate) struct IdleBody<B> {
    inner: B,
    limit: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    /// Since when a chunk is waited for. The time in which the reader does not read is not counted.
    waiting_since: Option<Instant>,
}

impl<B> IdleBody<B> {
    /// This body with this limit.
    pub(crate) fn new(inner: B, limit: Duration) -> Self {
        Self { inner, limit, timer: None, waiting_since: None }
    }

    /// Completes when the current wait is over the limit.
    fn poll_limit(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let end = *self.waiting_since.get_or_insert_with(Instant::now) + self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
        while timer.as_mut().poll(context).is_ready() {
            if timer.deadline() >= end {
                return Poll::Ready(());
            }
            timer.as_mut().reset(end);
        }
        Poll::Pending
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
        match Pin::new(&mut self.inner).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                self.waiting_since = None;
                if frame.is_data() { Poll::Ready(Some(Ok(frame))) } else { Poll::Ready(None) }
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(BodyError::Broken(error)))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => self.poll_limit(context).map(|()| Some(Err(BodyError::Idle))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
